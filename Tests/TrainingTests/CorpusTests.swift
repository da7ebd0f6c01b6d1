import Foundation
import SkeinCore
import SkeinModels
import SkeinNN
import SkeinTensor
import SkeinTestSupport
import SkeinText
import SkeinTraining
import Testing

/// Texts on their way to batches.
@Suite struct CorpusTests {
    private static func tokenizer(_ texts: [String]) throws -> Tokenizer {
        var trainer = BytePairTrainer(vocabularySize: 300, special: ["<|endoftext|>"])
        for text in texts { trainer.add(text) }
        return try Tokenizer(json: trainer.train())
    }

    @Test func `merges are those of Hugging Face's trainer`() throws {
        let golden = try JSON(
            parsing: Array(Data(contentsOf: Files.golden("training/bpe.json")))
        )
        var trainer = BytePairTrainer(vocabularySize: 420, special: ["<|endoftext|>"])
        for text in golden["text"]?.array ?? [] { trainer.add(try #require(text.string)) }
        let model = try #require(trainer.train()["model"])
        #expect(model["merges"] == golden["merges"])
        let expected = try #require(golden["vocab"]?.object?.members)
        #expect(expected.count == 420 || expected.count > 300)
        #expect(model["vocab"]?.object?.members.count == expected.count)
        for (token, id) in expected { #expect(model["vocab"]?[token] == id, "\(token)") }
    }

    @Test func `a trained tokenizer gives texts back and begins them`() throws {
        let texts = ["It's 1,024 steps; count again!", "Dächer, 漢字 and 🙂.", "\n\n\tx  y "]
        let tokenizer = try Self.tokenizer(texts)
        for text in texts {
            let ids = tokenizer.encode(text)
            #expect(ids.first == 0)
            #expect(try tokenizer.decode(ids, skipSpecialTokens: true) == text)
        }
        var small = BytePairTrainer(
            vocabularySize: 20,
            special: ["<|endoftext|>"],
            alphabet: .seen,
            minimumFrequency: .max
        )
        small.add("abca")
        #expect(try Tokenizer(json: small.train()).vocabularySize == 4)
        var large = BytePairTrainer(vocabularySize: 100, special: [])
        large.add("a")
        #expect(throws: SkeinError.self) { try large.train() }
    }

    /// A file of documents of the given lengths, whose ids count up.
    private static func file(
        _ texts: [String]
    ) throws -> (TokenFile, Tokenizer, TrainingRunTests.Folder) {
        let folder = try TrainingRunTests.Folder()
        let tokenizer = try tokenizer(texts)
        let lines = texts.map { "{\"text\": \(JSON.string($0).text())}\n" }.joined()
        let corpus = Corpus([.init(path: try folder.write("texts.jsonl", lines))])
        try TokenFile.write(
            path: folder.path + "/tokens",
            corpus: corpus,
            tokenizer: tokenizer,
            on: Processor(threads: 2).pool
        )
        let file = try TokenFile(
            path: folder.path + "/tokens",
            vocabularySize: tokenizer.vocabularySize
        )
        return (file, tokenizer, folder)
    }

    private static let texts = (0..<23).map { index in
        (0...(index * 5 % 17)).map { "word\((index * 7 + $0) % 31)" }.joined(separator: " ")
    }

    @Test func `an epoch meets every token once, shuffled, documents apart`() throws {
        let (file, tokenizer, folder) = try Self.file(Self.texts)
        defer { withExtendedLifetime(folder) {} }
        #expect(file.documents == 23)
        #expect(file.textBytes == Self.texts.reduce(0) { $0 + $1.utf8.count })
        var source = BatchSource(
            file,
            packing: .documents,
            rows: 40,
            length: 20,
            boundary: 0,
            seed: 3
        )
        var place = BatchSource.Place()
        var stream: [Int32] = []
        while place.epoch < 2 {
            let batch = source.next(&place)
            #expect(batch.tokens.count <= 40 && !batch.tokens.isEmpty)
            for rows in batch.sequences {
                #expect(rows.count <= 20)
                // Each row's target is the next row's token.
                let (tokens, targets) = (batch.tokens[rows], batch.targets[rows])
                #expect(Array(targets.dropLast()) == Array(tokens.dropFirst()))
                stream += targets
            }
        }
        let all = file.ids(0..<file.tokens) + [Int32](repeating: 0, count: file.documents)
        let (first, second) = (
            stream.prefix(all.count), stream.dropFirst(all.count).prefix(all.count)
        )
        #expect(first.sorted() == all.sorted())
        #expect(second.sorted() == all.sorted())
        #expect(Array(first) != Array(second) && Array(first) != all)
        let texts = try tokenizer.decode(all.filter { $0 != 0 })
        #expect(Self.texts.allSatisfy { texts.contains($0) })
    }

    @Test(arguments: BatchSource.Packing.allCases)
    func `a place is all that resuming needs`(packing: BatchSource.Packing) throws {
        let (file, _, folder) = try Self.file(Self.texts)
        defer { withExtendedLifetime(folder) {} }
        func source() -> BatchSource {
            BatchSource(file, packing: packing, rows: 36, length: 12, boundary: 0, seed: 9)
        }
        var (one, place) = (source(), BatchSource.Place())
        for _ in 0..<40 {
            var (other, same) = (source(), place)
            let batch = one.next(&place)
            #expect(other.next(&same) == batch)
            #expect(same == place)
        }
    }

    @Test func `a text beside others loses what it loses alone`() throws {
        let processor = try Processor(threads: 2)
        let model = try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(Files.golden("models/llama3").path),
            processor: processor,
            options: LoadOptions(learning: .fromCheckpoint)
        )
        let learner = try #require(model as? any LearningModel)
        func loss(_ batch: TokenBatch) throws -> Double {
            var execution = Execution(processor: processor, state: learner.makePassMemory())
            let hidden = try learner.forward(batch.rows, &execution)
            return try learner.loss(hidden, targets: batch.targets, rule: CrossEntropy(), processor)
                .sum
        }
        let texts: [[Int32]] = [[1, 5, 9, 70], [1, 100, 3, 3, 8, 20, 11], [1, 2]]
        var (together, alone) = (TokenBatch(), 0.0)
        for text in texts {
            together.append(text.dropLast(), targets: text.dropFirst())
            var batch = TokenBatch()
            batch.append(text.dropLast(), targets: text.dropFirst())
            alone += try loss(batch)
        }
        #expect(abs(try loss(together) - alone) < 1e-5 * alone)
    }

    @Test func `unusable texts are named with their place`() throws {
        let folder = try TrainingRunTests.Folder()
        func refusal(_ name: String, _ bytes: [UInt8]) throws -> SkeinError {
            let path = folder.path + "/" + name
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            return try #require(throws: SkeinError.self) {
                try Corpus([.init(path: path)]).forEachDocument { _, _ in }
            }
        }
        #expect(try refusal("a.txt", [0x61, 0xc3, 0xa9, 0xff]).message.contains("byte 3"))
        #expect(try refusal("b.txt", Array(" \n".utf8)).message.contains("1 empty documents"))
        let lines = Array("{\"text\": \"x\"}\n\n{\"txet\": 1}\n".utf8)
        let error = try refusal("c.jsonl", lines)
        #expect(error.message.contains("line 3") && error.message.contains("txet"))
        #expect(try refusal("d.jsonl", Array("{\"text\": \n".utf8)).message.contains("line 1"))
        #expect(throws: SkeinError.self) {
            try Corpus([.init(path: folder.path + "/none")]).forEachDocument { _, _ in }
        }
        let parts = Corpus(
            [.init(path: try folder.write("e.txt", "one\n<|end|>\ntwo\n<|end|>"))],
            separator: "<|end|>"
        )
        var found: [String] = []
        let summary = try parts.forEachDocument { found.append($1) }
        #expect(found == ["one", "two"])
        #expect(summary.emptyDocuments == 1)
    }

    @Test func `damaged token files are refused, never read past`() throws {
        let (_, tokenizer, folder) = try Self.file(Self.texts)
        let sound = Array(try folder.bytes("tokens"))
        var random = SplitMix64(seed: 4)
        var refused = 0
        for round in 0..<2000 {
            var bytes = sound
            if round % 2 == 0 {
                bytes.removeLast(Int(random.next() % UInt64(bytes.count)))
            } else {
                for _ in 0...(round % 3) {
                    bytes[Int(random.next() % UInt64(min(bytes.count, 400)))] = UInt8(
                        truncatingIfNeeded: random.next()
                    )
                }
            }
            let path = folder.path + "/damaged"
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            do {
                let file = try TokenFile(path: path, vocabularySize: tokenizer.vocabularySize)
                for document in 0..<file.documents { _ = file.ids(file.range(of: document)) }
            } catch let error as SkeinError {
                #expect(error.code == .corruptFile)
                refused += 1
            }
        }
        #expect(refused > 1000)
        let error = try #require(throws: SkeinError.self) {
            try TokenFile(path: folder.path + "/tokens", vocabularySize: 3)
        }
        #expect(error.message.contains("the vocabulary has 3"))
    }
}
