internal import SkeinCore
public import SkeinTensor

/// A GGUF file whose metadata and names are translated to Hugging Face's.
public struct GGUFCheckpoint: Checkpoint {
    /// What a `config.json` would say.
    public let configuration: ModelConfiguration
    /// The file.
    public let file: GGUF
    private let architecture: String

    /// Opens a file, or the first of several parts.
    ///
    /// - Parameter path: The `.gguf` file.
    /// - Throws: `SkeinError` naming what is malformed or not supported.
    public init(path: String) throws {
        file = try GGUF(contentsOf: path)
        guard let name = file.metadata["general.architecture"]?.string else {
            throw SkeinError(.corruptFile, "\(path): general.architecture is missing")
        }
        architecture = Self.plainName(name)
        configuration = ModelConfiguration(
            .object(try Self.translate(file, architecture: architecture, path: path)),
            source: path
        )
    }

    /// A tensor by its Hugging Face name.
    public func tensor(_ name: String) -> TensorRecord? {
        for part in GroupedRecord.Part.allCases where name.hasSuffix(".\(part.rawValue)") {
            let matrix = String(name.dropLast(part.rawValue.count + 1))
            let known = Self.fileName(of: matrix, architecture: architecture)
            return file.tensors["\(known).\(part.rawValue)"]
        }
        return file.tensors[Self.fileName(of: name, architecture: architecture)]
    }

    /// How a matrix is stored as grouped codes, by its Hugging Face name.
    public func groupedFormat(of name: String) throws -> GroupedFormat? {
        try configuredFormat(of: Self.fileName(of: name, architecture: architecture))
    }

    /// Converters permute Llama's and SmolLM 3's heads so that pairs are neighbours; others' stay.
    public var hasInterleavedRotary: Bool { ["llama", "smollm3"].contains(architecture) }
    /// Files with grouped codes name their architecture so that other programs refuse them.
    public static let architecturePrefix = "skein-"
    /// The metadata that gives the grouped formats, as JSON.
    public static let quantizationKey = "skein.quantization"

    private static func plainName(_ architecture: String) -> String {
        architecture.hasPrefix(architecturePrefix)
            ? String(architecture.dropFirst(architecturePrefix.count)) : architecture
    }

    /// Weights are `[outputs, inputs]`.
    public var hasTransposedLinears: Bool { false }

