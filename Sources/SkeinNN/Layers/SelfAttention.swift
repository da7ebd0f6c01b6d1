public import SkeinTensor

/// What all attention layers of one forward pass share: spans and rotations, computed once.
public final class AttentionContext {
    /// The state that holds keys and values.
    public let pool: any KeyValueMemory
    /// The rows' rotations, if the model rotates.
    public let rotary: RotaryTable?
    private let batch: RowBatch
    private var spans: [Int: [AttentionSpan]] = [:]

    /// Stages a batch and prepares what its layers share.
    ///
    /// - Parameters:
    ///   - batch: The batch.
    ///   - pool: The state.
    ///   - rotary: The model's rotary embedding.
    /// - Throws: As the state's `stage`.
    public init(_ batch: RowBatch, pool: any KeyValueMemory, rotary: RotaryEmbedding?) throws {
        self.batch = batch
        self.pool = pool
        self.rotary = rotary?.table(batch.positions)
        try pool.stage(batch)
    }

    /// What each segment's rows see under a window.
    fileprivate func spans(window: Int?) -> [AttentionSpan] {
        let key = window ?? .max
        if let known = spans[key] { return known }
        let made = batch.segments.indices.map { index in
            AttentionSpan(
                batch.segments[index],
                pastPositions: pool.pastPositions(ofSegment: index),
                positions: batch.positions,
                window: window
            )
        }
        spans[key] = made
        return made
    }
}

/// Multi-head softmax attention with grouped key-value heads.
///
/// - Paper: Vaswani et al. 2017, arXiv:1706.03762, eq. 1; grouped heads: Ainslie et al. 2023,
///   arXiv:2305.13245.
public struct SelfAttention: Sendable {
    /// The sizes.
    public var shape: AttentionShape
    /// Queries, keys and values side by side.
    public var qkv: Projection
    /// From heads back to the model's width.
    public var output: Projection
    /// Norms over each head, if the model has them.
    public var norms: HeadNorms?
    /// Whether heads are rotated.
    public var isRotated: Bool
    /// A row sees only keys whose position is greater than its own less this.
    public var window: Int?

    /// Joins the parts of a layer.
    public init(
        shape: AttentionShape,
        qkv: Projection,
        output: Projection,
        norms: HeadNorms? = nil,
        isRotated: Bool = true,
        window: Int? = nil
    ) {
        self.shape = shape
        self.qkv = qkv
        self.output = output
        self.norms = norms
        self.isRotated = isRotated
        self.window = window
    }

    /// Returns `x + attention(prologue(x))`.
    ///
    /// - Parameters:
    ///   - x: The residual stream, `[rows, C]`.
    ///   - prologue: The norm before the layer.
    ///   - layer: The layer's number in the state.
    ///   - context: What the layers share.
    ///   - processor: Where it runs.
    /// - Returns: The residual stream.
    public func callAsFunction(
        _ x: consuming Tensor,
        after prologue: Prologue,
        layer: Int,
        _ context: AttentionContext,
        _ processor: Processor
    ) -> Tensor {
        let pool = context.pool
        let fused = processor.finishHeads(
            processor.project(x, after: prologue, through: qkv),
            shape: shape,
            norms: norms,
            rotary: isRotated ? context.rotary : nil,
            dtype: pool.dtype,
            into: pool.stagedRun(layer: layer)
        )
        let spans = context.spans(window: window)
        let heads = processor.attend(
            fused,
            shape: shape,
            dtype: pool.dtype,
            spans: spans,
            runs: spans.indices.map { pool.runs(layer: layer, ofSegment: $0) }
        )
        return processor.project(heads, through: output, addingTo: x, dropoutSite: 2 * layer)
    }
}
