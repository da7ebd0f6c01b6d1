internal import SkeinCore
public import SkeinNN
public import SkeinTensor

/// A post-norm block: attention, then a feed-forward layer, each added to the stream and then normed.
struct EncoderBlock: Sendable {
    var attention: SelfAttention
    var attentionNorm: Prologue
    var feedForward: FeedForward
    var feedForwardNorm: Prologue
}

/// BERT and its relatives: bidirectional attention, learned positions, layer norms after each sum.
///
/// - Paper: Devlin et al. 2018, arXiv:1810.04805; RoBERTa: Liu et al. 2019, arXiv:1907.11692;
///   DistilBERT: Sanh et al. 2019, arXiv:1910.01108.
public struct BERT: EmbeddingModel {
    /// The facts about the model; its context leaves out positions that the family never uses.
    public var description: ModelDescription
    /// The weights by name.
    public var weights: WeightList?
    /// Token embeddings, `[V, C]`, read from the file.
    var embedding: Table
    /// Learned positions, `[offset + L, C]`.
    var positions: Table
    /// Where position zero is found in the table.
    var positionOffset: Int32
    /// Embeddings of token types, `[types, C]`; every token is of the first.
    var tokenTypes: Table?
    var embeddingNorm: Prologue
    var blocks: [EncoderBlock]
    /// What a classifier would read, made of the first token's state.
    var pooler: Projection?

    /// Every token sees every token.
    public var visibility: Visibility { .bidirectional }

    /// Room for one layer's keys and values: no layer's outlive the layer, for texts run whole.
    public func makeState(dtype: DType) -> any StatePool {
        let width = blocks.first?.attention.shape.kvWidth ?? 0
        return KeyValuePool(.init(layers: 1, width: width, dtype: dtype))
    }

    /// Runs whole texts; there is nothing to commit afterwards.
    public func forward(_ batch: RowBatch, _ execution: inout Execution) throws -> Tensor {
        guard let pool = execution.state as? KeyValuePool, let ids = batch.inputs.tokens else {
            throw SkeinError(
                .incapable,
                "\(description.family) needs token rows and a key-value state"
            )
        }
        guard
            batch.segments.allSatisfy({ $0.reads == .nothing && $0.visibility == .bidirectional })
        else {
            throw SkeinError(
                .incapable,
                "\(description.family) runs whole texts: segments that read no past and see all"
                    + " of their own rows"
            )
        }
        let processor = execution.processor
        var x = try processor.lookUp(embedding, ids: ids)
        if let tokenTypes {
            let first = [Int32](repeating: 0, count: ids.count)
            x = try processor.lookUp(tokenTypes, ids: first, addingTo: x)
        }
        let places = batch.positions.map { $0 &+ positionOffset }
        x = try processor.lookUp(positions, ids: places, addingTo: x)
        x = processor.apply(embeddingNorm, to: x)
        let context = try AttentionContext(batch, pool: pool, rotary: nil)
        // The state has room for one layer: each is done with its keys before the next begins.
        for block in blocks {
            x = block.attention(x, after: .none, layer: 0, context, processor)
            x = processor.apply(block.attentionNorm, to: x)
            x = block.feedForward(x, after: .none, layer: 0, processor)
            x = processor.apply(block.feedForwardNorm, to: x)
        }
        return x
    }

    /// The hidden states themselves: the last block ends with a norm.
    public func finalHidden(_ hidden: Tensor, _ processor: Processor) -> Tensor { hidden }

    /// `tanh(W · first + b)`, where the checkpoint has these weights.
    public func pooled(_ first: Tensor, _ processor: Processor) -> Tensor? {
        guard let pooler else { return nil }
        let values = processor.project(first, through: pooler).values.map(Elementary.tanh)
        return Tensor(values, rows: first.rows, width: pooler.outputs, arena: processor.arena)
    }
}

extension BERT {
    /// Loads a model.
    static func load(_ loader: inout ParameterLoader, _ dialect: BERTDialect) throws -> BERT {
        let sizes = try Sizes(loader.checkpoint.configuration, dialect)
        let width = sizes.width
        let words = "embeddings.word_embeddings.weight"
        let prefix =
            dialect.prefixes.first { loader.checkpoint.tensor($0 + words) != nil } ?? ""
        let embedding = try loader.table(prefix + words, [sizes.vocabulary, width])
        let positions = try loader.table(
            "\(prefix)embeddings.position_embeddings.weight",
            [sizes.positions, width]
        )
        var tokenTypes: Table?
        if dialect.hasTokenTypes {
            tokenTypes = try loader.table(
                "\(prefix)embeddings.token_type_embeddings.weight",
                [sizes.tokenTypes, width]
            )
        }
        let embeddingNorm = try norm(&loader, "\(prefix)embeddings.LayerNorm", sizes)
        var blocks: [EncoderBlock] = []
        for layer in 0..<sizes.layers {
            let stem = "\(prefix)\(dialect.layers).\(layer)"
            blocks.append(try block(&loader, stem, dialect, sizes))
        }
        var pooler: Projection?
        if loader.checkpoint.tensor("\(prefix)pooler.dense.weight") != nil {
            pooler = Projection([try linear(&loader, "\(prefix)pooler.dense", width, width)])
        }
        return BERT(
            description: loader.description(
                vocabulary: sizes.vocabulary,
                width: width,
                layers: sizes.layers,
                context: sizes.positions - sizes.positionOffset
            ),
            weights: loader.weights,
            embedding: embedding,
            positions: positions,
            positionOffset: Int32(sizes.positionOffset),
            tokenTypes: tokenTypes,
            embeddingNorm: embeddingNorm,
            blocks: blocks,
            pooler: pooler
        )
    }

