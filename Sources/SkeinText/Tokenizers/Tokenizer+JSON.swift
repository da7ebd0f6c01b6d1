public import SkeinCore

extension Tokenizer {
    /// Reads a tokenizer.json, with the tokenizer_config.json that lay beside it.
    ///
    /// - Throws: `SkeinError` naming the field, what was found and what was expected.
    public init(json: JSON, configuration: JSON? = nil) throws {
        let root = Field(value: json, path: "tokenizer.json")
        guard json.object != nil else { throw root.wrong("an object") }
        let modelField = try root.required("model")
        let normalizer = try root.optional("normalizer").map { try Normalizer($0) }
        let preTokenizer = try root.optional("pre_tokenizer").map { try PreTokenizer($0) }
        let decoder = try root.optional("decoder").map { try TokenDecoder.chain($0) }
        let built = try ModelReader(modelField, endsInBytes: preTokenizer?.endsInBytes ?? false)
        var contents = built.contents
        var known: [ExactKey: Int32] = [:]
        let addedFields = try root.optional("added_tokens")?.items() ?? []
        if !addedFields.isEmpty {
            for (id, content) in contents.enumerated() {
                if let content {
                    known[ExactKey(String(decoding: content, as: UTF8.self))] = Int32(id)
                }
            }
        }
        var added: [AddedToken] = []
        // A new token's id follows the vocabulary's size, whatever the file says.
        var nextID = Int32(truncatingIfNeeded: known.count)
        for field in addedFields {
            let text = try field.required("content").text()
            if text.isEmpty { continue }
            _ = try field.required("id").id()
            var token = AddedToken(id: 0, content: Array(text.utf8))
            if let id = known[ExactKey(text)] {
                token.id = id
            } else {
                token.id = nextID
                nextID += 1
                known[ExactKey(text)] = token.id
            }
            token.isSpecial = try field.flag("special", default: false)
            token.isSingleWord = try field.flag("single_word", default: false)
            token.stripsLeft = try field.flag("lstrip", default: false)
            token.stripsRight = try field.flag("rstrip", default: false)
            token.isNormalized = try field.flag("normalized", default: !token.isSpecial)
            while contents.count <= Int(token.id) { contents.append(nil) }
            contents[Int(token.id)] = token.content
            added.removeAll { $0.id == token.id }
            added.append(token)
        }
        let post = try root.optional("post_processor").map {
            try PostProcessor($0, limit: contents.count)
        }
        self.init(
            parts: Parts(
                normalizer: normalizer,
                preTokenizer: preTokenizer,
                model: built.model,
                postProcessor: post,
                decoder: decoder,
                writesBytes: !built.worksOnBytes
            ),
            contents: contents,
            added: added
        )
        unkID = built.unkID
        configure(configuration)
    }

    /// Takes the special tokens and the template from a tokenizer_config.json.
    private mutating func configure(_ configuration: JSON?) {
        func token(_ key: String) -> Int32? {
            let value = configuration?[key]
            guard let text = value?.string ?? value?["content"]?.string else { return nil }
            return id(of: text)
        }
        bosID = token("bos_token")
        eosID = token("eos_token")
        padID = token("pad_token")
        unkID = token("unk_token") ?? unkID
        chatTemplate = configuration?["chat_template"]?.string
        if chatTemplate == nil, let list = configuration?["chat_template"]?.array {
            let entry = list.first { $0["name"]?.string == "default" } ?? list.first
            chatTemplate = entry?["template"]?.string
        }
        let around = encode("")
        if let bosID {
            addsBOS = around.first == bosID
        } else if let first = around.first, isSpecial(first),
            around.count == 1 || first != around.last
        {
            // Without a configuration the template itself says what begins a text.
            bosID = first
            addsBOS = true
        }
        if eosID == nil {
            for text in Self.endings {
                guard eosID == nil, let id = id(of: text), isSpecial(id) else { continue }
                eosID = id
            }
        }
        if let eosID { addsEOS = around.last == eosID && around.count > (addsBOS ? 1 : 0) }
        findStops()
    }

    private static let endings = [
        "<|endoftext|>", "</s>", "<|end_of_text|>", "<|eot_id|>", "<eos>",
        "<｜end▁of▁sentence｜>",
    ]

