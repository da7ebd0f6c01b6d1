import Foundation
import SkeinCore
import SkeinTensor
import SkeinTestSupport
import SkeinText
import SkeinTraining
import Testing

/// The baseline beside numbers worked out by hand.
@Suite struct NGramTests {
    @Test func `two-grams of three letters`() throws {
        let folder = try TrainingRunTests.Folder()
        var trainer = BytePairTrainer(
            vocabularySize: 3,
            special: ["<|endoftext|>"],
            alphabet: .seen,
            minimumFrequency: .max
        )
        trainer.add("aba")
        let tokenizer = try Tokenizer(json: trainer.train())
        func file(_ name: String, _ text: String) throws -> TokenFile {
            let corpus = Corpus([.init(path: try folder.write(name + ".txt", text))])
            let path = folder.path + "/" + name
            try TokenFile.write(
                path: path,
                corpus: corpus,
                tokenizer: tokenizer,
                on: Processor(threads: 1).pool
            )
            return try TokenFile(path: path, vocabularySize: 3)
        }
        // B a b a B is learnt, B a a B judged. Alone, a has (2 + 3/3) / (4 + 3) = 3/7, B 2/7.
        // After B: a has (1 + 3/7) / 2. After a: a has (0 + 2 · 3/7) / 4, B (1 + 2 · 2/7) / 4.
        let baseline = try NGramBaseline(
            order: 2,
            training: file("learnt", "aba"),
            heldOut: file("judged", "aa"),
            vocabularySize: 3,
            boundary: 0
        )
        let expected = -(log(5.0 / 7) + log(3.0 / 14) + log(11.0 / 28))
        #expect(baseline.tokens == 3)
        #expect(abs(baseline.sum - expected) < 1e-12)
        #expect(abs(baseline.bitsPerByte - expected / log(2) / 2) < 1e-12)
        #expect(throws: SkeinError.self) {
            try NGramBaseline(
                order: 0,
                training: file("learnt", "aba"),
                heldOut: file("judged", "aa"),
                vocabularySize: 3,
                boundary: 0
            )
        }
    }
}
