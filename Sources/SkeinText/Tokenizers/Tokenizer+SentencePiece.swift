import SkeinCore

extension Tokenizer {
    /// Reads a SentencePiece tokenizer.model, a BPE or a Unigram one.
    ///
    /// - Throws: `SkeinError` naming the field, what was found and what was expected.
    public init(sentencePiece bytes: [UInt8]) throws {
        let model = try SentencePieceFile(bytes)
        var vocabulary = model.vocabulary
        vocabulary.unkID = vocabulary.kinds.firstIndex(of: .unknown).map {
            Int32(truncatingIfNeeded: $0)
        }
        switch model.type {
        case 1: self = vocabulary.tokenizer(vocabulary.unigramParts())
        case 2: self = vocabulary.tokenizer(vocabulary.mergingParts())
        default:
            throw SkeinError(
                .unsupported,
                "tokenizer.model: trainer_spec.model_type is \(model.type), expected 1 (unigram) or 2 (bpe)"
            )
        }
        func known(_ id: Int) -> Int32? {
            id >= 0 && id < vocabulary.pieces.count ? Int32(truncatingIfNeeded: id) : nil
        }
        bosID = known(model.bos)
        eosID = known(model.eos)
        padID = known(model.pad)
        surround(bos: true, eos: false)
        findStops()
    }
}

/// The parts of a SentencePiece ModelProto that matter here.
struct SentencePieceFile {
    var vocabulary = ScoredVocabulary()
    var type = 1
    var bos = 1
    var eos = 2
    var pad = -1

    init(_ bytes: [UInt8]) throws {
        vocabulary.squeezesSpaces = true
        vocabulary.fallsBackToBytes = false
        var blob: [UInt8] = []
        var reader = ProtobufReader(bytes[...], "tokenizer.model")
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let piece)): try add(piece)
            case (2, .bytes(let spec)): try readTrainer(spec)
            case (3, .bytes(let spec)): try readNormalizer(spec, &blob)
            default: break
            }
        }
        guard !vocabulary.pieces.isEmpty else {
            throw SkeinError(.corruptFile, "tokenizer.model: no pieces; expected at least one")
        }
        if !blob.isEmpty {
            var map = try PrecompiledMap(
                blob,
                field: "tokenizer.model: normalizer_spec.precompiled_charsmap"
            )
            map.usesLongestPrefix = true
            vocabulary.map = map
        }
    }

    private mutating func add(_ bytes: ArraySlice<UInt8>) throws {
        let index = vocabulary.pieces.count
        var piece: [UInt8] = []
        var score: Float = 0
        var kind = ScoredVocabulary.Kind.normal
        var reader = ProtobufReader(bytes, "tokenizer.model: pieces[\(index)]")
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let text)): piece = Array(text)
            case (2, .fixed32(let bits)): score = Float(bitPattern: bits)
            case (3, .varint(let number)):
                guard let known = ScoredVocabulary.Kind(rawValue: Int32(clamping: number)) else {
                    throw SkeinError(
                        .corruptFile,
                        "tokenizer.model: pieces[\(index)].type is \(number), expected 1 to 6"
                    )
                }
                kind = known
            default: break
            }
        }
        guard String(validating: piece, as: UTF8.self) != nil else {
            throw SkeinError(
                .corruptFile,
                "tokenizer.model: pieces[\(index)].piece is not valid UTF-8"
            )
        }
        vocabulary.pieces.append(piece)
        vocabulary.scores.append(score)
        vocabulary.kinds.append(kind)
    }

    private mutating func readTrainer(_ bytes: ArraySlice<UInt8>) throws {
        var reader = ProtobufReader(bytes, "tokenizer.model: trainer_spec")
        while let (field, value) = try reader.next() {
            guard case .varint(let number) = value else { continue }
            let id = Int(Int32(truncatingIfNeeded: number))
            switch field {
            case 3: type = id
            case 35: vocabulary.fallsBackToBytes = number != 0
            case 41: bos = id
            case 42: eos = id
            case 43: pad = id
            default: break
            }
        }
    }

    private mutating func readNormalizer(
        _ bytes: ArraySlice<UInt8>,
        _ blob: inout [UInt8]
    ) throws {
        var reader = ProtobufReader(bytes, "tokenizer.model: normalizer_spec")
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (2, .bytes(let map)): blob = Array(map)
            case (3, .varint(let number)): vocabulary.addsPrefix = number != 0
            case (4, .varint(let number)): vocabulary.squeezesSpaces = number != 0
            case (5, .varint(let number)): if number == 0 { vocabulary.space = [0x20] }
            default: break
            }
        }
    }
}

/// Reads the fields of one protobuf message.
struct ProtobufReader {
    /// A field's value by wire type.
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case bytes(ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>
    private let path: String

    init(_ bytes: ArraySlice<UInt8>, _ path: String) {
        rest = bytes
        self.path = path
    }

    private func wrong(_ what: String) -> SkeinError {
        SkeinError(.corruptFile, "\(path): \(what) at byte \(rest.startIndex)")
    }

    private mutating func varint() throws -> UInt64 {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { throw wrong("a number is cut off") }
            result |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return result }
        }
        throw wrong("a number is longer than ten bytes")
    }

    private mutating func fixed(_ count: Int) throws -> UInt64 {
        guard rest.count >= count else { throw wrong("a number is cut off") }
        let value = rest.prefix(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        rest = rest.dropFirst(count)
        return value
    }

    /// The next field and its value, `nil` at the end.
    mutating func next() throws -> (Int, Value)? {
        guard !rest.isEmpty else { return nil }
        let key = try varint()
        guard key >> 3 > 0, key >> 3 <= 0x1fff_ffff else { throw wrong("field \(key >> 3)") }
        let field = Int(key >> 3)
        switch key & 7 {
        case 0: return (field, .varint(try varint()))
        case 1: return (field, .fixed64(try fixed(8)))
        case 5: return (field, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
        case 2:
            let length = try varint()
            guard length <= UInt64(rest.count) else {
                throw wrong("field \(field) announces \(length) bytes, \(rest.count) are left")
            }
            defer { rest = rest.dropFirst(Int(length)) }
            return (field, .bytes(rest.prefix(Int(length))))
        default: throw wrong("wire type \(key & 7) of field \(field)")
        }
    }
}
