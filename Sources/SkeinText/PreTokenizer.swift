/// Cuts text into words, which a model then encodes one by one.
indirect enum PreTokenizer: Sendable {
    /// What becomes of the text that a pattern matches.
    enum Behavior: String, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// When a space is put before the text.
    enum Prepend: String, Sendable { case always, first, never }

    case sequence([PreTokenizer])
    case split(Pattern, Behavior, isInverted: Bool)
    /// Bytes become an alphabet later; here only a leading space may be added.
    case prefixSpace
    /// Spaces become a visible mark, one goes in front, and words start at marks.
    case metaspace(replacement: [UInt8], Prepend, splits: Bool)

    /// Cuts pieces further; each is a word of bytes.
    ///
    /// - Parameters:
    ///   - pieces: What earlier steps left.
    ///   - isFirst: Whether the first piece begins the whole text.
    /// - Returns: The words.
    func cut(_ pieces: [[UInt8]], isFirst: Bool) -> [[UInt8]] {
        switch self {
        case .sequence(let steps):
            return steps.reduce(pieces) { $1.cut($0, isFirst: isFirst) }
        case .prefixSpace:
            return pieces.map { $0.first == 0x20 || $0.isEmpty ? $0 : [0x20] + $0 }
        case .split(let pattern, let behavior, let isInverted):
            return pieces.flatMap { piece in
                piece.withUnsafeBufferPointer { bytes in
                    Self.ranges(bytes, pattern, behavior, isInverted).map { Array(bytes[$0]) }
                }
            }
        case .metaspace(let replacement, let prepend, let splits):
            return pieces.enumerated().flatMap { index, piece in
                let isStart = prepend == .always || (prepend == .first && isFirst && index == 0)
                return Self.metaspace(piece, replacement, prepends: isStart, splits: splits)
            }
        }
    }

    /// The ranges of a text's words.
    static func ranges(
        _ text: UnsafeBufferPointer<UInt8>,
        _ pattern: Pattern,
        _ behavior: Behavior,
        _ isInverted: Bool
    ) -> [Range<Int>] {
        var parts: [(range: Range<Int>, isMatch: Bool)] = []
        var end = 0
        pattern.forEachMatch(in: text) { match in
            if match.lowerBound > end { parts.append((end..<match.lowerBound, isInverted)) }
            parts.append((match, !isInverted))
            end = match.upperBound
        }
        if end < text.count { parts.append((end..<text.count, isInverted)) }
        switch behavior {
        case .isolated: return parts.map(\.range)
        case .removed: return parts.filter { !$0.isMatch }.map(\.range)
        case .contiguous:
            return joined(parts) { $0.isMatch == $1.isMatch }
        case .mergedWithPrevious:
            return joined(parts) { !$0.isMatch && $1.isMatch }
        case .mergedWithNext:
            return joined(parts) { $0.isMatch && !$1.isMatch }
        }
    }

    /// Neighbouring parts joined where a rule says so.
    private static func joined(
        _ parts: [(range: Range<Int>, isMatch: Bool)],
        _ belongs: ((range: Range<Int>, isMatch: Bool), (range: Range<Int>, isMatch: Bool)) -> Bool
    ) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for (index, part) in parts.enumerated() {
            if index > 0, belongs(parts[index - 1], part), let last = result.last {
                result[result.count - 1] = last.lowerBound..<part.range.upperBound
            } else {
                result.append(part.range)
            }
        }
        return result
    }

    private static func metaspace(
        _ piece: [UInt8],
        _ replacement: [UInt8],
        prepends: Bool,
        splits: Bool
    ) -> [[UInt8]] {
        var text: [UInt8] = []
        text.reserveCapacity(piece.count + 8)
        for byte in piece {
            if byte == 0x20 { text += replacement } else { text.append(byte) }
        }
        if prepends, !text.starts(with: replacement), !text.isEmpty { text = replacement + text }
        guard splits, !replacement.isEmpty else { return text.isEmpty ? [] : [text] }
        var words: [[UInt8]] = []
        var start = 0
        var index = 0
        while index < text.count {
            let isMark = text[index] == replacement[0] && text[index...].starts(with: replacement)
            if isMark, index > start {
                words.append(Array(text[start..<index]))
                start = index
            }
            index += isMark ? replacement.count : 1
        }
        if start < text.count { words.append(Array(text[start...])) }
        return words
    }
}

extension PreTokenizer {
    /// The patterns that model files name without spelling them.
    enum Known {
        /// GPT-2's, which `ByteLevel` uses.
        static let gpt2 =
            #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
        /// Llama 3's.
        static let llama3 =
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        /// Qwen 2's: as Llama 3's, but single digits.
        static let qwen2 =
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        /// Mistral's tekken.
        static let tekken =
            #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        /// Rust's `Whitespace`: words of letters and digits, and words of other characters.
        static let whitespace = #"\w+|[^\w\s]+"#
    }

    /// The pre-tokenizer that a GGUF file names, for byte-level models.
    static func named(_ name: String) throws -> PreTokenizer {
        func isolated(_ source: String) throws -> PreTokenizer {
            .split(try Pattern(source), .isolated, isInverted: false)
        }
        switch name {
        case "llama3", "llama-v3", "llama-bpe", "falcon3", "smaug-bpe", "dbrx":
            return try isolated(Known.llama3)
        case "qwen2", "deepseek-r1-qwen", "stablelm2", "megrez":
            return try isolated(Known.qwen2)
        case "tekken": return try isolated(Known.tekken)
        case "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b":
            return .sequence([try isolated(#"\p{N}"#), try isolated(Known.gpt2)])
        default: return try isolated(Known.gpt2)
        }
    }
}
