import SkeinCore

extension Field {
    /// The `type` of a step.
    func kind() throws -> String { try required("type").text() }

    /// A complaint about a step of unknown type.
    func unknown(_ what: String) throws -> SkeinError {
        SkeinError(.unsupported, "\(path).type: unknown \(what) \"\(try kind())\"")
    }

    /// The `pattern` of Replace and Split: `{"String": …}`, `{"Regex": …}` or plain text.
    func pattern() throws -> (text: String, isPattern: Bool) {
        let field = try required("pattern")
        if let text = field.value.string { return (text, false) }
        if let text = field.value["String"]?.string { return (text, false) }
        if let text = field.value["Regex"]?.string { return (text, true) }
        throw field.wrong("a String or a Regex")
    }

    /// What Replace looks for.
    func finder() throws -> Finder {
        let (text, isPattern) = try pattern()
        guard isPattern else { return .literal(Array(text.utf8)) }
        return .pattern(try Pattern(text, field: "\(path).pattern"))
    }
}

extension Normalizer {
    /// Reads one normalizer of a tokenizer.json.
    init(_ field: Field) throws {
        switch try field.kind() {
        case "Sequence":
            self = .sequence(try field.required("normalizers").items().map { try Normalizer($0) })
        case "NFC": self = .form(.nfc)
        case "NFD": self = .form(.nfd)
        case "NFKC": self = .form(.nfkc)
        case "NFKD": self = .form(.nfkd)
        case "Lowercase": self = .lowercase
        case "Strip":
            self = .strip(
                left: try field.flag("strip_left", default: true),
                right: try field.flag("strip_right", default: true)
            )
        case "StripAccents": self = .stripAccents
        case "Replace":
            self = .replace(try field.finder(), with: try field.required("content").bytes())
        case "Prepend": self = .prepend(try field.required("prepend").bytes())
        case "BertNormalizer":
            let lowercases = try field.flag("lowercase", default: true)
            self = .bert(
                cleans: try field.flag("clean_text", default: true),
                spacesHan: try field.flag("handle_chinese_chars", default: true),
                stripsAccents: try field.flag("strip_accents", default: lowercases),
                lowercases: lowercases
            )
        case "Precompiled":
            let blob = try field.required("precompiled_charsmap")
            guard let bytes = Base64.decode(try blob.bytes()) else { throw blob.wrong("base64") }
            self = .precompiled(try PrecompiledMap(bytes, field: blob.path))
        case "Nmt": self = .nmt
        case "ByteLevel": self = .byteLevel
        default: throw try field.unknown("normalizer")
        }
    }
}

extension PreTokenizer {
    /// Whether the last step is byte-level.
    var endsInBytes: Bool {
        switch self {
        case .sequence(let steps): steps.last?.endsInBytes ?? false
        case .byteLevel: true
        default: false
        }
    }

    /// Reads one pre-tokenizer of a tokenizer.json.
    init(_ field: Field) throws {
        switch try field.kind() {
        case "Sequence":
            self = .sequence(
                try field.required("pretokenizers").items().map { try PreTokenizer($0) }
            )
        case "ByteLevel":
            let usesPattern = try field.flag("use_regex", default: true)
            self = .byteLevel(
                addsPrefixSpace: try field.flag("add_prefix_space", default: true),
                splitter: usesPattern ? .scanner(.gpt2) : nil
            )
        case "Split":
            let (text, isPattern) = try field.pattern()
            self = .split(
                isPattern
                    ? try Splitter(pattern: text, field: "\(field.path).pattern")
                    : .literal(Array(text.utf8)),
                try Self.behavior(field.required("behavior")),
                invert: try field.flag("invert", default: false)
            )
        case "Digits":
            let isSingle = try field.flag("individual_digits", default: false)
            self = .flagged(.numeric, isSingle ? .isolated : .contiguous)
        case "Whitespace": self = .whitespace
        case "WhitespaceSplit": self = .flagged(.plainSpace, .removed)
        case "Punctuation":
            let behavior = try field.optional("behavior").map(Self.behavior) ?? .isolated
            self = .flagged(.isolated, behavior)
        case "BertPreTokenizer": self = .bert
        case "CharDelimiterSplit", "Delimiter":
            self = .delimiter(try field.required("delimiter").scalar())
        case "Metaspace":
            self = .metaspace(
                replacement: try field.optional("replacement")?.scalar() ?? 0x2581,
                try Self.scheme(field),
                splits: try field.flag("split", default: true)
            )
        case "FixedLength":
            let length = try field.optional("length")?.count() ?? 5
            guard length > 0 else { throw field.wrong("a length of at least 1") }
            self = .fixedLength(length)
        default: throw try field.unknown("pre-tokenizer")
        }
    }

