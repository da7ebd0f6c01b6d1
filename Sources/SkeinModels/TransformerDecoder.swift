internal import SkeinCore
public import SkeinNN
public import SkeinTensor

/// A pre-norm block: attention, then a feed-forward layer, each added to the residual stream.
public struct TransformerBlock: Sendable {
    /// The norm before attention.
    public var attentionNorm: Prologue
    /// The attention layer.
    public var attention: SelfAttention
    /// The norm before the feed-forward layer.
    public var feedForwardNorm: Prologue
    /// The feed-forward layer.
    public var feedForward: FeedForward
}

/// A stack of blocks between a token embedding and an output head: what all families here share.
public struct TransformerDecoder: LearningModel {
    /// The facts about the model.
    public var description: ModelDescription
    /// The weights by name.
    public var weights: WeightList?
    /// The parameters, if the model was loaded to learn.
    public var learned: ParameterSet?
    /// Token embeddings, `[V, C]`, read from the file unless they learn.
    var embedding: Table
    /// Learned positions, `[L, C]`, if the family has them.
    var positions: Table?
    /// Rotations, if the family has them.
    var rotary: RotaryEmbedding?
    var blocks: [TransformerBlock]
    var finalNorm: Prologue
    var head: Projection

    /// An empty paged memory.
    public func makeState(dtype: DType) -> any StatePool {
        KeyValuePool(
            .init(
                layers: blocks.count,
                width: blocks.first?.attention.shape.kvWidth ?? 0,
                dtype: dtype
            )
        )
    }

    /// Runs a batch and stages its keys and values.
    public func forward(_ batch: RowBatch, _ execution: inout Execution) throws -> Tensor {
        guard let pool = execution.state as? any KeyValueMemory, let ids = batch.inputs.tokens
        else {
            throw SkeinError(
                .incapable,
                "\(description.family) needs token rows and a key-value state"
            )
        }
        let processor = execution.processor
        var x = try processor.lookUp(embedding, ids: ids)
        if let positions { x = try processor.lookUp(positions, ids: batch.positions, addingTo: x) }
        let context = try AttentionContext(batch, pool: pool, rotary: rotary)
        for (layer, block) in blocks.enumerated() {
            x = processor.block(x) { x, processor in
                let x = block.attention(
                    x,
                    after: block.attentionNorm,
                    layer: layer,
                    context,
                    processor
                )
                return block.feedForward(x, after: block.feedForwardNorm, layer: layer, processor)
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

    /// A memory for one pass over whole texts.
    public func makePassMemory() -> any StatePool {
        PassMemory(width: blocks.first?.attention.shape.kvWidth ?? 0)
    }

    /// The final norm and the output head.
    public func logits(_ hidden: Tensor, _ processor: Processor) -> Tensor {
        processor.project(hidden, after: finalNorm, through: head)
    }
}
