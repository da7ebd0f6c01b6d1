import SkeinCore

extension Tokenizer {
    /// Builds the tokenizer that a GGUF file describes, with llama.cpp's rules.
    ///
    /// - Throws: `SkeinError` naming the metadata key, what was found and what was expected.
    public init(gguf source: GGUFVocabulary) throws {
        try source.check()
        switch source.model {
        case "gpt2": try self.init(byteLevel: source)
        case "llama", "t5": try self.init(scored: source)
        case "bert": self.init(bert: source)
        default:
            throw SkeinError(
                .unsupported,
                "tokenizer.ggml.model: \"\(source.model)\" is not gpt2, llama, bert or t5"
            )
        }
        padID = source.padID
        unkID = source.unkID ?? unkID
        chatTemplate = source.chatTemplate
        findStops()
        if let eot = source.eotID { stopIDs.insert(eot) }
    }

    private init(byteLevel source: GGUFVocabulary) throws {
        let entries = source.tokens.enumerated().map {
            (key: $1, id: Int32(truncatingIfNeeded: $0))
        }
        let table = ByteTable(entries)
        var pairs = PairTable(capacity: source.merges.count)
        for (rank, merge) in source.merges.enumerated() {
            // A token may begin with a space that is not the separator.
            guard merge.count >= 3, let cut = merge.dropFirst().firstIndex(of: 0x20) else {
                throw SkeinError(
                    .corruptFile,
                    "tokenizer.ggml.merges[\(rank)]: expected two tokens and a space"
                )
            }
            let left = Array(merge[..<cut])
            let right = Array(merge[(cut + 1)...])
            // llama.cpp lets merges of unknown tokens be, and so do we.
            if let a = table.id(left), let b = table.id(right), let c = table.id(left + right) {
                pairs.set(a, b, .init(rank: Int32(truncatingIfNeeded: rank), id: c))
            }
        }
        let rules = try WordRules(named: source.pre)
        var options = BPEModel.Options()
        options.ignoresMerges = rules.ignoresMerges
        let model = BPEModel(
            vocabulary: ByteTable(
                entries.compactMap { e in ByteAlphabet.raw(e.key).map { ($0, e.id) } }
            ),
            pairs: pairs,
            options: options,
            byteIDs: ByteAlphabet.scalars.map { table.id(TextBytes.bytes($0)) ?? -1 },
            fallback: []
        )
        var parts = Parts(model: .bpe(model))
        let addsPrefix = source.addSpacePrefix ?? false
        parts.preTokenizer = .sequence(
            rules.splitters.map { .split($0, .isolated, invert: false) }
                + [.byteLevel(addsPrefixSpace: addsPrefix, splitter: nil)]
        )
        parts.writesBytes = false
        parts.decoder = [.byteLevel]
        self.init(parts: parts, contents: source.tokens, added: source.added, special: [])
        bosID = source.bosID
        eosID = source.eosID
        surround(bos: source.addBOS ?? rules.addsBOS, eos: source.addEOS ?? false)
    }

    private init(scored source: GGUFVocabulary) throws {
        var vocabulary = ScoredVocabulary()
        vocabulary.pieces = source.tokens
        vocabulary.scores =
            source.scores.isEmpty
            ? [Float](repeating: 0, count: source.tokens.count) : source.scores
        vocabulary.kinds = source.tokens.indices.map { index in
            let type = source.tokenTypes.isEmpty ? 1 : source.tokenTypes[index]
            return ScoredVocabulary.Kind(rawValue: type) ?? .normal
        }
        vocabulary.addsPrefix = source.addSpacePrefix ?? true
        vocabulary.prefixesStretches = source.model == "llama"
        vocabulary.squeezesSpaces = source.removeExtraWhitespaces ?? false
        vocabulary.unkID =
            source.unkID
            ?? vocabulary.kinds.firstIndex(of: .unknown).map { Int32(truncatingIfNeeded: $0) }
        if !source.precompiledMap.isEmpty {
            var map = try PrecompiledMap(
                source.precompiledMap,
                field: "tokenizer.ggml.precompiled_charsmap"
            )
            map.usesLongestPrefix = true
            vocabulary.map = map
        }
        let isMerging = source.model == "llama"
        self = vocabulary.tokenizer(
            isMerging ? vocabulary.mergingParts() : vocabulary.unigramParts()
        )
        bosID = source.bosID ?? (isMerging ? 1 : nil)
        eosID = source.eosID ?? (isMerging ? 2 : 1)
        surround(bos: source.addBOS ?? isMerging, eos: source.addEOS ?? !isMerging)
    }

    private init(bert source: GGUFVocabulary) {
        let mark: [UInt8] = [0xe2, 0x96, 0x81]
        var heads: [(key: [UInt8], id: Int32)] = []
        var tails: [(key: [UInt8], id: Int32)] = []
        var contents: [[UInt8]?] = []
        let added = source.added
        let special = Set(added.map(\.id))
        for (index, token) in source.tokens.enumerated() {
            let id = Int32(truncatingIfNeeded: index)
            if token.starts(with: mark) {
                let key = Array(token.dropFirst(3))
                heads.append((key, id))
                contents.append(key)
            } else if special.contains(id) || token.first == 0x5b && token.last == 0x5d {
                contents.append(token)
            } else {
                tails.append((token, id))
                contents.append(Array("##".utf8) + token)
            }
        }
        let unk = source.unkID ?? source.tokens.firstIndex(of: Array("[UNK]".utf8)).map(Int32.init)
        let model = WordPieceModel(
            heads: heads,
            tails: tails,
            unkID: unk,
            maximumCharacters: .max
        )
        var parts = Parts(model: .words(model))
        parts.normalizer = .bert(
            cleans: true,
            spacesHan: true,
            stripsAccents: true,
            lowercases: true
        )
        parts.preTokenizer = .bert
        parts.decoder = [.wordPiece(prefix: Array("##".utf8), cleans: true)]
        self.init(parts: parts, contents: contents, added: added)
        unkID = unk
        bosID = source.clsID ?? source.bosID ?? id(of: "[CLS]")
        eosID = source.sepID ?? source.eosID ?? id(of: "[SEP]")
        surround(bos: source.addBOS ?? true, eos: source.addEOS ?? true)
    }
}