    private static let turnEndings = [
        "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<|eom_id|>", "<end_of_turn>", "<|end|>",
        "<|endoftext|>", "<｜end▁of▁sentence｜>",
    ]

    /// Collects the tokens that end a text or a turn.
    mutating func findStops() {
        var stops: Set<Int32> = []
        if let eosID { stops.insert(eosID) }
        for text in Self.turnEndings {
            if let id = id(of: text), isSpecial(id) { stops.insert(id) }
        }
        stopIDs = stops
    }
}

/// Reads the `model` of a tokenizer.json.
struct ModelReader {
    var model: TokenModel
    var contents: [[UInt8]?]
    var unkID: Int32?
    var worksOnBytes = false

    init(_ field: Field, endsInBytes: Bool) throws {
        guard field.value.object != nil else { throw field.wrong("an object") }
        let kind: String
        if let name = try field.optional("type")?.text() {
            kind = name
        } else if field.optional("merges") != nil {
            kind = "BPE"
        } else if field.optional("vocab")?.value.array != nil {
            kind = "Unigram"
        } else if field.optional("continuing_subword_prefix") != nil {
            kind = "WordPiece"
        } else {
            kind = "WordLevel"
        }
        switch kind {
        case "BPE": try self.init(bpe: field, endsInBytes: endsInBytes)
        case "Unigram": try self.init(unigram: field)
        case "WordPiece", "WordLevel": try self.init(words: field, kind)
        default:
            throw SkeinError(
                .unsupported,
                "\(field.path).type: \"\(kind)\" is not BPE, Unigram, WordPiece or WordLevel"
            )
        }
    }

    private typealias Entries = [(key: [UInt8], id: Int32)]

    private static func vocabulary(_ field: Field) throws -> (Entries, [[UInt8]?]) {
        let vocab = try field.required("vocab")
        guard let object = vocab.value.object else { throw vocab.wrong("an object") }
        var entries: Entries = []
        entries.reserveCapacity(object.members.count)
        var largest = -1
        for member in object.members {
            let key = Array(member.key.utf8)
            let id = try Field(value: member.value, path: "\(vocab.path)[\"\(member.key)\"]").id()
            entries.append((key, id))
            largest = max(largest, Int(id))
        }
        var contents = [[UInt8]?](repeating: nil, count: largest + 1)
        for entry in entries { contents[Int(entry.id)] = entry.key }
        return (entries, contents)
    }

