import Foundation
import SkeinCore
import SkeinTestSupport
import SkeinText
import Testing

/// Mutated tokenizer files: a typed error or a working tokenizer, never a crash or a hang.
@Suite struct TokenizerFuzzTests {
    /// How many mutations of each file; SKEIN_FUZZ_ITERATIONS says more.
    static let iterations =
        ProcessInfo.processInfo.environment["SKEIN_FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 3000

    @Test(arguments: ["gpt2.json", "llama2.json", "unigram.json", "bert.json", "xlm.json"])
    func `mutated tokenizer.json ends in a tokenizer or an error`(_ name: String) throws {
        let seed = Array(try Data(contentsOf: Files.golden("tokenizers/\(name)")))
        let (accepted, refused) = try mutate(seed, count: Self.iterations / 5) { bytes in
            let tokenizer = try Tokenizer(json: try JSON(parsing: bytes))
            exercise(tokenizer)
        }
        #expect(refused > 0)
        #expect(accepted > 0)
    }

    @Test(arguments: ["spm-bpe.model", "spm-unigram.model"])
    func `mutated tokenizer.model ends in a tokenizer or an error`(_ name: String) throws {
        let seed = Array(try Data(contentsOf: Files.golden("tokenizers/\(name)")))
        let (accepted, refused) = try mutate(seed, count: Self.iterations / 2) { bytes in
            exercise(try Tokenizer(sentencePiece: bytes))
        }
        #expect(refused > 0)
        #expect(accepted > 0)
    }

    @Test func `mutated tokenizer.bin ends in a tokenizer or an error`() throws {
        var seed: [UInt8] = [4, 0, 0, 0]
        for (score, text) in [
            (0, "<unk>"), (0, "<s>"), (0, "</s>"), (-1, "a"), (-2, "b"), (-3, "ab"),
        ] {
            withUnsafeBytes(of: Float(score).bitPattern.littleEndian) { seed += $0 }
            withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { seed += $0 }
            seed += text.utf8
        }
        let (accepted, refused) = try mutate(seed, count: Self.iterations) { bytes in
            exercise(try Tokenizer(llama2c: bytes, vocabularySize: 6))
        }
        #expect(refused > 0)
        #expect(accepted > 0)
    }

    private func exercise(_ tokenizer: Tokenizer) {
        let ids = tokenizer.encode("The café 東京 <s> 123 <|begin|>\u{301}  don't ▁")
        _ = try? tokenizer.decode(ids + [-1])
        var stream = TokenStream(tokenizer)
        for id in ids { _ = stream.append(id) }
        _ = stream.finish()
        _ = tokenizer.encodeWithOffsets("a b\u{fb01} <tool>")
    }

    private func mutate(
        _ seed: [UInt8],
        count: Int,
        _ body: ([UInt8]) throws -> Void
    ) throws -> (accepted: Int, refused: Int) {
        var random = SplitMix64(seed: 42)
        var counts = (0, 0)
        let marks = Array("{}[]\",:0123456789-e.\\ntf<>_".utf8)
        for _ in 0..<count {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<7, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[place] = marks.randomElement(using: &random) ?? 0
                case 2: bytes.remove(at: place)
                case 3: bytes.insert(marks.randomElement(using: &random) ?? 0, at: place)
                case 4:
                    let end = min(bytes.count, place + Int.random(in: 1...40, using: &random))
                    bytes.removeSubrange(place..<end)
                case 5:
                    let end = min(bytes.count, place + Int.random(in: 1...40, using: &random))
                    bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
                default:
                    if Int.random(in: 0..<10, using: &random) == 0 {
                        bytes.removeSubrange(place...)
                    } else {
                        bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    }
                }
                if bytes.isEmpty { bytes = [0] }
            }
            do {
                try body(bytes)
                counts.0 += 1
            } catch is SkeinError {
                counts.1 += 1
            }
        }
        return counts
    }
}
