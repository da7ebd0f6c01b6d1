internal import SkeinCore
internal import SkeinNN
internal import SkeinTensor

/// GPT-2: layer norms with biases, learned positions, a tanh-approximated GELU, tied embeddings.
///
/// - Paper: Radford et al. 2019, "Language models are unsupervised multitask learners".
enum GPT2 {
    /// Loads a model.
    static func load(_ loader: inout ParameterLoader) throws -> TransformerDecoder {
        let configuration = loader.checkpoint.configuration
        let width = try configuration.integer("n_embd", "hidden_size")
        let layers = try configuration.integer("n_layer", "num_hidden_layers")
        let heads = try configuration.integer("n_head", "num_attention_heads")
        let vocabulary = try configuration.integer("vocab_size")
        let context = try configuration.integer("n_positions", "max_position_embeddings")
        let hidden =
            try configuration.optionalInteger("n_inner")
            ?? configuration.optionalInteger("intermediate_size") ?? 4 * width
        let epsilon = Float(try configuration.number("layer_norm_epsilon", default: 1e-5))
        guard width % heads == 0 else {
            throw SkeinError(
                .corruptFile,
                "\(configuration.source): width \(width) is no multiple of \(heads) heads"
            )
        }
        let activation = configuration.values["activation_function"]?.string ?? "gelu_new"
        guard ["gelu_new", "gelu", "gelu_pytorch_tanh"].contains(activation) else {
            throw SkeinError(
                .unsupported,
                "\(configuration.source): activation \"\(activation)\"; known are gelu_new, gelu and"
                    + " gelu_pytorch_tanh"
            )
        }
        let embedding = try loader.embedding(
            "transformer.wte.weight",
            orHead: "lm_head.weight",
            [vocabulary, width]
        )
        let positions = try loader.table("transformer.wpe.weight", [context, width])
        var blocks: [TransformerBlock] = []
        for layer in 0..<layers {
            let name = "transformer.h.\(layer)"
            blocks.append(
                TransformerBlock(
                    attentionNorm: try norm(&loader, "\(name).ln_1", width, epsilon),
                    attention: SelfAttention(
                        shape: AttentionShape(heads: heads, kvHeads: heads, headDim: width / heads),
                        qkv: try loader.projection(
                            [("\(name).attn.c_attn", 3 * width)],
                            inputs: width
                        ),
                        output: try loader.projection(
                            [("\(name).attn.c_proj", width)],
                            inputs: width
                        ),
                        isRotated: false
                    ),
                    feedForwardNorm: try norm(&loader, "\(name).ln_2", width, epsilon),
                    feedForward: FeedForward(
                        up: try loader.projection([("\(name).mlp.c_fc", hidden)], inputs: width),
                        activation: .gelu(isApproximate: activation != "gelu"),
                        down: try loader.projection([("\(name).mlp.c_proj", width)], inputs: hidden)
                    )
                )
            )
        }
        var model = TransformerDecoder(
            description: loader.description(
                vocabulary: vocabulary,
                width: width,
                layers: layers,
                context: context
            ),
            weights: loader.weights,
            embedding: embedding,
            positions: positions,
            blocks: blocks,
            finalNorm: try norm(&loader, "transformer.ln_f", width, epsilon),
            head: try loader.head("lm_head.weight", tiedTo: embedding, [vocabulary, width])
        )
        model.learned = loader.learned
        return model
    }

    private static func norm(
        _ loader: inout ParameterLoader,
        _ name: String,
        _ width: Int,
        _ epsilon: Float
    ) throws -> Prologue {
        .layerNorm(
            weight: try loader.vector("\(name).weight", width),
            bias: try loader.optionalVector("\(name).bias", width),
            epsilon: epsilon
        )
    }
}
