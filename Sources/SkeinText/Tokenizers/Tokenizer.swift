import SkeinCore

/// Text to token ids and back; immutable and shareable between threads.
///
/// Agrees id for id with Hugging Face `tokenizers` for tokenizer.json, with SentencePiece for
/// tokenizer.model, and with llama.cpp for vocabularies from GGUF files.
public struct Tokenizer: Sendable {
    /// One more than the largest id.
    public let vocabularySize: Int
    /// The token that begins a text.
    public internal(set) var bosID: Int32?
    /// The token that ends a text.
    public internal(set) var eosID: Int32?
    /// The token of what the vocabulary lacks.
    public internal(set) var unkID: Int32?
    /// The token that fills a batch.
    public internal(set) var padID: Int32?
    /// Whether encoding with special tokens begins with `bosID`.
    public internal(set) var addsBOS = false
    /// Whether encoding with special tokens ends with `eosID`.
    public internal(set) var addsEOS = false
    /// The chat template beside the vocabulary, Jinja source.
    public internal(set) var chatTemplate: String?
    /// Tokens at which generation stops: the end of text and ends of turns.
    public internal(set) var stopIDs: Set<Int32> = []

    var parts: Parts
    private let contents: [[UInt8]?]
    private let surfaces: [Int32: [UInt8]]
    private let ids: ByteTable
    private let special: Set<Int32>
    private let rawAdded: AddedTokens
    private let normalizedAdded: AddedTokens

    /// The steps of the pipeline.
    struct Parts: Sendable {
        var normalizer: Normalizer?
        var preTokenizer: PreTokenizer?
        var model: TokenModel
        var postProcessor: PostProcessor?
        var decoder: [TokenDecoder]?
        /// Whether byte-level steps write their alphabet; else the model works on bytes itself.
        var writesBytes = true
        /// Added to text that follows nothing or a special token, as llama.cpp does.
        var prefixesStretches = false
    }

    var decoder: [TokenDecoder]? { parts.decoder }

    /// Assembles a tokenizer.
    init(
        parts: Parts,
        contents: [[UInt8]?],
        added: [AddedToken],
        special extra: Set<Int32> = []
    ) {
        self.parts = parts
        self.contents = contents
        vocabularySize = contents.count
        ids = ByteTable(
            contents.enumerated().compactMap { index, content in
                content.map { ($0, Int32(truncatingIfNeeded: index)) }
            } + added.map { ($0.content, $0.id) }
        )
        special = extra.union(added.filter(\.isSpecial).map(\.id))
        rawAdded = AddedTokens(added.filter { !$0.isNormalized }.map { ($0.content, $0) })
        var surfaces: [Int32: [UInt8]] = [:]
        var normalized: [(key: [UInt8], token: AddedToken)] = []
        for token in added where token.isNormalized {
            if let key = token.normalizedKey {
                normalized.append((key, token))
                continue
            }
            var text = token.content.withUnsafeBufferPointer {
                NormalizedText($0, origin: 0, tracks: false)
            }
            parts.normalizer?.apply(&text)
            normalized.append((text.bytes, token))
            if text.bytes != token.content { surfaces[token.id] = text.bytes }
        }
        normalizedAdded = AddedTokens(normalized)
        self.surfaces = surfaces
    }

    /// The ids of a text.
    ///
    /// - Parameters:
    ///   - text: Any text.
    ///   - addSpecialTokens: Whether to add what the model expects around a text.
    ///   - parseSpecial: Whether special tokens written in the text are taken as such.
    /// - Returns: The ids in order.
    /// - Complexity: O(n log n) in the length of the text.
    public func encode(
        _ text: String,
        addSpecialTokens: Bool = true,
        parseSpecial: Bool = true
    ) -> [Int32] {
        run(text, addSpecialTokens, parseSpecial, tracks: false).ids
    }

    /// The ids of a text, each with the UTF-8 bytes of `text` that it covers.
    ///
    /// Tokens that stand for nothing in the text have the range `0..<0`.
    ///
    /// - Parameters:
    ///   - text: Any text.
    ///   - addSpecialTokens: Whether to add what the model expects around a text.
    ///   - parseSpecial: Whether special tokens written in the text are taken as such.
    /// - Returns: The ids in order, each with its range.
    public func encodeWithOffsets(
        _ text: String,
        addSpecialTokens: Bool = true,
        parseSpecial: Bool = true
    ) -> [(id: Int32, range: Range<Int>)] {
        let encoding = run(text, addSpecialTokens, parseSpecial, tracks: true)
        return encoding.ids.indices.map { index in
            let start = Int(encoding.starts[index])
            return (encoding.ids[index], start..<max(start, Int(encoding.ends[index])))
        }
    }

    /// Turns byte ranges of a text into ranges of Unicode scalars, as Hugging Face reports them.
    public static func scalarRanges(_ ranges: [Range<Int>], in text: String) -> [Range<Int>] {
        var places: [Int] = []
        places.reserveCapacity(text.utf8.count + 1)
        var count = 0
        for byte in text.utf8 {
            if byte & 0xc0 != 0x80 { count += 1 }
            places.append(count - 1)
        }
        places.append(count)
        return ranges.map { range in
            guard range.upperBound < places.count else { return range }
            // An end inside a character counts that character in.
            let lower = places[range.lowerBound]
            let upper =
                range.upperBound > range.lowerBound
                ? places[range.upperBound - 1] + 1 : places[range.upperBound]
            return lower..<max(lower, upper)
        }
    }

