/// An immutable vector of floats: a bias, or a norm's weight.
public final class Vector: Sendable {
    private let storage: Storage
    /// The number of values.
    public let count: Int

    /// Copies values.
    public init(_ values: [Float]) {
        count = values.count
        storage = Storage(byteCount: values.count * MemoryLayout<Float>.stride)
        let target = storage.base.assumingMemoryBound(to: Float.self)
        for (index, value) in values.enumerated() { target[index] = value }
    }

    /// The first value.
    package var pointer: UnsafePointer<Float> {
        UnsafePointer(storage.base.assumingMemoryBound(to: Float.self))
    }

    /// The values.
    public var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}
