internal import SkeinCore

/// Reads the steps of a `tokenizer.json` around its model.
struct PipelineReader {
    /// The normalizer, if there is one.
    func normalizer(_ json: JSON?) throws -> Normalizer? {
        guard let json, !json.isNull else { return nil }
        let type = json["type"]?.string ?? ""
        switch type {
        case "Sequence":
            let steps = try (json["normalizers"]?.array ?? []).compactMap { try normalizer($0) }
            return steps.isEmpty ? nil : .sequence(steps)
        case "NFC": return .nfc
        case "NFD": return .nfd
        case "NFKC": return .nfkc
        case "NFKD": return .nfkd
        case "Lowercase": return .lowercase
        case "Prepend": return .prepend(Array((json["prepend"]?.string ?? "").utf8))
        case "Strip":
            return .strip(
                left: json["strip_left"]?.bool ?? true,
                right: json["strip_right"]?.bool ?? true
            )
        case "Replace":
            let new = Array((json["content"]?.string ?? "").utf8)
            if let old = json["pattern"]?["String"]?.string {
                return .replace(Array(old.utf8), with: new)
            }
            return .replacePattern(try pattern(json), with: new)
        default: throw unknown("normalizer", type)
        }
    }

    /// The pre-tokenizer, and whether words are then spelled in bytes.
    func preTokenizer(_ json: JSON?) throws -> (PreTokenizer?, isByteLevel: Bool) {
        guard let json, !json.isNull else { return (nil, false) }
        let type = json["type"]?.string ?? ""
        switch type {
        case "Sequence":
            let steps = try (json["pretokenizers"]?.array ?? []).map { try preTokenizer($0) }
            let cuts = steps.compactMap(\.0)
            let isByteLevel = steps.contains(where: \.isByteLevel)
            return (cuts.count == 1 ? cuts[0] : cuts.isEmpty ? nil : .sequence(cuts), isByteLevel)
        case "ByteLevel":
            var steps: [PreTokenizer] = []
            if json["add_prefix_space"]?.bool ?? true { steps.append(.prefixSpace) }
            if json["use_regex"]?.bool ?? true {
                steps.append(
                    .split(try Pattern(PreTokenizer.Known.gpt2), .isolated, isInverted: false)
                )
            }
            return (steps.isEmpty ? nil : steps.count == 1 ? steps[0] : .sequence(steps), true)
        case "Split":
            let name = json["behavior"]?.string ?? "Isolated"
            guard let behavior = PreTokenizer.Behavior(rawValue: name) else {
                throw unknown("split behavior", name)
            }
            return (
                .split(try pattern(json), behavior, isInverted: json["invert"]?.bool ?? false),
                false
            )
        case "Digits":
            let source = json["individual_digits"]?.bool ?? false ? #"\p{N}"# : #"\p{N}+"#
            return (.split(try Pattern(source), .isolated, isInverted: false), false)
        case "Whitespace":
            return (
                .split(
                    try Pattern(PreTokenizer.Known.whitespace),
                    .removed,
                    isInverted: true
                ), false
            )
        case "WhitespaceSplit":
            return (.split(try Pattern(#"\s+"#), .removed, isInverted: false), false)
        case "Metaspace":
            let legacy = json["add_prefix_space"]?.bool ?? true
            let scheme = json["prepend_scheme"]?.string ?? (legacy ? "always" : "never")
            guard let prepend = PreTokenizer.Prepend(rawValue: scheme) else {
                throw unknown("prepend scheme", scheme)
            }
            let mark = Array((json["replacement"]?.string ?? "\u{2581}").utf8)
            return (
                .metaspace(replacement: mark, prepend, splits: json["split"]?.bool ?? true), false
            )
        default: throw unknown("pre-tokenizer", type)
        }
    }

    /// The ids that a post-processor puts before and after a single text.
    func template(_ json: JSON?) throws -> (prefix: [Int32], suffix: [Int32]) {
        guard let json, !json.isNull else { return ([], []) }
        let type = json["type"]?.string ?? ""
        switch type {
        case "ByteLevel": return ([], [])
        case "Sequence":
            let parts = try (json["processors"]?.array ?? []).map { try template($0) }
            return (parts.flatMap(\.prefix), parts.flatMap(\.suffix))
        case "TemplateProcessing":
            var prefix: [Int32] = []
            var suffix: [Int32] = []
            var hasText = false
            for part in json["single"]?.array ?? [] {
                if part["Sequence"] != nil { hasText = true }
                guard let name = part["SpecialToken"]?["id"]?.string else { continue }
                let ids = json["special_tokens"]?[name]?["ids"]?.array?.compactMap { $0.int } ?? []
                if hasText { suffix += ids.map(Int32.init) } else { prefix += ids.map(Int32.init) }
            }
            return (prefix, suffix)
        case "BertProcessing", "RobertaProcessing":
            func id(_ key: String) -> [Int32] {
                json[key]?.array?.last?.int.map { [Int32($0)] } ?? []
            }
            return (id("cls"), id("sep"))
        default: throw unknown("post-processor", type)
        }
    }

    /// Whether decoding drops the first space.
    func stripsLeadingSpace(_ json: JSON?) -> Bool {
        guard let json, !json.isNull else { return false }
        switch json["type"]?.string {
        case "Sequence": return (json["decoders"]?.array ?? []).contains { stripsLeadingSpace($0) }
        case "Strip": return (json["start"]?.int ?? 0) > 0 && json["content"]?.string == " "
        case "Metaspace": return json["prepend_scheme"]?.string != "never"
        default: return false
        }
    }

    private func pattern(_ json: JSON) throws -> Pattern {
        if let source = json["pattern"]?["Regex"]?.string { return try Pattern(source) }
        if let text = json["pattern"]?["String"]?.string {
            return try Pattern("\\Q" + text.replacing("\\E", with: "\\E\\\\E\\Q") + "\\E")
        }
        throw SkeinError(.corruptFile, "tokenizer.json: a pattern is neither Regex nor String")
    }

    private func unknown(_ what: String, _ type: String) -> SkeinError {
        SkeinError(.unsupported, "tokenizer.json: unknown \(what) \"\(type)\"")
    }
}
