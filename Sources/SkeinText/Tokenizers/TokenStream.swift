/// Incremental decoding: text as its tokens arrive, never splitting a character.
///
/// What `append` and `finish` return, joined, equals `Tokenizer.decode` of all ids. Runs of byte
/// tokens are held until they end, because whether they are text is known only then.
public struct TokenStream: Sendable {
    private let tokenizer: Tokenizer
    private let skipsSpecialTokens: Bool
    private var stages: [Stage]
    private var held: [[UInt8]] = []
    private let holdsAll: Bool
    private var count = 0

    fileprivate struct Stage: Sendable {
        let step: TokenDecoder
        let isFused: Bool
        var isFirst = true
        var bytes: [UInt8] = []
        var utf8 = UTF8Stream()
        var token: [UInt8]?
        var removed = 0
        var isStripping = true
    }

    /// Begins decoding for a tokenizer.
    public init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool = false) {
        self.tokenizer = tokenizer
        skipsSpecialTokens = skipSpecialTokens
        stages = []
        var isFused = false
        var holdsAll = false
        for step in tokenizer.decoder ?? [] {
            stages.append(Stage(step: step, isFused: isFused))
            switch step {
            case .fuse, .byteLevel:
                if isFused, case .byteLevel = step { holdsAll = true }
                isFused = true
            case .strip: break
            case .replace(.literal(let needle), _):
                if isFused, needle.count != 1 { holdsAll = true }
            default:
                if isFused { holdsAll = true }
            }
        }
        self.holdsAll = holdsAll
    }

    /// The text that became certain with this token; possibly empty.
    public mutating func append(_ id: Int32) -> String {
        guard let token = tokenizer.surface(of: id, skipSpecialTokens: skipsSpecialTokens) else {
            return ""
        }
        defer { count += 1 }
        if holdsAll {
            held.append(token)
            return ""
        }
        guard tokenizer.decoder != nil else {
            return String(decoding: (count > 0 ? [0x20] : []) + token, as: UTF8.self)
        }
        return String(decoding: push([token], from: 0).joined(), as: UTF8.self)
    }

    /// The text that was held back; the stream is at its end.
    public mutating func finish() -> String {
        if holdsAll {
            defer { held.removeAll() }
            return String(decoding: TokenDecoder.text(held, tokenizer.decoder), as: UTF8.self)
        }
        var result: [UInt8] = []
        for index in stages.indices {
            let rest = stages[index].finish()
            result += push(rest, from: index + 1).joined()
        }
        return String(decoding: result, as: UTF8.self)
    }

    private mutating func push(_ tokens: [[UInt8]], from first: Int) -> [[UInt8]] {
        var tokens = tokens
        for index in stages.indices.dropFirst(first) {
            tokens = tokens.flatMap { stages[index].push($0) }
        }
        return tokens
    }
}

extension TokenStream.Stage {
    fileprivate mutating func push(_ token: [UInt8]) -> [[UInt8]] {
        defer { isFirst = false }
        switch step {
        case .byteLevel:
            return [Array(utf8.append(ByteAlphabet.raw(token) ?? token).utf8)]
        case .byteFallback:
            if let byte = TokenDecoder.byte(token) {
                bytes.append(byte)
                return []
            }
            return TokenDecoder.flush(&bytes) + [token]
        case .fuse:
            return [token]
        case .suffix(let suffix):
            defer { self.token = token }
            return self.token.map { [TextBytes.replacing(suffix, in: $0, with: [0x20])] } ?? []
        case .ctc(let pad, let delimiter, let cleans):
            if self.token == token { return [] }
            self.token = token
            let text = TokenDecoder.ctc(token, pad, delimiter, cleans)
            return text.isEmpty ? [] : [text]
        case .strip(let content, let start, let stop):
            guard isFused else { return [step.single(token, isFirst: isFirst)] }
            return [strip(token, content, start, stop)]
        case .replace, .metaspace, .wordPiece:
            return [step.single(token, isFirst: isFirst)]
        }
    }

    /// Strips one token that arrives in parts.
    private mutating func strip(
        _ part: [UInt8],
        _ content: UInt32,
        _ start: Int,
        _ stop: Int
    ) -> [UInt8] {
        var scalars = TextBytes.scalars(bytes + part)[...]
        bytes = []
        while isStripping, let first = scalars.first {
            if removed < start, first == content {
                removed += 1
                scalars = scalars.dropFirst()
            } else {
                isStripping = false
            }
        }
        let trailing = scalars.reversed().prefix(stop).prefix { $0 == content }.count
        bytes = scalars.suffix(trailing).flatMap { TextBytes.bytes($0) }
        return scalars.dropLast(trailing).flatMap { TextBytes.bytes($0) }
    }

    fileprivate mutating func finish() -> [[UInt8]] {
        switch step {
        case .byteLevel: return [Array(utf8.finish().utf8)]
        case .byteFallback: return TokenDecoder.flush(&bytes)
        case .suffix(let suffix):
            defer { token = nil }
            return token.map { [TextBytes.replacing(suffix, in: $0, with: [])] } ?? []
        default: return []
        }
    }
}