    /// The metadata under the keys of `config.json`.
    private static func translate(
        _ file: GGUF,
        architecture: String,
        path: String
    ) throws -> JSONObject {
        let known = ["llama", "qwen2", "qwen3", "smollm3", "gpt2", "mamba", "bert"]
        guard known.contains(architecture) else {
            throw SkeinError(
                .unsupported,
                "\(path) holds a model of architecture \"\(architecture)\"; known are"
                    + " \(known.joined(separator: ", "))"
            )
        }
        var values = JSONObject()
        values["model_type"] = .string(architecture)
        let numbers: [(String, String)] = [
            ("embedding_length", "hidden_size"), ("feed_forward_length", "intermediate_size"),
            ("block_count", "num_hidden_layers"), ("attention.head_count", "num_attention_heads"),
            ("attention.head_count_kv", "num_key_value_heads"),
            ("attention.key_length", "head_dim"), ("context_length", "max_position_embeddings"),
            ("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
            ("attention.layer_norm_epsilon", "layer_norm_epsilon"),
            ("attention.sliding_window", "sliding_window"), ("rope.freq_base", "rope_theta"),
            ("rope.dimension_count", "rope_dimension_count"), ("pooling_type", "pooling_type"),
            ("ssm.conv_kernel", "conv_kernel"), ("ssm.inner_size", "intermediate_size"),
            ("ssm.state_size", "state_size"), ("ssm.time_step_rank", "time_step_rank"),
        ]
        for (from, to) in numbers {
            guard let value = file.metadata["\(architecture).\(from)"] else { continue }
            if let int = value.int {
                values[to] = .int(int)
            } else if let double = value.double {
                values[to] = .double(double)
            }
        }
        let words = file.tensors["token_embd.weight"] ?? file.tensors["token_embd.weight.qweight"]
        if let table = words, table.shape.count == 2 {
            values["vocab_size"] = .int(table.shape[0])
        }
        if let table = file.tensors["token_types.weight"], table.shape.count == 2 {
            values["type_vocab_size"] = .int(table.shape[0])
        }
        let hasHead =
            file.tensors["output.weight"] != nil || file.tensors["output.weight.qweight"] != nil
        values["tie_word_embeddings"] = .bool(!hasHead)
        if let text = file.metadata[quantizationKey]?.string {
            values["quantization_config"] = try JSON(parsing: Array(text.utf8))
        }
        values["rope_scaling"] = scaling(file, architecture)
        return values
    }

    private static func scaling(_ file: GGUF, _ architecture: String) -> JSON? {
        let prefix = "\(architecture).rope.scaling"
        guard let kind = file.metadata["\(prefix).type"]?.string, kind != "none" else { return nil }
        var scaling = JSONObject()
        scaling["rope_type"] = .string(kind)
        if let factor = file.metadata["\(prefix).factor"]?.double {
            scaling["factor"] = .double(factor)
        }
        if let context = file.metadata["\(prefix).original_context_length"]?.int {
            scaling["original_max_position_embeddings"] = .int(context)
        }
        let yarn: [(String, String)] = [
            ("yarn_beta_fast", "beta_fast"), ("yarn_beta_slow", "beta_slow"),
            ("yarn_attn_factor", "attention_factor"),
        ]
        for (from, to) in yarn {
            if let value = file.metadata["\(prefix).\(from)"]?.double {
                scaling[to] = .double(value)
            }
        }
        return .object(scaling)
    }

    /// The file's name of a Hugging Face tensor, with or without the outer module's name; none for what such
    /// files do not hold.
    package static func fileName(ofTensor name: String, architecture: String) -> String? {
        let outer = ["gpt2": "transformer.", "mamba": "backbone."][architecture] ?? "model."
        let isWhole = name.hasPrefix(outer) || name == "lm_head.weight"
        var full = isWhole ? name : outer + name
        if full == "backbone.embedding.weight" { full = "backbone.embeddings.weight" }
        if full.hasSuffix(".mixer.A_log") { full.removeLast(4) }
        let file = fileName(of: full, architecture: architecture)
        return file == full ? nil : file
    }

    /// The file's name of a parameter.
    private static func fileName(of name: String, architecture: String) -> String {
        let whole = [
            "model.embed_tokens.weight": "token_embd.weight",
            "model.norm.weight": "output_norm.weight",
            "lm_head.weight": "output.weight", "transformer.wte.weight": "token_embd.weight",
            "transformer.wpe.weight": "position_embd.weight",
            "transformer.ln_f.weight": "output_norm.weight",
            "transformer.ln_f.bias": "output_norm.bias", "rope_freqs": "rope_freqs.weight",
            "embeddings.word_embeddings.weight": "token_embd.weight",
            "embeddings.position_embeddings.weight": "position_embd.weight",
            "embeddings.token_type_embeddings.weight": "token_types.weight",
            "embeddings.LayerNorm.weight": "token_embd_norm.weight",
            "embeddings.LayerNorm.bias": "token_embd_norm.bias",
            "backbone.embeddings.weight": "token_embd.weight",
            "backbone.norm_f.weight": "output_norm.weight",
        ]
        if let known = whole[name] { return known }
        let parts = name.split(separator: ".").map(String.init)
        guard parts.count >= 4, let number = Int(parts[2]), let kind = parts.last else {
            return name
        }
        let module = parts[3..<parts.count - 1].joined(separator: ".")
        let modules = [
            "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
            "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
            "self_attn.v_proj": "attn_v",
            "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
            "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
            "mlp.down_proj": "ffn_down", "ln_1": "attn_norm", "ln_2": "ffn_norm",
            "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up",
            "mlp.c_proj": "ffn_down", "attention.self.query": "attn_q",
            "attention.self.key": "attn_k", "attention.self.value": "attn_v",
            "attention.output.dense": "attn_output",
            "attention.output.LayerNorm": "attn_output_norm", "intermediate.dense": "ffn_up",
            "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
            "norm": "attn_norm", "mixer.in_proj": "ssm_in", "mixer.conv1d": "ssm_conv1d",
            "mixer.x_proj": "ssm_x", "mixer.dt_proj": "ssm_dt", "mixer.out_proj": "ssm_out",
        ]
        if module == "mixer" { return "blk.\(number).ssm_\(kind.lowercased())" }
        guard let short = modules[module] else { return name }
        return "blk.\(number).\(short).\(kind)"
    }
}
