internal import CSkeinKernels

/// Cosines and sines of each row's rotation, `[rows, half]` each.
public struct RotaryTable: Sendable {
    /// Half the number of rotated values of a head.
    public let half: Int
    /// Whether pairs are neighbours (2i, 2i + 1) instead of (i, i + half).
    public let isInterleaved: Bool
    fileprivate let cosines: [Float]
    fileprivate let sines: [Float]

    /// The rotations the other way round.
    var inverse: Self {
        Self(half: half, isInterleaved: isInterleaved, cosines: cosines, sines: sines.map { -$0 })
    }

    private init(half: Int, isInterleaved: Bool, cosines: [Float], sines: [Float]) {
        self.half = half
        self.isInterleaved = isInterleaved
        self.cosines = cosines
        self.sines = sines
    }

    /// Creates the table of a batch.
    ///
    /// - Parameters:
    ///   - positions: The position of each row.
    ///   - frequencies: The angle of one position for each pair, in radians.
    ///   - magnitude: What cosines and sines are multiplied by (YaRN's attention factor, else 1).
    ///   - isInterleaved: Whether pairs are neighbours.
    public init(
        positions: [Int32],
        frequencies: [Float],
        magnitude: Float = 1,
        isInterleaved: Bool
    ) {
        half = frequencies.count
        self.isInterleaved = isInterleaved
        var cosines: [Float] = []
        var sines: [Float] = []
        cosines.reserveCapacity(positions.count * frequencies.count)
        sines.reserveCapacity(positions.count * frequencies.count)
        for position in positions {
            for frequency in frequencies {
                let angle = Double(Float(position) * frequency)
                cosines.append(Float(Self.cosine(angle)) * magnitude)
                sines.append(Float(Self.sine(angle)) * magnitude)
            }
        }
        self.cosines = cosines
        self.sines = sines
    }
}

/// A norm over each head's queries and keys.
public struct HeadNorms: Sendable {
    /// The weight of the queries' norm, `[headDim]`.
    public var query: Vector
    /// The weight of the keys' norm, `[headDim]`.
    public var key: Vector
    /// The ε under the root.
    public var epsilon: Float

    /// Joins both norms.
    public init(query: Vector, key: Vector, epsilon: Float) {
        self.query = query
        self.key = key
        self.epsilon = epsilon
    }
}

extension Processor {
    /// Finishes rows of `[queries | keys | values]`: norms and rotates heads in place, and stores keys
    /// and values in their own type.
    ///
    /// - Parameters:
    ///   - fused: `[rows, fusedWidth]`.
    ///   - shape: The sizes.
    ///   - norms: Norms over each head, if the model has them.
    ///   - rotary: The rows' rotations, if the model rotates.
    ///   - dtype: The type of stored keys and values.
    ///   - run: Where they go: as many tokens as rows.
    /// - Returns: The rows, with finished queries.
    public func finishHeads(
        _ fused: consuming Tensor,
        shape: AttentionShape,
        norms: HeadNorms?,
        rotary: RotaryTable?,
        dtype: DType,
        into run: KeyValueRun
    ) -> Tensor {
        var fused = fused
        let before =
            tape == nil ? nil : norms == nil ? FusedHeads(node: fused.node) : FusedHeads(fused)
        precondition(
            fused.width == shape.fusedWidth,
            "rows of \(fused.width), not \(shape.fusedWidth)"
        )
        precondition(run.count == fused.rows, "\(run.count) places for \(fused.rows) rows")
        nonisolated(unsafe) let base = fused.mutablePointer()
        let (width, kvWidth, headDim) = (fused.width, shape.kvWidth, shape.headDim)
        let queryWidth = shape.heads * headDim
        pool.run(count: fused.rows, grain: max(1, 16384 / width)) { [kernels] range in
            for row in range {
                let queries = base + row * width
                let keys = queries + queryWidth
                if let norms {
                    let weights = (norms.query.pointer, norms.key.pointer)
                    kernels.rms_norm(
                        queries,
                        headDim,
                        queries,
                        headDim,
                        weights.0,
                        shape.heads,
                        headDim,
                        norms.epsilon
                    )
                    kernels.rms_norm(
                        keys,
                        headDim,
                        keys,
                        headDim,
                        weights.1,
                        shape.kvHeads,
                        headDim,
                        norms.epsilon
                    )
                }
                rotary?.apply(
                    kernels,
                    queries,
                    row: row,
                    heads: shape.heads + shape.kvHeads,
                    headDim
                )
                let offset = row * kvWidth * dtype.blockBytes
                kernels.narrow(
                    dtype.rawValue,
                    run.storage.base + run.keyOffset + offset,
                    keys,
                    kvWidth
                )
                kernels.narrow(
                    dtype.rawValue,
                    run.storage.base + run.valueOffset + offset,
                    keys + kvWidth,
                    kvWidth
                )
            }
        }
        record(&fused, from: before, shape: shape, norms: norms, rotary: rotary)
        return fused
    }
}

extension RotaryTable {
    /// Rotates heads that lie one after the other.
    func apply(
        _ kernels: sk_kernels,
        _ heads: UnsafeMutablePointer<Float>,
        row: Int,
        heads count: Int,
        _ headDim: Int
    ) {
        cosines.withUnsafeBufferPointer { cosines in
            sines.withUnsafeBufferPointer { sines in
                guard let cosines = cosines.baseAddress, let sines = sines.baseAddress else {
                    return
                }
                kernels.rotary(
                    heads,
                    count * headDim,
                    cosines + row * half,
                    sines + row * half,
                    1,
                    count,
                    headDim,
                    half,
                    isInterleaved ? 1 : 0
                )
            }
        }
    }
}
