internal import Foundation
internal import SkeinCore
internal import SkeinModels
internal import SkeinTensor

/// How a GGUF file is written as a Hugging Face directory: configuration, tokenizer, names and orders.
struct DirectoryExport {
    /// What `config.json` will hold.
    private(set) var configuration: JSONObject
    /// What `tokenizer.json` will hold, of files with a vocabulary.
    let tokenizer: JSON?
    /// What `tokenizer_config.json` will hold.
    let settings: JSON
    private let layers: Int
    private let architecture: String
    private let heads: Int
    private let keyHeads: Int

    private static let names = [
        "llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
        "smollm3": "SmolLM3ForCausalLM",
    ]

    /// Reads a file's metadata.
    ///
    /// - Throws: `SkeinError.Code.unsupported` for families, vocabularies and frequencies that are only
    ///   copied from file to file.
    init(_ file: GGUF, _ path: String) throws {
        let checkpoint = try GGUFCheckpoint(path: path)
        let family = checkpoint.configuration.family
        guard let name = Self.names[family], var values = checkpoint.configuration.values.object
        else {
            throw SkeinError(
                .unsupported,
                "no Hugging Face directory is made of a GGUF file of a \"\(family)\" model; known are"
                    + " \(Self.names.keys.sorted().joined(separator: ", "))",
                hint: "name a GGUF file as the target"
            )
        }
        architecture = family
        layers = values["num_hidden_layers"]?.int ?? 0
        heads = values["num_attention_heads"]?.int ?? 0
        keyHeads = values["num_key_value_heads"]?.int ?? heads
        values["architectures"] = .array([.string(name)])
        values["hidden_act"] = "silu"
        values["rope_dimension_count"] = nil
        if let factors = try file.tensors["rope_freqs.weight"]?.floats() {
            values["rope_scaling"] = try Self.scaling(factors, values)
        }
        for key in ["bos_token_id", "eos_token_id"] {
            values[key] = file.metadata["tokenizer.ggml.\(key)"]?.int.map { .int($0) }
        }
        configuration = values
        let isWordless = file.metadata["tokenizer.ggml.tokens"] == nil
        (tokenizer, settings) = isWordless ? (nil, .null) : try Self.words(file)
    }

    /// Llama 3's parameters, of which files hold only the divisors they give.
    private static func scaling(_ factors: [Float], _ values: JSONObject) throws -> JSON {
        let head =
            values["head_dim"]?.int
            ?? (values["hidden_size"]?.int ?? 0) / max(values["num_attention_heads"]?.int ?? 1, 1)
        let base = values["rope_theta"]?.double ?? 10_000
        let factor = Double(factors.max() ?? 1)
        // The context before scaling is not in the file either; all released models have 8,192.
        let contexts = [8192] + (5...20).map { 1 << $0 }
        let known = contexts.first { context in
            let old = Double(context)
            let expected = GGUFExport.rotaryFactors(head, base, factor, low: 1, high: 4, old)
            return expected.count == factors.count
                && zip(expected, factors).allSatisfy { abs($0 - $1) <= 1e-3 * abs($1) }
        }
        guard let known else {
            throw SkeinError(
                .unsupported,
                "rope_freqs.weight holds other divisors than Llama 3's, of factors 1 and 4",
                hint: "name a GGUF file as the target"
            )
        }
        return [
            "rope_type": "llama3", "factor": .double(factor), "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": .int(known),
        ]
    }