    private static func behavior(_ field: Field) throws -> Behavior {
        guard let behavior = Behavior(rawValue: try field.text()) else {
            throw field.wrong(
                "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous"
            )
        }
        return behavior
    }

    /// Metaspace's prepend scheme, by its new name or its old one.
    static func scheme(_ field: Field) throws -> PrependScheme {
        if try !field.flag("add_prefix_space", default: true) { return .never }
        guard let named = field.optional("prepend_scheme") else { return .always }
        guard let scheme = PrependScheme(rawValue: try named.text()) else {
            throw named.wrong("always, first or never")
        }
        return scheme
    }
}

extension PostProcessor {
    /// Reads one post-processor of a tokenizer.json; ids must lie below `limit`.
    init(_ field: Field, limit: Int) throws {
        func checked(_ field: Field) throws -> Int32 {
            let id = try field.id()
            guard Int(id) < limit else { throw field.wrong("an id below \(limit)") }
            return id
        }
        func pair(_ key: String) throws -> Int32 {
            let items = try field.required(key).items()
            guard items.count == 2 else { throw try field.required(key).wrong("[token, id]") }
            return try checked(items[1])
        }
        switch try field.kind() {
        case "Sequence":
            self = .sequence(
                try field.required("processors").items().map { try Self($0, limit: limit) }
            )
        case "ByteLevel":
            let trims = try field.flag("trim_offsets", default: true)
            let adds = try field.flag("add_prefix_space", default: true)
            self = trims ? .trimOffsets(addsPrefixSpace: adds) : .sequence([])
        case "BertProcessing":
            self = .template([.tokens([try pair("cls")]), .text, .tokens([try pair("sep")])])
        case "RobertaProcessing":
            let wrap = PostProcessor.template([
                .tokens([try pair("cls")]), .text, .tokens([try pair("sep")]),
            ])
            let adds = try field.flag("add_prefix_space", default: true)
            self =
                try field.flag("trim_offsets", default: true)
                ? .sequence([.trimOffsets(addsPrefixSpace: adds), wrap]) : wrap
        case "TemplateProcessing":
            let known = try field.required("special_tokens")
            self = .template(
                try field.required("single").items().map { part in
                    if part.optional("Sequence") != nil { return .text }
                    guard let special = part.optional("SpecialToken") else {
                        throw part.wrong("a Sequence or a SpecialToken")
                    }
                    let name = try special.required("id").text()
                    return .tokens(
                        try known.required(name).required("ids").items().map(checked)
                    )
                }
            )
        default: throw try field.unknown("post-processor")
        }
    }
}

extension TokenDecoder {
    /// Reads the decoder of a tokenizer.json as a flat chain.
    static func chain(_ field: Field) throws -> [TokenDecoder] {
        switch try field.kind() {
        case "Sequence": return try field.required("decoders").items().flatMap { try chain($0) }
        case "ByteLevel": return [.byteLevel]
        case "ByteFallback": return [.byteFallback]
        case "Fuse": return [.fuse]
        case "Strip":
            return [
                .strip(
                    try field.optional("content")?.scalar() ?? 0x20,
                    start: try field.optional("start")?.count() ?? 0,
                    stop: try field.optional("stop")?.count() ?? 0
                )
            ]
        case "Replace":
            return [.replace(try field.finder(), with: try field.required("content").bytes())]
        case "Metaspace":
            return [
                .metaspace(
                    try field.optional("replacement")?.scalar() ?? 0x2581,
                    dropsFirst: try PreTokenizer.scheme(field) != .never
                )
            ]
        case "WordPiece":
            return [
                .wordPiece(
                    prefix: try field.optional("prefix")?.bytes() ?? Array("##".utf8),
                    cleans: try field.flag("cleanup", default: true)
                )
            ]
        case "BPEDecoder":
            return [.suffix(try field.optional("suffix")?.bytes() ?? Array("</w>".utf8))]
        case "CTC":
            return [
                .ctc(
                    pad: try field.optional("pad_token")?.bytes() ?? Array("<pad>".utf8),
                    delimiter: try field.optional("word_delimiter_token")?.bytes()
                        ?? Array("|".utf8),
                    cleans: try field.flag("cleanup", default: true)
                )
            ]
        default: throw try field.unknown("decoder")
        }
    }
}

/// Base64 text to bytes.
enum Base64 {
    /// The bytes, or `nil` if the text is not base64.
    static func decode(_ text: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count * 3 / 4)
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in text {
            let value: UInt8
            switch byte {
            case 0x41...0x5a: value = byte - 0x41
            case 0x61...0x7a: value = byte - 0x61 + 26
            case 0x30...0x39: value = byte - 0x30 + 52
            case 0x2b: value = 62
            case 0x2f: value = 63
            case 0x3d, 0x0a, 0x0d: continue
            default: return nil
            }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return result
    }
}