    private static func block(
        _ loader: inout ParameterLoader,
        _ stem: String,
        _ dialect: BERTDialect,
        _ sizes: Sizes
    ) throws -> EncoderBlock {
        let width = sizes.width
        let attention = SelfAttention(
            shape: AttentionShape(
                heads: sizes.heads,
                kvHeads: sizes.heads,
                headDim: width / sizes.heads
            ),
            qkv: Projection(
                try [dialect.query, dialect.key, dialect.value].map {
                    try linear(&loader, "\(stem).\($0)", width, width)
                }
            ),
            output: Projection([
                try linear(&loader, "\(stem).\(dialect.attentionOutput)", width, width)
            ]),
            isRotated: false
        )
        return EncoderBlock(
            attention: attention,
            attentionNorm: try norm(&loader, "\(stem).\(dialect.attentionNorm)", sizes),
            feedForward: FeedForward(
                up: Projection([try linear(&loader, "\(stem).\(dialect.up)", sizes.hidden, width)]),
                activation: sizes.activation,
                down: Projection([
                    try linear(&loader, "\(stem).\(dialect.down)", width, sizes.hidden)
                ])
            ),
            feedForwardNorm: try norm(&loader, "\(stem).\(dialect.outputNorm)", sizes)
        )
    }

    /// A linear layer, which always has a bias in this family.
    private static func linear(
        _ loader: inout ParameterLoader,
        _ name: String,
        _ outputs: Int,
        _ inputs: Int
    ) throws -> Projection.Part {
        Projection.Part(
            matrix: try loader.matrix("\(name).weight", outputs, inputs),
            bias: try loader.vector("\(name).bias", outputs)
        )
    }

    /// A layer norm; the oldest checkpoints call its weight and bias gamma and beta.
    private static func norm(
        _ loader: inout ParameterLoader,
        _ name: String,
        _ sizes: Sizes
    ) throws -> Prologue {
        let isOld = loader.checkpoint.tensor("\(name).gamma") != nil
        return .layerNorm(
            weight: try loader.vector("\(name).\(isOld ? "gamma" : "weight")", sizes.width),
            bias: try loader.vector("\(name).\(isOld ? "beta" : "bias")", sizes.width),
            epsilon: sizes.epsilon
        )
    }
}

extension BERT {
    /// What the configuration says, checked.
    private struct Sizes {
        var vocabulary, width, layers, heads, hidden, positions, tokenTypes: Int
        var positionOffset: Int
        var epsilon: Float
        var activation: Prologue

        init(_ configuration: ModelConfiguration, _ dialect: BERTDialect) throws {
            let source = configuration.source
            vocabulary = try configuration.integer("vocab_size")
            width = try configuration.integer("hidden_size", "dim")
            layers = try configuration.integer("num_hidden_layers", "n_layers")
            heads = try configuration.integer("num_attention_heads", "n_heads")
            hidden = try configuration.integer("intermediate_size", "hidden_dim")
            positions = try configuration.integer("max_position_embeddings")
            tokenTypes = try configuration.optionalInteger("type_vocab_size") ?? 2
            // The padding token may have the id zero, which is no positive integer.
            let padding = configuration.values["pad_token_id"]?.int ?? 1
            positionOffset = dialect.skipsPadding ? padding + 1 : 0
            epsilon = Float(
                try configuration.number(
                    "layer_norm_eps",
                    default: configuration.number("layer_norm_epsilon", default: 1e-12)
                )
            )
            guard width % heads == 0 else {
                throw SkeinError(
                    .corruptFile,
                    "\(source): width \(width) is no multiple of \(heads) heads"
                )
            }
            guard (0..<positions).contains(positionOffset) else {
                throw SkeinError(
                    .corruptFile,
                    "\(source): pad_token_id \(padding) leaves no position of \(positions)"
                )
            }
            let kind = configuration.values["position_embedding_type"]?.string ?? "absolute"
            guard kind == "absolute" else {
                throw SkeinError(
                    .unsupported,
                    "\(source): position_embedding_type \"\(kind)\"; known is absolute"
                )
            }
            let name =
                (configuration.values["hidden_act"] ?? configuration.values["activation"])?.string
                ?? "gelu"
            guard ["gelu", "gelu_new", "gelu_pytorch_tanh"].contains(name) else {
                throw SkeinError(
                    .unsupported,
                    "\(source): activation \"\(name)\"; known are gelu, gelu_new and"
                        + " gelu_pytorch_tanh"
                )
            }
            activation = .gelu(isApproximate: name != "gelu")
        }
    }
}
