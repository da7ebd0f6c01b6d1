/// Rows of 32-bit floats: the activations that flow through a model, `[rows, width]`.
///
/// A value with copy-on-write storage; memory returns to its arena with the last copy.
public struct Tensor: Sendable {
    /// Returns its memory to the arena when the last tensor that uses it goes.
    private final class Lease: Sendable {
        let storage: Storage
        let arena: Arena

        init(_ byteCount: Int, _ arena: Arena) {
            storage = arena.take(byteCount)
            self.arena = arena
        }

        deinit { arena.give(storage) }
    }

    /// The number of rows.
    public let rows: Int
    /// The number of values in a row.
    public let width: Int
    private var lease: Lease
    /// The tape's number for it, when an operation or a watch put it on one.
    var node: Int?

    /// Creates a tensor whose values are undefined.
    ///
    /// - Parameters:
    ///   - rows: The number of rows.
    ///   - width: The values in a row.
    ///   - arena: Where its memory comes from.
    public init(rows: Int, width: Int, arena: Arena) {
        self.rows = rows
        self.width = width
        lease = Lease(rows * width * MemoryLayout<Float>.stride, arena)
    }

    /// Creates a tensor from values, row by row.
    ///
    /// - Precondition: `values.count` is `rows * width`.
    public init(_ values: [Float], rows: Int, width: Int, arena: Arena) {
        precondition(values.count == rows * width, "\(values.count) values for [\(rows), \(width)]")
        self.init(rows: rows, width: width, arena: arena)
        let target = pointer
        values.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            target.update(from: base, count: source.count)
        }
    }

    /// The number of values.
    public var count: Int { rows * width }

    /// The first value.
    ///
    /// For operations, which write only tensors that they have just made.
    package var pointer: UnsafeMutablePointer<Float> {
        lease.storage.base.assumingMemoryBound(to: Float.self)
    }

    /// The first value, after making sure that no other tensor shares the memory.
    package mutating func mutablePointer() -> UnsafeMutablePointer<Float> {
        if !isKnownUniquelyReferenced(&lease) {
            let copy = Lease(count * MemoryLayout<Float>.stride, lease.arena)
            copy.storage.base.copyMemory(
                from: lease.storage.base,
                byteCount: count * MemoryLayout<Float>.stride
            )
            lease = copy
        }
        return pointer
    }

    /// The first value, after making sure on all threads that no other tensor shares the memory.
    mutating func mutablePointer(_ pool: ThreadPool) -> UnsafeMutablePointer<Float> {
        if isKnownUniquelyReferenced(&lease) { return pointer }
        let copy = Lease(count * MemoryLayout<Float>.stride, lease.arena)
        let (from, to) = (lease.storage, copy.storage)
        pool.run(count: count * MemoryLayout<Float>.stride, grain: 1 << 18) { range in
            to.copy(from: from, at: range.lowerBound, to: range.lowerBound, byteCount: range.count)
        }
        lease = copy
        return pointer
    }

    /// Lends one row.
    ///
    /// - Precondition: `row` is within the tensor.
    public func withRow<R>(_ row: Int, _ body: (borrowing Span<Float>) throws -> R) rethrows -> R {
        precondition((0..<rows).contains(row), "row \(row) of \(rows)")
        let buffer = UnsafeBufferPointer(start: pointer + row * width, count: width)
        return try body(buffer.span)
    }

    /// All values, row by row.
    ///
    /// - Complexity: O(n).
    public var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}
