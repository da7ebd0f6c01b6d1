import SkeinCore

extension Tokenizer {
    /// Reads a llama2.c tokenizer.bin, which does not know its own vocabulary size.
    ///
    /// - Throws: `SkeinError.Code.corruptFile` with the piece and byte where the file ends early.
    public init(llama2c bytes: [UInt8], vocabularySize: Int) throws {
        guard vocabularySize >= 3, vocabularySize <= Field.largestID else {
            throw SkeinError(
                .invalidArgument,
                "tokenizer.bin: a vocabulary of \(vocabularySize), expected 3 to \(Field.largestID)"
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
                    "tokenizer.bin: \(bytes.count) bytes end in piece \(vocabulary.pieces.count) of"
                        + " \(vocabularySize)",
                    hint: "the vocabulary size comes from the model; do the two belong together?"
                )
            }
            defer { position += 4 }
            return (0..<4).reduce(0) { $0 | UInt32(bytes[position + $1]) << UInt32(8 * $1) }
        }
        for index in 0..<vocabularySize {
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
        self = vocabulary.tokenizer(vocabulary.mergingParts())
        bosID = 1
        eosID = 2
        surround(bos: true, eos: false)
        findStops()
    }
}
