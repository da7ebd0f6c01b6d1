import SkeinCore

extension Tokenizer {
    /// Reads a llama2.c tokenizer.bin; its vocabulary is what it holds up to its end.
    ///
    /// - Throws: `SkeinError.Code.corruptFile` with the piece and byte where the file ends early.
    public init(llama2c bytes: [UInt8]) throws {
        guard bytes.count >= 4 else {
            throw SkeinError(
                .corruptFile,
                "tokenizer.bin: \(bytes.count) bytes, expected at least the longest piece's length"
            )
        }
        var vocabulary = ScoredVocabulary()
        vocabulary.space = [0x20]
        vocabulary.prefixesStretches = true
        var position = 4
        func word() throws -> UInt32 {
            guard position + 4 <= bytes.count else {
                throw SkeinError(
                    .corruptFile,
                    "tokenizer.bin: \(bytes.count) bytes end inside the head of piece"
                        + " \(vocabulary.pieces.count)"
                )
            }
            defer { position += 4 }
            return (0..<4).reduce(0) { $0 | UInt32(bytes[position + $1]) << UInt32(8 * $1) }
        }
        while position < bytes.count {
            let index = vocabulary.pieces.count
            guard index < Field.largestID else {
                throw SkeinError(
                    .corruptFile,
                    "tokenizer.bin: more than \(Field.largestID) pieces"
                )
            }
            let score = Float(bitPattern: try word())
            let length = Int(try word())
            guard length <= bytes.count - position else {
                throw SkeinError(
                    .corruptFile,
                    "tokenizer.bin: piece \(index) announces \(length) bytes,"
                        + " \(bytes.count - position) are left"
                )
            }
            let piece = Array(bytes[position..<position + length])
            position += length
            guard String(validating: piece, as: UTF8.self) != nil else {
                throw SkeinError(.corruptFile, "tokenizer.bin: piece \(index) is not valid UTF-8")
            }
            switch index {
            case 0:
                vocabulary.pieces.append(Array("<unk>".utf8))
                vocabulary.kinds.append(.unknown)
            case 1, 2:
                vocabulary.pieces.append(Array((index == 1 ? "<s>" : "</s>").utf8))
                vocabulary.kinds.append(.control)
            default:
                vocabulary.pieces.append(piece)
                let isByte = index < 259 && TokenDecoder.byte(piece) != nil
                vocabulary.kinds.append(isByte ? .byte : .normal)
            }
            vocabulary.scores.append(score)
        }
        guard vocabulary.pieces.count >= 3 else {
            throw SkeinError(
                .corruptFile,
                "tokenizer.bin: \(vocabulary.pieces.count) pieces, expected at least 3"
            )
        }
        self = vocabulary.tokenizer(vocabulary.mergingParts())
        bosID = 1
        eosID = 2
        surround(bos: true, eos: false)
        findStops()
    }
}
