internal import SkeinCore
internal import SkeinNN
internal import SkeinTensor

/// Blocks of RMS norm, rotary attention and a gated SiLU layer: what Llama and its kin share.
///
/// A family says what differs; the order of the parts is the same for all.
struct LlamaStack {
    /// The base of rotary frequencies where the configuration names none.
    var rotaryBase = 10000.0
    /// Norms over each head's queries and keys.
    var hasHeadNorms = false
    /// Whether queries, keys and values must have biases; otherwise they may.
    var hasInputBiases = false
    /// Whether each layer rotates its heads; empty when all do.
    var isRotated: [Bool] = []
    /// Each layer's sliding window; empty when none has one.
    var windows: [Int?] = []

    /// Loads a model.
    func load(_ loader: inout ParameterLoader) throws -> TransformerDecoder {
        let configuration = loader.checkpoint.configuration
        let width = try configuration.integer("hidden_size")
        let hidden = try configuration.integer("intermediate_size")
        let layers = try configuration.integer("num_hidden_layers")
        let vocabulary = try configuration.integer("vocab_size")
        let context = try configuration.integer("max_position_embeddings")
        let epsilon = Float(try configuration.number("rms_norm_eps", default: 1e-6))
        let shape = try Self.shape(configuration, width: width)
        let embedding = try loader.embedding(
            "model.embed_tokens.weight",
            orHead: "lm_head.weight",
            [vocabulary, width]
        )
        var blocks: [TransformerBlock] = []
        for layer in 0..<layers {
            let name = "model.layers.\(layer)"
            blocks.append(
                TransformerBlock(
                    attentionNorm: .rmsNorm(
                        weight: try loader.vector("\(name).input_layernorm.weight", width),
                        epsilon: epsilon
                    ),
                    attention: try attention(
                        &loader,
                        "\(name).self_attn",
                        layer,
                        shape,
                        width,
                        epsilon
                    ),
                    feedForwardNorm: .rmsNorm(
                        weight: try loader.vector("\(name).post_attention_layernorm.weight", width),
                        epsilon: epsilon
                    ),
                    feedForward: FeedForward(
                        up: try loader.projection(
                            [("\(name).mlp.gate_proj", hidden), ("\(name).mlp.up_proj", hidden)],
                            inputs: width
                        ),
                        activation: .gatedSiLU,
                        down: try loader.projection(
                            [("\(name).mlp.down_proj", width)],
                            inputs: hidden
                        )
                    )
                )
            )
        }
        let norm = try loader.vector("model.norm.weight", width)
        let head = try loader.head("lm_head.weight", tiedTo: embedding, [vocabulary, width])
        return TransformerDecoder(
            description: loader.description(
                vocabulary: vocabulary,
                width: width,
                layers: layers,
                context: context
            ),
            weights: loader.weights,
            learned: loader.learned,
            embedding: embedding,
            rotary: try rotary(loader, shape, context),
            blocks: blocks,
            finalNorm: .rmsNorm(weight: norm, epsilon: epsilon),
            head: head
        )
    }

    private func attention(
        _ loader: inout ParameterLoader,
        _ name: String,
        _ layer: Int,
        _ shape: AttentionShape,
        _ width: Int,
        _ epsilon: Float
    ) throws -> SelfAttention {
        let queryWidth = shape.heads * shape.headDim
        if hasInputBiases {
            for (part, width) in [("q", queryWidth), ("k", shape.kvWidth), ("v", shape.kvWidth)] {
                _ = try loader.record("\(name).\(part)_proj.bias", [width])
            }
        }
        var norms: HeadNorms?
        if hasHeadNorms {
            norms = HeadNorms(
                query: try loader.vector("\(name).q_norm.weight", shape.headDim),
                key: try loader.vector("\(name).k_norm.weight", shape.headDim),
                epsilon: epsilon
            )
        }
        return SelfAttention(
            shape: shape,
            qkv: try loader.projection(
                [
                    ("\(name).q_proj", queryWidth), ("\(name).k_proj", shape.kvWidth),
                    ("\(name).v_proj", shape.kvWidth),
                ],
                inputs: width
            ),
            output: try loader.projection([("\(name).o_proj", width)], inputs: queryWidth),
            norms: norms,
            isRotated: isRotated.isEmpty || isRotated[layer],
            window: windows.isEmpty ? nil : windows[layer]
        )
    }

    private func rotary(
        _ loader: ParameterLoader,
        _ shape: AttentionShape,
        _ context: Int
    ) throws -> RotaryEmbedding {
        let configuration = loader.checkpoint.configuration
        let rotated = try configuration.optionalInteger("rope_dimension_count") ?? shape.headDim
        guard rotated <= shape.headDim, rotated % 2 == 0 else {
            throw SkeinError(
                .corruptFile,
                "\(configuration.source): \(rotated) rotated values in heads of \(shape.headDim)"
            )
        }
        var scaling = try configuration.rotaryScaling(contextLength: context)
        if let factors = loader.checkpoint.tensor("rope_freqs") {
            let values = try factors.floats()
            guard values.count == rotated / 2, values.allSatisfy({ $0.isFinite && $0 > 0 }) else {
                throw SkeinError(
                    .shapeMismatch,
                    "\(factors.name) has \(values.count) values, expected \(rotated / 2) above zero"
                )
            }
            scaling = .factors(values)
        }
        return RotaryEmbedding(
            width: rotated,
            base: try configuration.rotaryBase(default: rotaryBase),
            scaling: scaling,
            isInterleaved: loader.checkpoint.hasInterleavedRotary
        )
    }

    /// The sizes of the attention layers.
    private static func shape(
        _ configuration: ModelConfiguration,
        width: Int
    ) throws -> AttentionShape {
        let heads = try configuration.integer("num_attention_heads")
        let kvHeads = try configuration.optionalInteger("num_key_value_heads") ?? heads
        let headDim = try configuration.optionalInteger("head_dim") ?? width / heads
        guard heads % kvHeads == 0, headDim > 0, headDim % 2 == 0 else {
            throw SkeinError(
                .corruptFile,
                "\(configuration.source): \(heads) heads, \(kvHeads) key-value heads of \(headDim);"
                    + " heads must share key-value heads evenly and have an even width"
            )
        }
        return AttentionShape(heads: heads, kvHeads: kvHeads, headDim: headDim)
    }
}