    /// The ids of `<0x00>` to `<0xFF>`, `-1` where missing.
    static func byteTokens(_ table: ByteTable) -> [Int32] {
        (0..<256).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return table.id(Array("<0x\(byte < 16 ? "0" : "")\(digits)>".utf8)) ?? -1
        }
    }

    private init(bpe field: Field, endsInBytes: Bool) throws {
        if let dropout = field.optional("dropout"), dropout.value.double != 0 {
            throw SkeinError(
                .unsupported,
                "\(dropout.path): dropout makes ids random; expected null or 0"
            )
        }
        let (entries, contents) = try Self.vocabulary(field)
        let table = ByteTable(entries)
        var options = BPEModel.Options()
        if let unk = field.optional("unk_token") {
            options.unkID = table.id(try unk.bytes())
        }
        options.fusesUnk = try field.flag("fuse_unk", default: false)
        options.fallsBackToBytes = try field.flag("byte_fallback", default: false)
        options.ignoresMerges = try field.flag("ignore_merges", default: false)
        options.prefix = try field.optional("continuing_subword_prefix")?.bytes() ?? []
        options.suffix = try field.optional("end_of_word_suffix")?.bytes() ?? []
        let pairs = try Self.pairs(try field.required("merges"), table, options.prefix.count)
        let byteIDs = ByteAlphabet.scalars.map { table.id(TextBytes.bytes($0)) ?? -1 }
        let isPlain = options.prefix.isEmpty && options.suffix.isEmpty
        let hasBytes = !byteIDs.contains(-1) || options.unkID == nil && !options.fallsBackToBytes
        worksOnBytes = endsInBytes && isPlain && hasBytes
        let words =
            worksOnBytes
            ? ByteTable(entries.compactMap { e in ByteAlphabet.raw(e.key).map { ($0, e.id) } })
            : table
        model = .bpe(
            BPEModel(
                vocabulary: words,
                pairs: pairs,
                options: options,
                byteIDs: worksOnBytes ? byteIDs : nil,
                fallback: Self.byteTokens(table)
            )
        )
        self.contents = contents
        unkID = options.unkID
    }

    private static func pairs(
        _ field: Field,
        _ table: ByteTable,
        _ prefixLength: Int
    ) throws -> PairTable {
        guard let merges = field.value.array else { throw field.wrong("an array") }
        var pairs = PairTable(capacity: merges.count)
        for (rank, merge) in merges.enumerated() {
            func wrong(_ what: String) -> SkeinError {
                SkeinError(.corruptFile, "\(field.path)[\(rank)]: \(what)")
            }
            let left: [UInt8]
            let right: [UInt8]
            if let text = merge.string {
                let bytes = Array(text.utf8)
                let parts = bytes.split(separator: 0x20, omittingEmptySubsequences: false)
                guard parts.count == 2 else { throw wrong("expected two tokens and a space") }
                left = Array(parts[0])
                right = Array(parts[1])
            } else if let parts = merge.array, parts.count == 2, let a = parts[0].string,
                let b = parts[1].string
            {
                left = Array(a.utf8)
                right = Array(b.utf8)
            } else {
                throw wrong("expected a string or two strings")
            }
            func id(_ key: [UInt8]) throws -> Int32 {
                guard let id = table.id(key) else {
                    let name = String(decoding: key.prefix(60), as: UTF8.self)
                    throw wrong("token \"\(name)\" is not in the vocabulary")
                }
                return id
            }
            guard right.count >= prefixLength else { throw wrong("the prefix is missing") }
            pairs.set(
                try id(left),
                try id(right),
                .init(
                    rank: Int32(truncatingIfNeeded: rank),
                    id: try id(left + right.dropFirst(prefixLength))
                )
            )
        }
        return pairs
    }

    private init(unigram field: Field) throws {
        let vocab = try field.required("vocab")
        guard let array = vocab.value.array else { throw vocab.wrong("an array") }
        var entries: Entries = []
        var scores: [Double] = []
        for (index, item) in array.enumerated() {
            guard let pair = item.array, pair.count == 2, let text = pair[0].string,
                let score = pair[1].double, !score.isNaN
            else {
                throw Field(value: item, path: "\(vocab.path)[\(index)]").wrong("[piece, score]")
            }
            entries.append((Array(text.utf8), Int32(truncatingIfNeeded: index)))
            scores.append(LooseNumber.reread(score))
        }
        if let unk = field.optional("unk_id") {
            let id = try unk.id()
            guard Int(id) < entries.count else {
                throw unk.wrong("an id below the vocabulary's size \(entries.count)")
            }
            unkID = id
        }
        let fallsBack = try field.flag("byte_fallback", default: false)
        model = .unigram(
            UnigramModel(
                pieces: entries,
                scores: scores,
                unkID: unkID,
                fallback: fallsBack ? Self.byteTokens(ByteTable(entries)) : nil
            )
        )
        contents = entries.map(\.key)
    }

    private init(words field: Field, _ kind: String) throws {
        let (entries, contents) = try Self.vocabulary(field)
        let table = ByteTable(entries)
        let unk = try field.optional("unk_token")?.bytes() ?? Array("[UNK]".utf8)
        unkID = table.id(unk)
        self.contents = contents
        if kind == "WordLevel" {
            model = .words(WordPieceModel(words: table, unkID: unkID))
            return
        }
        let prefix = try field.optional("continuing_subword_prefix")?.bytes() ?? Array("##".utf8)
        let tails = entries.filter { $0.key.starts(with: prefix) }
            .map { (key: Array($0.key.dropFirst(prefix.count)), id: $0.id) }
        let limit = try field.optional("max_input_chars_per_word")?.count() ?? 100
        model = .words(
            WordPieceModel(heads: entries, tails: tails, unkID: unkID, maximumCharacters: limit)
        )
    }
}
