internal import SkeinCore

/// The vocabulary of a GGUF file, as its metadata under `tokenizer.ggml` states it.
public struct GGUFVocabulary: Sendable {
    /// `gpt2` for byte-level BPE, `llama` for SentencePiece.
    public var model: String
    /// The name of the pre-tokenizer.
    public var preTokenizer: String?
    /// The pieces.
    public var tokens: [String]
    /// One score a piece, for SentencePiece.
    public var scores: [Float]
    /// One type a piece: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    public var tokenTypes: [Int]
    /// The merges, best first, for byte-level BPE.
    public var merges: [String]
    /// The beginning-of-sequence token.
    public var bosID: Int32?
    /// The end-of-sequence token.
    public var eosID: Int32?
    /// The unknown token.
    public var unkID: Int32?
    /// The padding token.
    public var padID: Int32?
    /// Whether texts begin with the beginning-of-sequence token.
    public var addsBOS: Bool?
    /// Whether texts end with the end-of-sequence token.
    public var addsEOS: Bool?
    /// Whether a space is put before the text.
    public var addsSpacePrefix: Bool?
    /// The chat template.
    public var chatTemplate: String?

    /// Creates a vocabulary.
    public init(model: String, tokens: [String]) {
        self.model = model
        self.tokens = tokens
        scores = []
        tokenTypes = []
        merges = []
    }
}

extension Tokenizer {
    /// SentencePiece's mark for a space.
    static let mark = Array("\u{2581}".utf8)

    /// Creates a tokenizer from a GGUF file's vocabulary.
    ///
    /// - Throws: `SkeinError.Code.unsupported` for a kind that is not known, `.corruptFile` for pieces
    ///   that contradict each other.
    public init(gguf: GGUFVocabulary) throws {
        func type(_ id: Int) -> Int { id < gguf.tokenTypes.count ? gguf.tokenTypes[id] : 1 }
        let added = gguf.tokens.indices.filter { [3, 4].contains(type($0)) || (type($0) == 2) }.map
        {
            AddedTokens.Entry(
                id: Int32($0),
                content: Array(gguf.tokens[$0].utf8),
                isSpecial: type($0) != 4
            )
        }
        let bos = gguf.bosID.map { [$0] } ?? []
        let eos = gguf.eosID.map { [$0] } ?? []
        switch gguf.model {
        case "gpt2":
            let split = try PreTokenizer.named(gguf.preTokenizer ?? "default")
            let isLlama3 = ["llama3", "llama-v3", "llama-bpe"].contains(gguf.preTokenizer)
            try self.init(
                byteLevel: gguf.tokens,
                merges: gguf.merges.enumerated().map { try Self.mergeSides($1, at: $0) },
                ignoresMerges: isLlama3 || gguf.preTokenizer == "tekken",
                normalizer: nil,
                preTokenizer: split,
                added: added,
                prefix: gguf.addsBOS ?? isLlama3 ? bos : [],
                suffix: gguf.addsEOS ?? false ? eos : []
            )
        case "llama":
            guard gguf.scores.count == gguf.tokens.count else {
                throw SkeinError(
                    .corruptFile,
                    "the vocabulary has \(gguf.tokens.count) pieces and \(gguf.scores.count) scores"
                )
            }
            try self.init(
                pieces: gguf.tokens,
                scores: gguf.scores,
                isText: { ![2, 3, 5, 6].contains(type($0)) },
                isSpecial: { [2, 3].contains(type($0)) },
                added: added,
                addsSpace: gguf.addsSpacePrefix ?? true,
                unknown: gguf.unkID ?? 0,
                prefix: gguf.addsBOS ?? true ? bos : [],
                suffix: gguf.addsEOS ?? false ? eos : []
            )
        default:
            throw SkeinError(
                .unsupported,
                "tokenizer.ggml.model is \"\(gguf.model)\"; known are gpt2 and llama"
            )
        }
        bosID = gguf.bosID
        eosID = gguf.eosID
        unkID = gguf.unkID
        padID = gguf.padID
        chatTemplate = gguf.chatTemplate
    }

    /// Creates a tokenizer from a llama2.c `tokenizer.bin`: scored pieces, ids 1 and 2 begin and end.
    ///
    /// - Throws: `SkeinError.Code.corruptFile` with the offset of what is cut off.
    public init(llama2c bytes: [UInt8]) throws {
        var pieces: [String] = []
        var scores: [Float] = []
        var offset = 4
        func word(_ at: Int) -> UInt32 {
            (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << (8 * UInt32($1)) }
        }
        while offset < bytes.count {
            guard offset + 8 <= bytes.count else {
                throw SkeinError(
                    .corruptFile,
                    "tokenizer.bin ends inside the entry at byte \(offset)"
                )
            }
            let score = Float(bitPattern: word(offset))
            let length = Int(word(offset + 4))
            guard length <= bytes.count - offset - 8, score.isFinite else {
                throw SkeinError(
                    .corruptFile,
                    "tokenizer.bin: the entry at byte \(offset) claims \(length) bytes and score \(score)"
                )
            }
            pieces.append(String(decoding: bytes[offset + 8..<offset + 8 + length], as: UTF8.self))
            scores.append(score)
            offset += 8 + length
        }
        guard pieces.count > 3 else {
            throw SkeinError(
                .corruptFile,
                "tokenizer.bin holds \(pieces.count) pieces, expected more"
            )
        }
        let marked = pieces.map { $0.replacing(" ", with: "\u{2581}") }
        try self.init(
            pieces: marked,
            scores: scores,
            isText: { $0 > 2 && Self.byteValue(pieces[$0]) == nil },
            isSpecial: { $0 <= 2 },
            added: [],
            addsSpace: true,
            unknown: 0,
            prefix: [1],
            suffix: []
        )
        bosID = 1
        eosID = 2
        unkID = 0
    }

