internal import Foundation
internal import SkeinCore
internal import SkeinModels
internal import SkeinTensor
internal import SkeinText

/// How a Hugging Face directory is written as a GGUF file: metadata, names and orders of rows.
struct GGUFExport: Sendable {
    /// A tensor's place in the file.
    struct Target: Sendable {
        /// Its name there.
        var name: String
        /// Heads whose rows are reordered so that rotary pairs are neighbours, or, negative, lie half a head
        /// apart again; 0 leaves rows alone.
        var pairedHeads = 0
        /// Whether values are written as -exp(value).
        var isExponential = false
        /// Whether it must be f32.
        var isFloat = false
    }

    /// The word patterns of Llama 3 and Qwen 2.
    static var llama3Pattern: String { GGUFVocabulary.llama3Pattern }
    static var qwen2Pattern: String { GGUFVocabulary.qwen2Pattern }

    /// llama.cpp's name of the family.
    let architecture: String
    private(set) var metadata: [(key: String, value: GGUFWriter.Value)] = []
    /// What the rotary frequencies are divided by, of Llama 3's long contexts.
    private(set) var rotaryFactors: [Float] = []
    private let heads: Int
    private let keyHeads: Int
    private let isTied: Bool

    /// Reads a directory's configuration and tokenizer.
    ///
    /// - Parameters:
    ///   - directory: With `config.json`, and `tokenizer.json` where there is a tokenizer.
    ///   - vocabulary: The rows of the embedding.
    /// - Throws: `SkeinError.Code.unsupported` for families and tokenizers that GGUF does not know.
    init(directory: String, vocabulary: Int) throws {
        let config = try MappedFile(path: "\(directory)/config.json").json()
        let family = config["model_type"]?.string ?? ""
        let known = [
            "llama": "llama", "mistral": "llama", "smollm3": "smollm3", "qwen2": "qwen2",
            "qwen3": "qwen3", "gpt2": "gpt2", "mamba": "mamba",
        ]
        guard let architecture = known[family] else {
            throw SkeinError(
                .unsupported,
                "no GGUF file is made of a \"\(family)\" model; known are"
                    + " \(known.keys.sorted().joined(separator: ", "))",
                hint: "name a directory as the target"
            )
        }
        self.architecture = architecture
        heads = config["num_attention_heads"]?.int ?? 0
        keyHeads = config["num_key_value_heads"]?.int ?? heads
        isTied = config["tie_word_embeddings"]?.bool ?? (family == "gpt2" || family == "mamba")
        let name = directory.split(separator: "/").last.map(String.init) ?? "model"
        metadata = [("general.name", .string(name))]
        switch family {
        case "gpt2": addGPT2(config)
        case "mamba": addMamba(config)
        default: try addTransformer(config)
        }
        add("vocab_size", vocabulary)
        try addTokenizer(directory, vocabulary, config)
    }

    private mutating func add(_ key: String, _ value: Int?) {
        guard let value else { return }
        metadata.append(("\(architecture).\(key)", .uint32(UInt32(truncatingIfNeeded: value))))
    }

    private mutating func add(_ key: String, _ value: Double?) {
        guard let value else { return }
        metadata.append(("\(architecture).\(key)", .float32(Float(value))))
    }

    private mutating func addGPT2(_ config: JSON) {
        add("context_length", config["n_positions"]?.int)
        add("embedding_length", config["n_embd"]?.int)
        add("block_count", config["n_layer"]?.int)
        add("feed_forward_length", config["n_inner"]?.int ?? 4 * (config["n_embd"]?.int ?? 0))
        add("attention.head_count", config["n_head"]?.int)
        add("attention.layer_norm_epsilon", config["layer_norm_epsilon"]?.double ?? 1e-5)
    }

