public import SkeinCore

extension Tokenizer {
    /// Creates a tokenizer from `tokenizer.json`, and `tokenizer_config.json` where there is one.
    ///
    /// - Throws: `SkeinError.Code.corruptFile` naming the field, `.unsupported` naming a step that is not
    ///   known.
    public init(json: JSON, configuration: JSON? = nil) throws {
        guard let model = json["model"], let vocabulary = model["vocab"]?.object else {
            throw SkeinError(.corruptFile, "tokenizer.json: model.vocab is not an object")
        }
        let kind = model["type"]?.string ?? "BPE"
        guard kind == "BPE" else {
            throw SkeinError(
                .unsupported,
                "tokenizer.json: model.type is \"\(kind)\"; known is BPE"
            )
        }
        let added = try Self.addedTokens(json)
        let names = try Self.names(vocabulary, added)
        let reader = PipelineReader()
        let normalizer = try reader.normalizer(json["normalizer"])
        let (preTokenizer, isByteLevel) = try reader.preTokenizer(json["pre_tokenizer"])
        let (prefix, suffix) = try reader.template(json["post_processor"])
        let merges = try Self.merges(model["merges"])
        let entries = added.map(\.entry)
        if isByteLevel {
            try self.init(
                byteLevel: names,
                merges: merges,
                ignoresMerges: model["ignore_merges"]?.bool ?? false,
                normalizer: normalizer,
                preTokenizer: preTokenizer,
                added: entries,
                prefix: prefix,
                suffix: suffix
            )
        } else {
            try self.init(
                characterLevel: names,
                merges: merges,
                model: model,
                steps: (normalizer, preTokenizer),
                stripsLeadingSpace: reader.stripsLeadingSpace(json["decoder"]),
                added: entries,
                ends: (prefix, suffix)
            )
        }
        takeNames(configuration, added: added)
    }

    /// BPE over characters with SentencePiece's mark for spaces.
    private init(
        characterLevel names: [String],
        merges: [(String, String)],
        model: JSON,
        steps: (Normalizer?, PreTokenizer?),
        stripsLeadingSpace: Bool,
        added: [AddedTokens.Entry],
        ends: ([Int32], [Int32])
    ) throws {
        let vocabulary = Vocabulary(names.map { Array($0.utf8) })
        var byteIDs = [Int32](repeating: -1, count: 256)
        var output = Output(bytes: [], isByte: [], stripsLeadingSpace: stripsLeadingSpace)
        let hasFallback = model["byte_fallback"]?.bool ?? false
        for (id, name) in names.enumerated() {
            let byte = hasFallback ? Self.byteValue(name) : nil
            if let byte { byteIDs[Int(byte)] = Int32(id) }
            output.isByte.append(byte != nil)
            output.bytes.append(
                byte.map { [$0] } ?? Array(name.replacing("\u{2581}", with: " ").utf8)
            )
        }
        self.init(
            model: BytePairEncoding(
                vocabulary: vocabulary,
                order: .ranks(try Self.pairs(merges, vocabulary) { Array($0.utf8) }),
                isByteLevel: false,
                ignoresMerges: model["ignore_merges"]?.bool ?? false,
                fallback: .init(
                    bytes: hasFallback && !byteIDs.contains(-1) ? byteIDs : nil,
                    unknown: model["unk_token"]?.string.flatMap { vocabulary.id($0.utf8) },
                    fusesUnknown: model["fuse_unk"]?.bool ?? false
                )
            ),
            normalizer: steps.0,
            preTokenizer: steps.1,
            added: added,
            output: output,
            prefix: ends.0,
            suffix: ends.1,
            names: names
        )
    }

    /// Names and template of `tokenizer_config.json`.
    private mutating func takeNames(
        _ configuration: JSON?,
        added: [(name: String, AddedTokens.Entry)]
    ) {
        func named(_ key: String) -> Int32? {
            guard let value = configuration?[key] else { return nil }
            return (value.string ?? value["content"]?.string).flatMap { id(of: $0) }
        }
        bosID = named("bos_token") ?? prefix.first
        let usual = ["</s>", "<|endoftext|>", "<|end_of_text|>"]
        let fallback = usual.compactMap { id(of: $0) }.first
        eosID = named("eos_token") ?? fallback
        unkID = named("unk_token")
        padID = named("pad_token")
        chatTemplate = configuration?["chat_template"]?.string
    }

    private static func addedTokens(
        _ json: JSON
    ) throws -> [(name: String, entry: AddedTokens.Entry)] {
        try (json["added_tokens"]?.array ?? []).enumerated().map { index, value in
            guard let id = value["id"]?.int, (0..<1 << 24).contains(id),
                let content = value["content"]?.string
            else {
                throw SkeinError(
                    .corruptFile,
                    "tokenizer.json: added_tokens[\(index)] lacks an id or content"
                )
            }
            return (
                content,
                AddedTokens.Entry(
                    id: Int32(id),
                    content: Array(content.utf8),
                    isSpecial: value["special"]?.bool ?? false,
                    stripsLeft: value["lstrip"]?.bool ?? false,
                    stripsRight: value["rstrip"]?.bool ?? false,
                    isSingleWord: value["single_word"]?.bool ?? false
                )
            )
        }
    }

    /// The name of every id.
    private static func names(
        _ vocabulary: JSONObject,
        _ added: [(name: String, entry: AddedTokens.Entry)]
    ) throws -> [String] {
        var count = added.reduce(0) { max($0, Int($1.entry.id) + 1) }
        let limit = vocabulary.members.count * 2 + (1 << 16)
        for (name, value) in vocabulary.members {
            guard let id = value.int, (0..<limit).contains(id) else {
                throw SkeinError(
                    .corruptFile,
                    "tokenizer.json: model.vocab[\"\(name)\"] is \(value.text()), expected 0 ..< \(limit)"
                )
            }
            count = max(count, id + 1)
        }
        guard count <= limit + added.count else {
            throw SkeinError(
                .corruptFile,
                "tokenizer.json: an added token's id \(count - 1) is absurd"
            )
        }
        var names = [String](repeating: "", count: count)
        for (name, value) in vocabulary.members { names[value.int ?? 0] = name }
        for (name, entry) in added { names[Int(entry.id)] = name }
        return names
    }

    private static func merges(_ value: JSON?) throws -> [(String, String)] {
        try (value?.array ?? []).enumerated().map { rank, merge in
            if let text = merge.string { return try mergeSides(text, at: rank) }
            guard let sides = merge.array, sides.count == 2, let left = sides[0].string,
                let right = sides[1].string
            else {
                throw SkeinError(.corruptFile, "tokenizer.json: model.merges[\(rank)] is no pair")
            }
            return (left, right)
        }
    }
}