    /// Scored pieces, as SentencePiece's BPE has them.
    init(
        pieces: [String],
        scores: [Float],
        isText: (Int) -> Bool,
        isSpecial: (Int) -> Bool,
        added: [AddedTokens.Entry],
        addsSpace: Bool,
        unknown: Int32,
        prefix: [Int32],
        suffix: [Int32]
    ) throws {
        var byteIDs = [Int32](repeating: -1, count: 256)
        var lookUp: [[UInt8]] = []
        var output = Output(bytes: [], isByte: [], stripsLeadingSpace: addsSpace)
        var entries = added
        for (id, piece) in pieces.enumerated() {
            let byte = isText(id) ? nil : Self.byteValue(piece)
            if let byte, byteIDs[Int(byte)] < 0 { byteIDs[Int(byte)] = Int32(id) }
            lookUp.append(isText(id) ? Array(piece.utf8) : [])
            output.isByte.append(byte != nil)
            output.bytes.append(
                byte.map { [$0] } ?? Array(piece.replacing("\u{2581}", with: " ").utf8)
            )
            if isSpecial(id), !entries.contains(where: { $0.id == Int32(id) }) {
                entries.append(.init(id: Int32(id), content: [], isSpecial: true))
            }
        }
        let model = BytePairEncoding(
            vocabulary: Vocabulary(lookUp),
            order: .scores(scores),
            isByteLevel: false,
            fallback: .init(
                bytes: byteIDs.contains(-1) ? nil : byteIDs,
                unknown: unknown,
                fusesUnknown: true
            )
        )
        let marks = Normalizer.replace([0x20], with: Self.mark)
        self.init(
            model: model,
            normalizer: addsSpace ? .sequence([.prepend(Self.mark), marks]) : marks,
            preTokenizer: nil,
            added: entries,
            output: output,
            prefix: prefix,
            suffix: suffix,
            names: pieces
        )
    }

    /// Byte-level BPE: pieces and merges are spelled in GPT-2's alphabet.
    init(
        byteLevel pieces: [String],
        merges: [(String, String)],
        ignoresMerges: Bool,
        normalizer: Normalizer?,
        preTokenizer: PreTokenizer?,
        added: [AddedTokens.Entry],
        prefix: [Int32],
        suffix: [Int32]
    ) throws {
        let bytes = pieces.map { ByteAlphabet.bytes(of: $0) ?? Array($0.utf8) }
        let addedIDs = Set(added.map(\.id))
        let vocabulary = Vocabulary(
            bytes.enumerated().map { addedIDs.contains(Int32($0)) ? [] : $1 }
        )
        self.init(
            model: BytePairEncoding(
                vocabulary: vocabulary,
                order: .ranks(
                    try Self.pairs(merges, vocabulary) {
                        ByteAlphabet.bytes(of: $0) ?? Array($0.utf8)
                    }
                ),
                isByteLevel: true,
                ignoresMerges: ignoresMerges,
                fallback: .init(bytes: nil, unknown: nil, fusesUnknown: false)
            ),
            normalizer: normalizer,
            preTokenizer: preTokenizer,
            added: added,
            output: Output(
                bytes: bytes,
                isByte: Array(repeating: false, count: bytes.count),
                stripsLeadingSpace: false
            ),
            prefix: prefix,
            suffix: suffix,
            names: pieces
        )
    }

    /// Merges as ids.
    static func pairs(
        _ merges: [(String, String)],
        _ vocabulary: Vocabulary,
        _ bytes: (String) -> [UInt8]
    ) throws -> PairTable {
        var pairs: [(left: Int32, right: Int32, result: Int32)] = []
        pairs.reserveCapacity(merges.count)
        for (rank, merge) in merges.enumerated() {
            let (left, right) = (bytes(merge.0), bytes(merge.1))
            guard let first = vocabulary.id(left), let second = vocabulary.id(right),
                let result = vocabulary.id(left + right)
            else {
                throw SkeinError(
                    .corruptFile,
                    "merge \(rank) joins \"\(merge.0)\" and \"\(merge.1)\", which, or whose result, is"
                        + " not in the vocabulary"
                )
            }
            pairs.append((first, second, result))
        }
        return PairTable(pairs)
    }

    /// The two sides of a merge written with a space between.
    static func mergeSides(_ merge: String, at rank: Int) throws -> (String, String) {
        let sides = merge.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty else {
            throw SkeinError(.corruptFile, "merge \(rank) is \"\(merge)\", expected two pieces")
        }
        return (String(sides[0]), String(sides[1]))
    }

    /// The byte that a piece such as `<0x0A>` names.
    static func byteValue(_ piece: String) -> UInt8? {
        guard piece.utf8.count == 6, piece.hasPrefix("<0x"), piece.hasSuffix(">") else {
            return nil
        }
        return UInt8(piece.dropFirst(3).dropLast(), radix: 16)
    }
}
