internal import SkeinCore
public import SkeinNN
public import SkeinTensor

/// A stack of norms and Mamba layers between a token embedding and an output head.
///
/// - Paper: Gu and Dao 2023, arXiv:2312.00752, figure 3.
public struct MambaDecoder: LearningModel {
    /// A layer and the norm before it.
    public struct Block: Sendable {
        /// The norm.
        public var norm: Prologue
        /// The layer.
        public var mixer: MambaMixer
    }

    /// The facts about the model.
    public var description: ModelDescription
    /// The weights by name.
    public var weights: WeightList?
    /// The parameters, if the model was loaded to learn.
    public var learned: ParameterSet?
    /// Token embeddings, `[V, C]`.
    var embedding: Table
    var blocks: [Block]
    var finalNorm: Prologue
    var head: Projection

    private func layout(pageTokens: Int?) -> RecurrentPool.Layout {
        RecurrentPool.Layout(
            layers: blocks.count,
            convolution: blocks.first?.mixer.convolution.stateCount ?? 0,
            scan: blocks.first?.mixer.scan.stateCount ?? 0,
            pageTokens: pageTokens
        )
    }

    /// An empty recurrent memory; states are f32 whatever type is asked for.
    public func makeState(dtype: DType) -> any StatePool { RecurrentPool(layout(pageTokens: 256)) }

    /// A memory without snapshots.
    public func makePassMemory() -> any StatePool { RecurrentPool(layout(pageTokens: nil)) }

    /// Runs a batch and stages its states.
    public func forward(_ batch: RowBatch, _ execution: inout Execution) throws -> Tensor {
        guard let pool = execution.state as? RecurrentPool, let ids = batch.inputs.tokens else {
            throw SkeinError(
                .incapable,
                "\(description.family) needs token rows and a recurrent state"
            )
        }
        let processor = execution.processor
        var x = try processor.lookUp(embedding, ids: ids)
        let context = try RecurrentContext(batch, pool: pool)
        for (layer, block) in blocks.enumerated() {
            x = processor.block(x) { x, processor in
                block.mixer(x, after: block.norm, layer: layer, context, processor)
            }
        }
        return x
    }

    /// The loss of hidden states against the tokens that came.
    public func loss(
        _ hidden: Tensor,
        targets: [Int32],
        rule: CrossEntropy,
        _ processor: Processor
    ) throws -> CrossEntropy.Outcome {
        try processor.crossEntropy(
            hidden,
            after: finalNorm,
            through: head,
            targets: targets,
            rule: rule
        )
    }

    /// The final norm and the output head.
    public func logits(_ hidden: Tensor, _ processor: Processor) -> Tensor {
        processor.project(hidden, after: finalNorm, through: head)
    }
}
