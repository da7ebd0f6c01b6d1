internal import SkeinCore
public import SkeinTensor

/// What all recurrent layers of one forward pass share.
public struct RecurrentContext: Sendable {
    /// The pieces of each segment.
    public let segments: [[RecurrentPiece]]
    /// Where layers find their parts of a block.
    public let layout: RecurrentPool.Layout

    /// Stages a batch.
    ///
    /// - Throws: As the state's `stage`.
    public init(_ batch: RowBatch, pool: RecurrentPool) throws {
        try pool.stage(batch)
        segments = pool.segments
        layout = pool.layout
    }
}

/// A Mamba layer: a causal convolution and a selective scan between two projections.
///
/// - Paper: Gu and Dao 2023, arXiv:2312.00752, section 3.4 and algorithm 2.
public struct MambaMixer: Sendable {
    /// To `[x | z]`, D each.
    public var input: Projection
    /// Over x.
    public var convolution: CausalConvolution
    /// From x to `[Δ | B | C]`: the step's rank, and N twice.
    public var mixing: Projection
    /// From the step's rank to D, with its bias.
    public var step: Projection
    /// The scan.
    public var scan: SelectiveScan
    /// From D back to the model's width.
    public var output: Projection

    /// Joins the parts of a layer.
    public init(
        input: Projection,
        convolution: CausalConvolution,
        mixing: Projection,
        step: Projection,
        scan: SelectiveScan,
        output: Projection
    ) {
        self.input = input
        self.convolution = convolution
        self.mixing = mixing
        self.step = step
        self.scan = scan
        self.output = output
    }

    /// Returns `x + mixer(prologue(x))`.
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
        _ context: RecurrentContext,
        _ processor: Processor
    ) -> Tensor {
        let rank = step.inputs
        let both = processor.project(x, after: prologue, through: input)
        let seen = processor.convolve(
            both,
            through: convolution,
            segments: context.segments,
            at: context.layout.convolutionOffset(layer)
        )
        let mixed = processor.project(seen, through: mixing)
        let steps = processor.project(mixed, after: .columns(0..<rank), through: step)
        let y = processor.scan(
            ScanInputs(
                x: seen,
                step: steps,
                mixed: (mixed, rank),
                gate: (both, scan.channels)
            ),
            scan,
            segments: context.segments,
            at: context.layout.scanOffset(layer)
        )
        return processor.project(y, through: output, addingTo: x, dropoutSite: layer)
    }
}