    private mutating func addMamba(_ config: JSON) {
        let width = config["hidden_size"]?.int ?? 0
        add("context_length", 1 << 20)
        add("embedding_length", width)
        add("block_count", config["num_hidden_layers"]?.int)
        add("feed_forward_length", 0)
        add("attention.head_count", 0)
        add("ssm.conv_kernel", config["conv_kernel"]?.int ?? 4)
        let inner = config["intermediate_size"]?.int ?? (config["expand"]?.int ?? 2) * width
        add("ssm.inner_size", inner)
        add("ssm.state_size", config["state_size"]?.int ?? 16)
        add("ssm.time_step_rank", config["time_step_rank"]?.int ?? (width + 15) / 16)
        add("attention.layer_norm_rms_epsilon", config["layer_norm_epsilon"]?.double ?? 1e-5)
    }

    private mutating func addTransformer(_ config: JSON) throws {
        let width = config["hidden_size"]?.int ?? 0
        let head = config["head_dim"]?.int ?? width / max(heads, 1)
        let rope = config["rope_parameters"] ?? config["rope_scaling"] ?? .null
        try Self.checkAttention(config)
        let base = rope["rope_theta"]?.double ?? config["rope_theta"]?.double ?? 10_000
        add("context_length", config["max_position_embeddings"]?.int)
        add("embedding_length", width)
        add("block_count", config["num_hidden_layers"]?.int)
        add("feed_forward_length", config["intermediate_size"]?.int)
        add("attention.head_count", heads)
        add("attention.head_count_kv", keyHeads)
        add("attention.key_length", head)
        add("attention.value_length", head)
        add("attention.layer_norm_rms_epsilon", config["rms_norm_eps"]?.double ?? 1e-6)
        add("rope.dimension_count", head)
        add("rope.freq_base", base)
        let original = rope["original_max_position_embeddings"]?.int
        switch (rope["rope_type"] ?? rope["type"])?.string ?? "default" {
        case "default": break
        case "linear", "yarn":
            let kind = (rope["rope_type"] ?? rope["type"])?.string ?? ""
            metadata.append(("\(architecture).rope.scaling.type", .string(kind)))
            add("rope.scaling.factor", rope["factor"]?.double)
            add("rope.scaling.original_context_length", original)
        case "llama3":
            let low = rope["low_freq_factor"]?.double ?? 1
            let high = rope["high_freq_factor"]?.double ?? 4
            let (factor, old) = (rope["factor"]?.double ?? 1, Double(original ?? 8192))
            rotaryFactors = Self.rotaryFactors(head, base, factor, low: low, high: high, old)
        case let kind:
            throw SkeinError(.unsupported, "no GGUF file is made with rotary scaling \"\(kind)\"")
        }
    }

    /// Refuses what llama.cpp's files have no place for and its readers would leave out in silence.
    private static func checkAttention(_ config: JSON) throws {
        let family = config["model_type"]?.string ?? ""
        let slides = config["use_sliding_window"]?.bool ?? (family == "mistral")
        let context = config["max_position_embeddings"]?.int ?? 0
        if slides, let window = config["sliding_window"]?.int, window < context {
            throw SkeinError(
                .unsupported,
                "no GGUF file is made of a \(family) model with a sliding window of \(window) tokens",
                hint: "name a directory as the target"
            )
        }
        let rotated = config["no_rope_layers"]?.array?.compactMap(\.int) ?? []
        if family == "smollm3",
            rotated.indices.contains(where: { rotated[$0] != (($0 + 1) % 4 == 0 ? 0 : 1) })
        {
            throw SkeinError(
                .unsupported,
                "no GGUF file is made of a smollm3 model whose no_rope_layers is not every fourth",
                hint: "name a directory as the target"
            )
        }
    }

