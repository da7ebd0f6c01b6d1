/// One step from tokens back to text; a chain of them is the decoder of a tokenizer.
enum TokenDecoder: Sendable {
    case byteLevel
    case byteFallback
    case fuse
    case strip(UInt32, start: Int, stop: Int)
    case replace(Finder, with: [UInt8])
    case metaspace(UInt32, dropsFirst: Bool)
    case wordPiece(prefix: [UInt8], cleans: Bool)
    case suffix([UInt8])
    case ctc(pad: [UInt8], delimiter: [UInt8], cleans: Bool)

    /// The whole chain's text.
    static func text(_ tokens: [[UInt8]], _ chain: [Self]?) -> [UInt8] {
        guard let chain else { return Array(tokens.joined(separator: [0x20])) }
        return Array(chain.reduce(tokens) { $1.decode($0) }.joined())
    }

    /// All tokens at once.
    func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
        switch self {
        case .byteLevel:
            let bytes = tokens.flatMap { ByteAlphabet.raw($0) ?? $0 }
            return [Array(String(decoding: bytes, as: UTF8.self).utf8)]
        case .byteFallback:
            var run: [UInt8] = []
            var result: [[UInt8]] = []
            for token in tokens {
                if let byte = Self.byte(token) {
                    run.append(byte)
                } else {
                    result += Self.flush(&run)
                    result.append(token)
                }
            }
            return result + Self.flush(&run)
        case .fuse:
            return [Array(tokens.joined())]
        case .suffix(let suffix):
            return tokens.enumerated().map { index, token in
                let content: [UInt8] = index == tokens.count - 1 ? [] : [0x20]
                return TextBytes.replacing(suffix, in: token, with: content)
            }
        case .ctc(let pad, let delimiter, let cleans):
            var result: [[UInt8]] = []
            var previous: [UInt8]?
            for token in tokens where token != previous {
                previous = token
                let text = Self.ctc(token, pad, delimiter, cleans)
                if !text.isEmpty { result.append(text) }
            }
            return result
        case .strip, .replace, .metaspace, .wordPiece:
            return tokens.enumerated().map { single($1, isFirst: $0 == 0) }
        }
    }

    /// One token through a step that looks at nothing else.
    func single(_ token: [UInt8], isFirst: Bool) -> [UInt8] {
        switch self {
        case .replace(let finder, let content):
            if case .literal(let needle) = finder {
                return TextBytes.replacing(needle, in: token, with: content)
            }
            var result: [UInt8] = []
            var last = 0
            for range in finder.ranges(token) {
                result += token[last..<range.lowerBound]
                result += content
                last = range.upperBound
            }
            return result + token[last...]
        case .strip(let content, let start, let stop):
            let scalars = TextBytes.scalars(token)
            let leading = scalars.prefix(start).prefix { $0 == content }.count
            let trailing = scalars.reversed().prefix(stop).prefix { $0 == content }.count
            let upper = max(leading, scalars.count - trailing)
            return scalars[leading..<upper].flatMap { TextBytes.bytes($0) }
        case .metaspace(let mark, let dropsFirst):
            let content: [UInt8] = isFirst && dropsFirst ? [] : [0x20]
            return TextBytes.replacing(TextBytes.bytes(mark), in: token, with: content)
        case .wordPiece(let prefix, let cleans):
            var text = token
            if !isFirst {
                text =
                    text.starts(with: prefix) ? Array(text.dropFirst(prefix.count)) : [0x20] + text
            }
            return cleans ? Self.clean(text) : text
        default:
            return token
        }
    }

    /// The byte that a token such as `<0x0A>` stands for.
    static func byte(_ token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: Array("<0x".utf8)), token[5] == 0x3e else {
            return nil
        }
        return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
    }

    /// A run of bytes as tokens: one if it is valid text, else one replacement a byte.
    static func flush(_ run: inout [UInt8]) -> [[UInt8]] {
        defer { run.removeAll() }
        if run.isEmpty { return [] }
        if String(validating: run, as: UTF8.self) != nil { return [run] }
        return Array(repeating: [0xef, 0xbf, 0xbd], count: run.count)
    }

    static func ctc(
        _ token: [UInt8],
        _ pad: [UInt8],
        _ delimiter: [UInt8],
        _ cleans: Bool
    ) -> [UInt8] {
        let text = TextBytes.replacing(pad, in: token, with: [])
        guard cleans else { return text }
        return TextBytes.replacing(delimiter, in: clean(text), with: [0x20])
    }

    private static let cleanings: [([UInt8], [UInt8])] = [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
        (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ].map { (Array($0.0.utf8), Array($0.1.utf8)) }

    /// English spacing as BERT's decoder repairs it.
    static func clean(_ text: [UInt8]) -> [UInt8] {
        guard text.contains(0x20) else { return text }
        return cleanings.reduce(text) { TextBytes.replacing($1.0, in: $0, with: $1.1) }
    }
}
