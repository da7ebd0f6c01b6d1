package import SkeinCore

extension GGUFVocabulary {
    /// How Llama 3 cuts words.
    package static var llama3Pattern: String { Splitter.llama3 }
    /// How Qwen 2 cuts words.
    package static var qwen2Pattern: String { Splitter.qwen2 }

    /// The vocabulary of a `tokenizer.json`, as llama.cpp's converters write it.
    ///
    /// Byte-level pairs become `gpt2`, pairs with byte tokens `llama`, whose scores are ranks of merges.
    ///
    /// - Parameters:
    ///   - json: The file.
    ///   - settings: `tokenizer_config.json`, or null.
    ///   - size: The rows of the model's embedding; ids without a token become unused ones.
    /// - Throws: `SkeinError.Code.unsupported` for models and word patterns that GGUF has no name for.
    package init(tokenizerJSON json: JSON, settings: JSON, size: Int) throws {
        guard let model = json["model"], model["type"]?.string ?? "BPE" == "BPE",
            let vocabulary = model["vocab"]?.object
        else {
            throw SkeinError(
                .unsupported,
                "tokenizer.json holds a \(json["model"]?["type"]?.string ?? "tokenizer without type"),"
                    + " of which no GGUF file is made; known is BPE",
                hint: "name a directory as the target"
            )
        }
        let merges = model["merges"]?.array?.compactMap(Self.pair) ?? []
        let hasBytes = model["byte_fallback"]?.bool ?? false
        var tokens = (0..<size).map { "[UNUSED\($0)]" }
        var types = [Int32](repeating: 5, count: size)
        func place(_ token: String, _ id: Int, _ type: Int32) throws {
            guard id >= 0, id < size else {
                throw SkeinError(
                    .corruptFile,
                    "tokenizer.json gives \"\(token)\" the id \(id), but the model has \(size) rows"
                )
            }
            tokens[id] = token
            types[id] = type
        }
        for (token, id) in vocabulary.members {
            let isByte = hasBytes && token.utf8.count == 6 && token.hasPrefix("<0x")
            try place(token, id.int ?? -1, isByte ? 6 : 1)
        }
        for added in json["added_tokens"]?.array ?? [] {
            let isSpecial = added["special"]?.bool ?? false
            try place(added["content"]?.string ?? "", added["id"]?.int ?? -1, isSpecial ? 3 : 4)
        }
        let pre = hasBytes ? "default" : try Self.pattern(json["pre_tokenizer"] ?? .null)
        self.init(
            model: hasBytes ? "llama" : "gpt2",
            pre: pre,
            tokens: tokens.map { Array($0.utf8) }
        )
        tokenTypes = types
        if hasBytes {
            var ranks: [String: Int] = [:]
            for (rank, merge) in merges.enumerated() where ranks[merge.0 + merge.1] == nil {
                ranks[merge.0 + merge.1] = rank
            }
            scores = tokens.map { -Float(ranks[$0] ?? merges.count) }
        } else {
            self.merges = merges.map { Array("\($0.0) \($0.1)".utf8) }
        }
        func id(_ value: JSON?) -> Int32? {
            guard let text = value?.string ?? value?["content"]?.string else { return nil }
            return tokens.firstIndex(of: text).map { Int32(truncatingIfNeeded: $0) }
        }
        bosID = id(settings["bos_token"])
        eosID = id(settings["eos_token"])
        padID = id(settings["pad_token"])
        unkID = id(model["unk_token"]) ?? id(settings["unk_token"])
        chatTemplate = settings["chat_template"]?.string
        addBOS = settings["add_bos_token"]?.bool ?? Self.begins(json, with: bosID)
        addEOS = settings["add_eos_token"]?.bool ?? false
    }

    private static func pair(_ merge: JSON) -> (String, String)? {
        if let parts = merge.array, parts.count == 2 {
            return (parts[0].string ?? "", parts[1].string ?? "")
        }
        guard let text = merge.string, let cut = text.dropFirst().firstIndex(of: " ") else {
            return nil
        }
        return (String(text[..<cut]), String(text[text.index(after: cut)...]))
    }

    /// Whether the post-processor puts a token before every text.
    private static func begins(_ json: JSON, with id: Int32?) -> Bool {
        guard let id, let processor = json["post_processor"] else { return false }
        let parts = processor["processors"]?.array ?? [processor]
        return parts.contains { part in
            let first = part["single"]?.array?.first?["SpecialToken"]?["id"]?.string
            let ids = first.flatMap { part["special_tokens"]?[$0]?["ids"]?.array }
            return ids?.first?.int == Int(id)
        }
    }

    /// llama.cpp's name of the way words are cut.
    private static func pattern(_ json: JSON) throws -> String {
        let parts = json["pretokenizers"]?.array ?? [json]
        let patterns = parts.compactMap { $0["pattern"]?["Regex"]?.string }
        let hasWords = parts.contains { part in
            part["type"]?.string == "ByteLevel" && part["use_regex"]?.bool ?? true
        }
        let hasDigits = parts.contains { part in
            part["type"]?.string == "Digits" && part["individual_digits"]?.bool ?? false
        }
        switch patterns {
        case [] where hasWords: return hasDigits ? "smollm" : "gpt-2"
        case [Splitter.llama3]: return "llama-bpe"
        case [Splitter.qwen2]: return "qwen2"
        case [Splitter.gpt2]: return "gpt-2"
        default:
            throw SkeinError(
                .unsupported,
                "tokenizer.json cuts words by \(patterns), which has no name in GGUF files",
                hint: "name a directory as the target"
            )
        }
    }
}
