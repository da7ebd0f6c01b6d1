internal import SkeinCore

/// What a new model's configuration leaves out, as transformers would fill it in.
enum ModelDefaults {
    private static let architectures = [
        "llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM", "qwen2": "Qwen2ForCausalLM",
        "qwen3": "Qwen3ForCausalLM", "smollm3": "SmolLM3ForCausalLM", "gpt2": "GPT2LMHeadModel",
        "mamba": "MambaForCausalLM",
    ]

    /// Returns a configuration that both this package and transformers load.
    ///
    /// - Parameters:
    ///   - values: What was written.
    ///   - length: Tokens of a training sequence: the context when none is written.
    /// - Returns: That and the rest.
    /// - Throws: `SkeinError.Code.invalidArgument` for a family that is missing.
    static func filled(_ values: JSONObject, length: Int) throws -> JSONObject {
        guard let family = values["model_type"]?.string else {
            throw SkeinError(
                .invalidArgument,
                "model has no model_type",
                hint: "write one of \(architectures.keys.sorted().joined(separator: ", "))"
            )
        }
        var filled = values
        func fill(_ key: String, _ value: JSON) { if filled[key] == nil { filled[key] = value } }
        if let name = architectures[family] { fill("architectures", [.string(name)]) }
        fill("torch_dtype", "float32")
        if family == "gpt2" {
            fill("n_positions", .int(length))
            fill("activation_function", "gelu_new")
            fill("layer_norm_epsilon", 1e-5)
            return filled
        }
        fill("hidden_act", "silu")
        if family == "mamba" {
            for (key, value) in [("state_size", 16), ("conv_kernel", 4), ("expand", 2)] {
                fill(key, .int(value))
            }
            fill("layer_norm_epsilon", 1e-5)
            fill("use_bias", false)
            fill("use_conv_bias", true)
            fill("tie_word_embeddings", true)
            return filled
        }
        fill("rms_norm_eps", 1e-5)
        fill("rope_theta", 10_000.0)
        fill("max_position_embeddings", .int(length))
        fill("num_key_value_heads", values["num_attention_heads"] ?? .null)
        fill("tie_word_embeddings", true)
        fill("attention_bias", false)
        fill("mlp_bias", false)
        return filled
    }
}