    /// `tokenizer.json` and its settings, of byte-level pairs.
    private static func words(_ file: GGUF) throws -> (JSON, JSON) {
        func value(_ key: String) -> GGUFValue? { file.metadata["tokenizer.ggml.\(key)"] }
        let cuts: [String: JSON] = [
            "gpt-2": .null, "smollm": .null, "llama-bpe": .string(GGUFExport.llama3Pattern),
            "qwen2": .string(GGUFExport.qwen2Pattern),
        ]
        let pre = value("pre")?.string ?? "default"
        guard value("model")?.string == "gpt2", let cut = cuts[pre],
            let tokens = try value("tokens")?.array?.strings(),
            let merges = try value("merges")?.array?.strings()
        else {
            throw SkeinError(
                .unsupported,
                "no tokenizer.json is made of a vocabulary \"\(value("model")?.string ?? "none")\" with"
                    + " words \"\(pre)\"; known are gpt2 with"
                    + " \(cuts.keys.sorted().joined(separator: ", "))",
                hint: "name a GGUF file as the target"
            )
        }
        let types = value("token_type")?.array?.integers() ?? []
        var vocabulary = JSONObject()
        var added: [JSON] = []
        for (id, token) in tokens.enumerated() {
            let type = id < types.count ? types[id] : 1
            if type == 3 || type == 4 {
                added.append([
                    "id": .int(id), "content": .string(token), "single_word": false,
                    "lstrip": false, "rstrip": false, "normalized": false,
                    "special": .bool(type == 3),
                ])
            }
            // Added tokens stand here, too: one that did not would get the first free id.
            if type != 5 { vocabulary[token] = .int(id) }
        }
        let bytes: JSON = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
            "use_regex": .bool(cut.isNull),
        ]
        var parts: [JSON] = []
        if pre == "smollm" { parts.append(["type": "Digits", "individual_digits": true]) }
        if !cut.isNull {
            parts.append([
                "type": "Split", "pattern": ["Regex": cut], "behavior": "Isolated", "invert": false,
            ])
        }
        parts.append(bytes)
        let bos = value("bos_token_id")?.int
        let addsBOS = value("add_bos_token")?.bool ?? (pre == "llama-bpe")
        var processor = JSON.null
        if let bos, addsBOS, bos >= 0, bos < tokens.count {
            let text = JSON.string(tokens[bos])
            let first: JSON = ["SpecialToken": ["id": text, "type_id": 0]]
            let body: JSON = ["Sequence": ["id": "A", "type_id": 0]]
            let second: JSON = ["Sequence": ["id": "B", "type_id": 1]]
            var special = JSONObject()
            special[tokens[bos]] = ["id": text, "ids": [.int(bos)], "tokens": [text]]
            processor = [
                "type": "TemplateProcessing", "single": [first, body],
                "pair": [first, body, second], "special_tokens": .object(special),
            ]
        }
        let tokenizer: JSON = [
            "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .array(added),
            "normalizer": nil,
            "pre_tokenizer": ["type": "Sequence", "pretokenizers": .array(parts)],
            "post_processor": processor, "decoder": bytes,
            "model": [
                "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
                "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
                "ignore_merges": .bool(pre == "llama-bpe"), "vocab": .object(vocabulary),
                "merges": .array(merges.map { .string($0) }),
            ],
        ]
        var settings = JSONObject()
        settings["tokenizer_class"] = "PreTrainedTokenizerFast"
        func token(_ key: String) -> JSON? {
            guard let id = value(key)?.int, id >= 0, id < tokens.count else { return nil }
            return .string(tokens[id])
        }
        settings["bos_token"] = token("bos_token_id")
        settings["eos_token"] = token("eos_token_id")
        settings["pad_token"] = token("padding_token_id")
        settings["chat_template"] = file.metadata["tokenizer.chat_template"]?.string.map {
            .string($0)
        }
        return (tokenizer, .object(settings))
    }

    /// Where the tensors go, by their names in the file; none for frequencies.
    func targets() -> [String: GGUFExport.Target] {
        var modules = [
            "input_layernorm.weight", "post_attention_layernorm.weight",
            "self_attn.q_norm.weight", "self_attn.k_norm.weight",
        ]
        let matrices = [
            "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
            "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
        ]
        for name in matrices { modules += ["\(name).weight", "\(name).bias"] }
        let names =
            ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"]
            + (0..<layers).flatMap { layer in modules.map { "model.layers.\(layer).\($0)" } }
        var targets: [String: GGUFExport.Target] = [:]
        for name in names {
            let file = GGUFCheckpoint.fileName(ofTensor: name, architecture: architecture)
            guard let file else { continue }
            var target = GGUFExport.Target(name: name)
            if ["llama", "smollm3"].contains(architecture) {
                let isQuery = name.contains(".q_proj.")
                let isKey = name.contains(".k_proj.")
                // The other way round: negative.
                target.pairedHeads = isQuery ? -heads : isKey ? -keyHeads : 0
            }
            targets[file] = target
        }
        return targets
    }
}
