/// A weight that learns, or one that gradients pass through: f32 values in their checkpoint's row order, and the gradient of a loss by them.
///
/// Invariant: values change only through the optimiser, between passes; gradients are written by the
/// one pass that runs, whose tasks own disjoint parts.
public final class Parameter: @unchecked Sendable {
    /// The checkpoint's name.
    public let name: String
    /// The shape: `[outputs, inputs]`, `[V, C]` or `[C]`.
    public let shape: [Int]
    /// The number of values.
    public let count: Int
    /// Whether the way back leaves out the gradient by this weight; set before the first pass.
    public var isFrozen = false
    let storage: Storage
    let gradientStorage: Storage

    /// Creates a parameter with a gradient of zeros.
    ///
    /// - Precondition: There are as many values as the shape says.
    public init(_ name: String, shape: [Int], values: [Float]) {
        count = shape.reduce(1, *)
        precondition(values.count == count, "\(name): \(values.count) values for \(shape)")
        self.name = name
        self.shape = shape
        storage = Storage(byteCount: count * MemoryLayout<Float>.stride)
        gradientStorage = Storage(byteCount: count * MemoryLayout<Float>.stride)
        gradient.initialize(repeating: 0, count: count)
        set(values)
    }

    /// The first value.
    package var pointer: UnsafeMutablePointer<Float> {
        storage.base.assumingMemoryBound(to: Float.self)
    }

    /// The first value of the gradient.
    package var gradient: UnsafeMutablePointer<Float> {
        gradientStorage.base.assumingMemoryBound(to: Float.self)
    }

    /// The number of values in a row: the last of the shape.
    public var width: Int { shape.last ?? 1 }
    /// The number of rows.
    public var rows: Int { width == 0 ? 0 : count / width }

    /// A copy of the values.
    public var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

    /// A copy of the gradient.
    public var gradientValues: [Float] {
        Array(UnsafeBufferPointer(start: gradient, count: count))
    }

    /// Replaces the values.
    ///
    /// - Precondition: There are as many as the parameter has.
    public func set(_ values: [Float]) {
        precondition(values.count == count, "\(name): \(values.count) values for \(shape)")
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { pointer.update(from: base, count: count) }
        }
    }

    /// Sets the gradient to zeros.
    public func clearGradient() { gradient.update(repeating: 0, count: count) }
}
