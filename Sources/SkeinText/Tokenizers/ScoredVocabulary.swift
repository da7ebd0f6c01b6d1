import SkeinCore

/// A SentencePiece vocabulary: pieces with scores and kinds, wherever it was read from.
struct ScoredVocabulary {
    /// What a piece is; the numbers are those of the protobuf and of GGUF.
    enum Kind: Int32, Sendable {
        case normal = 1
        case unknown
        case control
        case userDefined
        case unused
        case byte
    }

    var pieces: [[UInt8]] = []
    var scores: [Float] = []
    var kinds: [Kind] = []
    /// How a space is written in the pieces.
    var space: [UInt8] = [0xe2, 0x96, 0x81]
    var addsPrefix = true
    var prefixesStretches = false
    var squeezesSpaces = false
    var map: PrecompiledMap?
    var fallsBackToBytes = true
    var unkID: Int32? = 0

    /// The tokens found in text before the model.
    var added: [AddedToken] {
        kinds.indices.compactMap { index in
            guard kinds[index] == .control || kinds[index] == .userDefined else { return nil }
            var token = AddedToken(
                id: Int32(truncatingIfNeeded: index),
                content: TextBytes.replacing(space, in: pieces[index], with: [0x20]),
                isSpecial: kinds[index] == .control
            )
            // SentencePiece looks for its own symbols after normalising the whole text.
            if kinds[index] == .userDefined, !prefixesStretches {
                token.isNormalized = true
                token.normalizedKey = pieces[index]
            }
            return token
        }
    }

    /// The ids of the byte pieces, `-1` where there is none.
    private var byteIDs: [Int32] {
        var result = [Int32](repeating: -1, count: 256)
        guard fallsBackToBytes else { return result }
        for index in kinds.indices where kinds[index] == .byte {
            if let byte = TokenDecoder.byte(pieces[index]) {
                result[Int(byte)] = Int32(truncatingIfNeeded: index)
            }
        }
        return result
    }

    private var normalizer: Normalizer {
        var steps: [Normalizer] = []
        if let map { steps.append(.precompiled(map)) }
        if squeezesSpaces { steps.append(.squeezeSpaces) }
        if addsPrefix, !prefixesStretches { steps.append(.prependAtStart([0x20])) }
        if space != [0x20] { steps.append(.replace(.literal([0x20]), with: space)) }
        if squeezesSpaces { steps.append(.stripEnd(space)) }
        return .sequence(steps)
    }

    private var decoder: [TokenDecoder] {
        var chain: [TokenDecoder] = []
        if space != [0x20] { chain.append(.replace(.literal(space), with: [0x20])) }
        chain += [.byteFallback, .fuse]
        if addsPrefix { chain.append(.strip(0x20, start: 1, stop: 0)) }
        return chain
    }

    /// The pipeline over pieces merged by score.
    func mergingParts() -> Tokenizer.Parts {
        parts(.bpe(merging()))
    }

    /// The pipeline over the most likely segmentation.
    func unigramParts() -> Tokenizer.Parts {
        var entries: [(key: [UInt8], id: Int32)] = []
        var minimum = Double.infinity
        for index in pieces.indices {
            switch kinds[index] {
            case .normal, .userDefined:
                entries.append((pieces[index], Int32(truncatingIfNeeded: index)))
                if kinds[index] == .normal { minimum = min(minimum, Double(scores[index])) }
            default: break
            }
        }
        let bytes = byteIDs
        return parts(
            .unigram(
                UnigramModel(
                    pieces: entries,
                    scores: scores.map(Double.init),
                    unkID: unkID,
                    fallback: bytes.contains(-1) ? nil : bytes,
                    minimum: minimum.isFinite ? minimum : 0,
                    roundsToSingle: true
                )
            )
        )
    }

