internal import SkeinTensor

/// One vector a row, in rows padded with zeros to whole eights.
public final class NodeMatrix: @unchecked Sendable {
    // Invariant: whoever writes `base` from several threads writes disjoint rows, except in the racing
    // mode of the walk embedder, where lost updates are part of the bargain.

    /// How many rows there are.
    public let rows: Int
    /// How many values of a row are meant.
    public let dimensions: Int
    /// How many values lie between the starts of two rows.
    public let stride: Int
    package let base: UnsafeMutablePointer<Float>
    private let storage: Storage

    /// Makes a matrix of zeros.
    public init(rows: Int, dimensions: Int) {
        self.rows = rows
        self.dimensions = dimensions
        stride = max((dimensions + 7) / 8 * 8, 8)
        let count = max(rows * stride, 8)
        storage = Storage(byteCount: count * 4)
        base = storage.base.bindMemory(to: Float.self, capacity: count)
        // Large blocks come as zeros.
        if storage.byteCount < 4 << 20 { base.initialize(repeating: 0, count: count) }
    }

    /// The values of a row.
    public subscript(row: Int) -> [Float] {
        get { Array(UnsafeBufferPointer(start: base + row * stride, count: dimensions)) }
        set {
            for (index, value) in newValue.prefix(dimensions).enumerated() {
                self[row, index] = value
            }
        }
    }

    /// One value.
    public subscript(row: Int, column: Int) -> Float {
        get { base[row * stride + column] }
        set { base[row * stride + column] = newValue }
    }

    /// A copy.
    public func copy() -> NodeMatrix {
        let other = NodeMatrix(rows: rows, dimensions: dimensions)
        other.base.update(from: base, count: rows * stride)
        return other
    }

    /// Every value times a factor.
    func copy(scaledBy factor: Float, _ compute: GraphCompute) -> NodeMatrix {
        let other = NodeMatrix(rows: rows, dimensions: dimensions)
        compute.run(count: rows * stride, size: 1 << 16) { range in
            for index in range { other.base[index] = factor * self.base[index] }
        }
        return other
    }

    /// Whether two matrices hold the same bits.
    public func hasSameBits(as other: NodeMatrix) -> Bool {
        guard rows == other.rows, dimensions == other.dimensions else { return false }
        return (0..<rows * stride).allSatisfy { base[$0].bitPattern == other.base[$0].bitPattern }
    }

    /// Whether every value is finite.
    public var isFinite: Bool { (0..<rows * stride).allSatisfy { base[$0].isFinite } }

    /// Scales every row to unit length; rows of zeros stay.
    public func normalizeRows() { normalizeRows(0..<rows) }

    /// Scales every row to unit length, on all threads.
    func normalizeRows(_ compute: GraphCompute) {
        compute.run(count: rows, size: 2048) { self.normalizeRows($0) }
    }

    private func normalizeRows(_ range: Range<Int>) {
        for row in range {
            let values = base + row * stride
            var sum = 0.0
            for index in 0..<dimensions { sum += Double(values[index]) * Double(values[index]) }
            guard sum > 0 else { continue }
            let factor = Float(1 / sum.squareRoot())
            for index in 0..<dimensions { values[index] *= factor }
        }
    }

    /// The inner product of two rows.
    public func dot(_ a: Int, _ b: Int) -> Float {
        Self.dot(base + a * stride, base + b * stride, count: stride)
    }

    /// The inner product of two padded vectors.
    static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Float {
        var sum = SIMD8<Float>.zero
        let left = UnsafeRawPointer(a)
        let right = UnsafeRawPointer(b)
        for offset in Swift.stride(from: 0, to: count * 4, by: 32) {
            sum +=
                left.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                * right.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
        }
        return sum.sum()
    }
}