    private func run(
        _ text: String,
        _ addSpecialTokens: Bool,
        _ parseSpecial: Bool,
        tracks: Bool
    ) -> Encoding {
        var text = text
        var encoding = Encoding(tracks: tracks)
        text.withUTF8 { bytes in
            encoding.ids.reserveCapacity(bytes.count / 3)
            let tracksInside =
                tracks || parts.normalizer != nil && parts.preTokenizer?.needsOrigins == true
            var followsSpecial = true
            rawAdded.cut(bytes, parsesSpecial: parseSpecial) { range, id in
                if let id {
                    if tracks { encoding.matched[encoding.ids.count] = Array(bytes[range]) }
                    encoding.append(
                        id,
                        Int32(truncatingIfNeeded: range.lowerBound),
                        Int32(truncatingIfNeeded: range.upperBound)
                    )
                    followsSpecial = special.contains(id)
                    return
                }
                var part = NormalizedText(
                    UnsafeBufferPointer(rebasing: bytes[range]),
                    origin: range.lowerBound,
                    tracks: tracksInside
                )
                if parts.prefixesStretches, followsSpecial { part.prepend([0x20]) }
                followsSpecial = false
                parts.normalizer?.apply(&part)
                stretch(part, parseSpecial, &encoding)
            }
            parts.postProcessor?.apply(
                &encoding,
                addSpecialTokens: addSpecialTokens,
                self,
                bytes
            )
        }
        return encoding
    }

    /// Normalised text: its added tokens, then the rest.
    private func stretch(
        _ part: NormalizedText,
        _ parseSpecial: Bool,
        _ encoding: inout Encoding
    ) {
        if normalizedAdded.isEmpty {
            tokens(Pretokens(part), &encoding)
            return
        }
        part.bytes.withUnsafeBufferPointer { bytes in
            normalizedAdded.cut(bytes, parsesSpecial: parseSpecial) { range, id in
                let slice =
                    range == 0..<part.bytes.count ? part : NormalizedText(slice: range, of: part)
                if let id {
                    if encoding.tracks { encoding.matched[encoding.ids.count] = slice.bytes }
                    let end = slice.ends.last ?? 0
                    encoding.append(id, slice.starts.first ?? 0, end)
                } else {
                    tokens(Pretokens(slice), &encoding)
                }
            }
        }
    }

    private func tokens(_ pieces: Pretokens, _ encoding: inout Encoding) {
        var pieces = pieces
        parts.preTokenizer?.apply(&pieces, writesBytes: parts.writesBytes)
        let text = pieces.text
        text.bytes.withUnsafeBufferPointer { bytes in
            parts.model.encode(bytes, pieces.ranges) { index, id, range in
                guard encoding.tracks else {
                    encoding.ids.append(id)
                    return
                }
                let upper = min(range.upperBound, text.ends.count)
                if range.lowerBound < upper {
                    encoding.append(id, text.starts[range.lowerBound], text.ends[upper - 1])
                } else {
                    let origin = pieces.origin(index)
                    encoding.append(id, origin, origin)
                }
            }
        }
    }

    /// The text of some ids.
    ///
    /// - Throws: `SkeinError.Code.invalidArgument` for a negative id or one above the vocabulary.
    public func decode(_ ids: [Int32], skipSpecialTokens: Bool = false) throws -> String {
        var tokens: [[UInt8]] = []
        for id in ids {
            guard id >= 0, Int(id) < vocabularySize else {
                throw SkeinError(
                    .invalidArgument,
                    "token id \(id) is outside the vocabulary of \(vocabularySize)"
                )
            }
            if let token = surface(of: id, skipSpecialTokens: skipSpecialTokens) {
                tokens.append(token)
            }
        }
        return String(decoding: TokenDecoder.text(tokens, decoder), as: UTF8.self)
    }

    /// What the decoder sees of a token; `nil` for none.
    func surface(of id: Int32, skipSpecialTokens: Bool) -> [UInt8]? {
        guard id >= 0, Int(id) < contents.count, let content = contents[Int(id)] else { return nil }
        if skipSpecialTokens, special.contains(id) { return nil }
        return surfaces[id] ?? content
    }

    /// The token's own spelling, empty for an unused id.
    func content(of id: Int32) -> [UInt8] {
        guard id >= 0, Int(id) < contents.count else { return [] }
        return contents[Int(id)] ?? []
    }

    /// Whether a token is special: skipped in decoding on request.
    public func isSpecial(_ id: Int32) -> Bool { special.contains(id) }

    /// The bytes that one token adds in the middle of a text.
    public func bytes(of id: Int32) -> [UInt8] {
        guard let token = surface(of: id, skipSpecialTokens: false) else { return [] }
        guard let decoder else { return token }
        var result = token
        for step in decoder {
            switch step {
            case .byteLevel: result = ByteAlphabet.raw(result) ?? result
            case .byteFallback: if let byte = TokenDecoder.byte(result) { result = [byte] }
            case .strip, .fuse, .ctc: break
            case .suffix(let suffix):
                result = TextBytes.replacing(suffix, in: result, with: [0x20])
            case .replace, .metaspace, .wordPiece: result = step.single(result, isFirst: false)
            }
        }
        return result
    }

    /// The spelling of a token in the vocabulary.
    public func token(_ id: Int32) -> String? {
        guard id >= 0, Int(id) < contents.count, let content = contents[Int(id)] else { return nil }
        return String(decoding: content, as: UTF8.self)
    }

    /// The id of a token's spelling.
    public func id(of token: String) -> Int32? { ids.id(Array(token.utf8)) }
}