    private func parts(_ model: TokenModel) -> Tokenizer.Parts {
        var parts = Tokenizer.Parts(model: model)
        parts.normalizer = normalizer
        parts.decoder = decoder
        parts.prefixesStretches = addsPrefix && prefixesStretches
        return parts
    }

    /// Merges from scores: a pair merges if its joined text is a piece, best score first.
    private func merging() -> BPEModel {
        var symbols: [(key: [UInt8], id: Int32)] = []
        for index in pieces.indices {
            switch kinds[index] {
            case .normal, .userDefined, .unused:
                if !pieces[index].isEmpty {
                    symbols.append((pieces[index], Int32(truncatingIfNeeded: index)))
                }
            default: break
            }
        }
        let bytes = byteIDs
        let known = ByteTable(symbols)
        var apart: [Int32: [Int32]] = [:]
        // Characters that occur only inside pieces get ids of their own while merging.
        var next = Int32(truncatingIfNeeded: pieces.count)
        var extra: Set<UInt32> = []
        for symbol in symbols {
            for scalar in TextBytes.scalars(symbol.key) where !extra.contains(scalar) {
                let key = TextBytes.bytes(scalar)
                guard known.id(key) == nil else { continue }
                extra.insert(scalar)
                symbols.append((key, next))
                let fallback = key.map { bytes[Int($0)] }
                apart[next] = fallback.contains(-1) ? unkID.map { [$0] } ?? [] : fallback
                next += 1
            }
        }
        let table = ByteTable(symbols)
        let ranks = Dictionary(
            uniqueKeysWithValues: Set(scores.map { $0.isNaN ? 0 : $0 }).sorted(by: >).enumerated()
                .map { ($1, Int32(truncatingIfNeeded: $0)) }
        )
        var pairs = PairTable(capacity: symbols.reduce(0) { $0 + $1.key.count })
        for symbol in symbols where Int(symbol.id) < pieces.count && symbol.key.count <= 1024 {
            let score = scores[Int(symbol.id)]
            symbol.key.withUnsafeBufferPointer { key in
                var cut = TextBytes.length(key[0])
                while cut < key.count {
                    let left = UnsafeBufferPointer(rebasing: key[..<cut])
                    let right = UnsafeBufferPointer(rebasing: key[cut...])
                    if let a = table.id(left), let b = table.id(right) {
                        pairs.set(
                            a,
                            b,
                            .init(rank: ranks[score.isNaN ? 0 : score] ?? 0, id: symbol.id)
                        )
                        if kinds[Int(symbol.id)] == .unused { apart[symbol.id] = [a, b] }
                    }
                    cut += TextBytes.length(key[cut])
                }
            }
        }
        var options = BPEModel.Options()
        options.unkID = unkID
        options.fusesUnk = true
        options.fallsBackToBytes = fallsBackToBytes
        return BPEModel(
            vocabulary: table,
            pairs: pairs,
            options: options,
            byteIDs: nil,
            fallback: bytes,
            unused: apart
        )
    }

    /// A tokenizer over these parts.
    func tokenizer(_ parts: Tokenizer.Parts) -> Tokenizer {
        let special = Set(
            kinds.indices.filter { kinds[$0] == .control || kinds[$0] == .unknown }
                .map { Int32(truncatingIfNeeded: $0) }
        )
        var tokenizer = Tokenizer(
            parts: parts,
            contents: pieces,
            added: added,
            special: special
        )
        tokenizer.unkID = unkID
        return tokenizer
    }
}

extension Tokenizer {
    /// Makes encoding begin with BOS and end with EOS, as far as they are wanted and known.
    mutating func surround(bos: Bool, eos: Bool) {
        addsBOS = bos && bosID != nil
        addsEOS = eos && eosID != nil
        var template: [PostProcessor.Part] = []
        if addsBOS, let bosID { template.append(.tokens([bosID])) }
        template.append(.text)
        if addsEOS, let eosID { template.append(.tokens([eosID])) }
        if template.count > 1 { parts.postProcessor = .template(template) }
    }
}