    /// What Llama 3 divides rotary frequencies by.
    static func rotaryFactors(
        _ head: Int,
        _ base: Double,
        _ factor: Double,
        low: Double,
        high: Double,
        _ old: Double
    ) -> [Float] {
        stride(from: 0, to: head, by: 2).map { index in
            let length = 2 * Double.pi * pow(base, Double(index) / Double(head))
            if length < old / high { return 1 }
            if length > old / low { return Float(factor) }
            let smooth = (old / length - low) / (high - low)
            return Float(1 / ((1 - smooth) / factor + smooth))
        }
    }

    private mutating func addTokenizer(
        _ directory: String,
        _ size: Int,
        _ config: JSON
    ) throws {
        func isFile(_ name: String) -> Bool {
            MappedFile.isDirectory("\(directory)/\(name)") == false
        }
        guard isFile("tokenizer.json") else {
            guard !isFile("tokenizer.model") else {
                throw SkeinError(
                    .unsupported,
                    "\(directory) has a tokenizer.model but no tokenizer.json, from which a GGUF file"
                        + " is made",
                    hint: "save the tokenizer as tokenizer.json, or name a directory as the target"
                )
            }
            metadata.append(("tokenizer.ggml.model", .string("no_vocab")))
            return
        }
        let settings =
            isFile("tokenizer_config.json")
            ? try MappedFile(path: "\(directory)/tokenizer_config.json").json() : .null
        let vocabulary = try GGUFVocabulary(
            tokenizerJSON: MappedFile(path: "\(directory)/tokenizer.json").json(),
            settings: settings,
            size: size
        )
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
        func put(_ key: String, _ value: GGUFWriter.Value?) {
            if let value { metadata.append(("tokenizer.ggml.\(key)", value)) }
        }
        put("model", .string(vocabulary.model))
        put("pre", .string(vocabulary.pre))
        put("tokens", .strings(vocabulary.tokens.map(text)))
        put("token_type", .integers(vocabulary.tokenTypes))
        if vocabulary.model == "llama" {
            put("scores", .floats(vocabulary.scores))
        } else {
            put("merges", .strings(vocabulary.merges.map(text)))
        }
        func number(_ id: Int32?) -> GGUFWriter.Value? {
            id.flatMap { UInt32(exactly: $0) }.map { .uint32($0) }
        }
        func known(_ key: String) -> Int32? {
            let value = config[key]
            return (value?.int ?? value?.array?.first?.int).flatMap { Int32(exactly: $0) }
        }
        put("bos_token_id", number(vocabulary.bosID ?? known("bos_token_id")))
        put("eos_token_id", number(vocabulary.eosID ?? known("eos_token_id")))
        put("padding_token_id", number(vocabulary.padID))
        put("unknown_token_id", number(vocabulary.unkID))
        put("add_bos_token", vocabulary.addBOS.map { .bool($0) })
        put("add_eos_token", vocabulary.addEOS.map { .bool($0) })
        if let template = vocabulary.chatTemplate {
            metadata.append(("tokenizer.chat_template", .string(template)))
        }
    }

    /// Where a tensor goes; none for a head that is the embedding, and for masks.
    func target(of name: String) throws -> Target? {
        let file = GGUFCheckpoint.fileName(ofTensor: name, architecture: architecture)
        if isTied && file == "output.weight" { return nil }
        guard let file else {
            let isMask = name.hasSuffix(".attn.bias") || name.hasSuffix(".attn.masked_bias")
            if isMask || name.hasSuffix(".rotary_emb.inv_freq") { return nil }
            throw SkeinError(
                .unsupported,
                "tensor \(name) has no place in a GGUF file of a \(architecture) model"
            )
        }
        var target = Target(name: file)
        if ["llama", "smollm3"].contains(architecture) {
            if name.contains(".q_proj.") { target.pairedHeads = heads }
            if name.contains(".k_proj.") { target.pairedHeads = keyHeads }
        }
        target.isExponential = name.hasSuffix(".A_log")
        target.isFloat =
            target.isExponential || file == "position_embd.weight" || file.contains("ssm_conv1d")
        return target
    }
}
