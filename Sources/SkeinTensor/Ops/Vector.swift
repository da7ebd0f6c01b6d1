/// A vector of floats: a bias, or a norm's weight; immutable unless it stands on a parameter.
public final class Vector: Sendable {
    private let storage: Storage
    /// The number of values.
    public let count: Int
    /// What it stands on while it learns.
    public let parameter: Parameter?

    /// Copies values.
    public init(_ values: [Float]) {
        count = values.count
        parameter = nil
        storage = Storage(byteCount: values.count * MemoryLayout<Float>.stride)
        let target = storage.base.assumingMemoryBound(to: Float.self)
        for (index, value) in values.enumerated() { target[index] = value }
    }

    /// Stands on a parameter: its values are this vector's, whenever they change.
    public init(_ parameter: Parameter) {
        count = parameter.count
        storage = parameter.storage
        self.parameter = parameter
    }

    /// The first value.
    package var pointer: UnsafePointer<Float> {
        UnsafePointer(storage.base.assumingMemoryBound(to: Float.self))
    }

    /// The values.
    public var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}