extension GGUFVocabulary {
    /// The control and user-defined tokens.
    fileprivate var added: [AddedToken] {
        guard !tokenTypes.isEmpty else { return [] }
        return tokens.indices.compactMap { index in
            let type = tokenTypes[index]
            guard type == 3 || type == 4 || type == 2 && model == "bert" else { return nil }
            return AddedToken(
                id: Int32(truncatingIfNeeded: index),
                content: tokens[index],
                isSpecial: type != 4
            )
        }
    }

    /// Checks counts and ids against each other.
    fileprivate func check() throws {
        guard !tokens.isEmpty, tokens.count <= Field.largestID else {
            throw SkeinError(
                .corruptFile,
                "tokenizer.ggml.tokens: \(tokens.count) tokens, expected 1 to \(Field.largestID)"
            )
        }
        for (name, count) in [("scores", scores.count), ("token_type", tokenTypes.count)] {
            guard count == 0 || count == tokens.count else {
                throw SkeinError(
                    .corruptFile,
                    "tokenizer.ggml.\(name): \(count) entries for \(tokens.count) tokens"
                )
            }
        }
        for (index, token) in tokens.enumerated()
        where String(validating: token, as: UTF8.self) == nil {
            throw SkeinError(
                .corruptFile,
                "tokenizer.ggml.tokens[\(index)]: the bytes are not valid UTF-8"
            )
        }
        let named = [
            ("bos_token_id", bosID), ("eos_token_id", eosID), ("eot_token_id", eotID),
            ("unknown_token_id", unkID), ("padding_token_id", padID), ("cls_token_id", clsID),
            ("seperator_token_id", sepID),
        ]
        for (name, id) in named {
            guard let id else { continue }
            guard id >= 0, Int(id) < tokens.count else {
                throw SkeinError(
                    .corruptFile,
                    "tokenizer.ggml.\(name): \(id), expected an id below \(tokens.count)"
                )
            }
        }
    }
}

/// How a named pre-tokenizer of llama.cpp cuts words.
struct WordRules {
    var splitters: [Splitter]
    var ignoresMerges = false
    var addsBOS = false

    private static let tekken =
        #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#
        + #"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#
        + #"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    private static let gpt4o =
        #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#
        + #"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#
        + #"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#
        + #"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#
        + #"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    private static let deepSeek3 =
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
        + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    init(named name: String) throws {
        var patterns: [String]
        switch name {
        case "gpt-2", "phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "gigachat",
            "mpt", "olmo", "jais", "trillion", "roberta-bpe", "exaone4", "dbrx-legacy":
            patterns = [Splitter.gpt2]
        case "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "dbrx",
            "smaug-bpe":
            patterns = [Splitter.llama3]
            ignoresMerges = name != "dbrx" && name != "smaug-bpe"
            addsBOS = ignoresMerges
        case "qwen2", "stablelm2", "hunyuan", "megrez", "deepseek-r1-qwen":
            patterns = [Splitter.qwen2]
        case "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b":
            patterns = [#"\p{N}"#, Splitter.gpt2]
        case "tekken":
            patterns = [Self.tekken]
            ignoresMerges = true
            addsBOS = true
        case "gpt-4o", "llama4":
            patterns = [Self.gpt4o]
            addsBOS = name == "llama4"
        case "chatglm-bpe", "glm4":
            patterns = [Splitter.llama3]
        case "falcon":
            patterns = [#"[\p{P}\$\+<=>\^~\|`]+"#, Splitter.gpt2, "[0-9][0-9][0-9]"]
        case "deepseek-coder":
            patterns = [
                "[\r\n]", #"\s?\p{L}+"#, #"\s?\p{P}+"#, "[一-龥\u{800}-一가-\u{d7ff}]+", #"\p{N}"#,
            ]
        case "deepseek-llm":
            patterns = [
                "[\r\n]", #"\s?[\p{Lu}\p{Ll}]+"#, #"\s?[!-/:-~！-／：-～‘-‟　-。]+"#, #"\s+$"#,
                "[一-龥\u{800}-一가-\u{d7ff}]+", #"\p{N}+"#,
            ]
        case "deepseek-v3":
            patterns = [#"\p{N}{1,3}"#, "[一-龥\u{3040}-ゟ゠-ヿ]+", Self.deepSeek3]
            addsBOS = true
        case "default", "":
            patterns = [
                #"[\p{P}\$\+<=>\^~\|]+"#, Splitter.gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]",
            ]
        default:
            throw SkeinError(
                .unsupported,
                "tokenizer.ggml.pre: unknown word pattern \"\(name)\"",
                hint: "put the model's tokenizer.json beside it"
            )
        }
        splitters = try patterns.map { try Splitter(pattern: $0, field: "tokenizer.ggml.pre") }
    }
}
