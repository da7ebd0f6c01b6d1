import Foundation
import SkeinCore
import SkeinEngine
import SkeinModels
import SkeinNN
import SkeinTensor
import SkeinTestSupport
import SkeinText
import Testing

/// Tiny random encoders against transformers and sentence-transformers' formulas
/// (`Scripts/golden_bert.py`).
@Suite struct BertTests {
    /// Largest difference over the largest value: float rounding in another order.
    static let tolerance: Float = 1e-4

    static let models = [
        "bert", "bert-old", "bert-roberta", "bert-distilbert", "bert/bert.gguf",
    ]

    /// What the script wrote beside a model.
    struct Golden {
        struct Case {
            var ids: [Int32]
            var hidden: [Float]
            /// By pooling, as the script names it.
            var pooled: [String: [Float]]
        }

        var cases: [Case]
        var texts: [(text: String, ids: [Int32], vector: [Float])]

        init(_ name: String) throws {
            let folder = try #require(name.split(separator: "/").first)
            let json = try MappedFile(path: Files.golden("models/\(folder)/golden.json").path)
                .json()
            cases = try #require(json["cases"]?.array).map { entry in
                var pooled: [String: [Float]] = [:]
                for key in ["mean", "cls", "last", "pooler"] where entry[key] != nil {
                    pooled[key] = try Self.floats(entry[key])
                }
                return Case(
                    ids: Self.ids(entry["ids"]),
                    hidden: try Self.floats(entry["hidden"]),
                    pooled: pooled
                )
            }
            texts = try #require(json["texts"]?.array).map { entry in
                let text = try #require(entry["text"]?.string)
                return (text, Self.ids(entry["ids"]), try Self.floats(entry["vector"]))
            }
        }

        static func ids(_ value: JSON?) -> [Int32] {
            (value?.array ?? []).compactMap { $0.int.map(Int32.init) }
        }

        static func floats(_ value: JSON?) throws -> [Float] {
            let data = try #require(Data(base64Encoded: value?.string ?? ""))
            return data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        }
    }

    /// The largest difference of two vectors over the largest value expected.
    static func error(_ found: [Float], _ expected: [Float]) -> Float {
        guard found.count == expected.count, !found.isEmpty else { return .infinity }
        let scale = expected.reduce(Float(1e-6)) { max($0, abs($1)) }
        return zip(found, expected).reduce(0) {
            $1.0.isFinite ? max($0, abs($1.0 - $1.1) / scale) : .infinity
        }
    }

    static func path(_ name: String) -> String { Files.golden("models/\(name)").path }

    /// One batch of whole texts.
    static func batch(_ texts: [[Int32]]) -> RowBatch {
        var start = 0
        let segments = texts.enumerated().map { index, ids in
            defer { start += ids.count }
            return Segment(
                rows: start..<start + ids.count,
                slot: Int32(index),
                reads: .nothing,
                visibility: .bidirectional
            )
        }
        return RowBatch(
            inputs: .tokens(texts.flatMap { $0 }),
            positions: texts.flatMap { (0..<Int32($0.count)).map { $0 } },
            segments: segments,
            headRows: []
        )
    }

    static func embedder(
        _ name: String,
        pooling: Wanted.Pooling? = nil,
        isNormalized: Bool? = nil,
        threads: Int = 1,
        rowBudget: Int = 1024
    ) throws -> TextEmbedder {
        try TextEmbedder(
            path: path(name),
            processor: Processor(threads: threads),
            pooling: pooling,
            isNormalized: isNormalized,
            options: LoadOptions(computeType: .f32),
            rowBudget: rowBudget
        )
    }

    @Test(arguments: models)
    func `last hidden states agree`(_ name: String) throws {
        let processor = try Processor(threads: 2)
        let model = try EmbeddingModelLoader.load(
            LanguageModelLoader.checkpoint(Self.path(name)),
            processor: processor,
            options: LoadOptions(computeType: .f32)
        )
        let golden = try Golden(name)
        #expect(golden.cases.count == 5)
        #expect(model.description.contextLength == 32)
        for entry in golden.cases {
            var execution = Execution(processor: processor, state: model.makeState(dtype: .f32))
            let hidden = try model.forward(Self.batch([entry.ids]), &execution)
            let found = model.finalHidden(hidden, processor).values
            let error = Self.error(found, entry.hidden)
            #expect(error < Self.tolerance, "\(entry.ids.count) tokens: \(error)")
        }
    }

    @Test(
        arguments: models,
        [("mean", Wanted.Pooling.mean), ("cls", .first), ("last", .last), ("pooler", .head)]
    )
    func `pooled vectors agree`(_ name: String, _ pooling: (String, Wanted.Pooling)) throws {
        let golden = try Golden(name)
        // The layout of the first model stops at 20 tokens.
        let limit = name == "bert" ? 20 : 32
        let cases = golden.cases.filter { $0.ids.count <= limit }
        let hasPooler = ["bert", "bert-roberta"].contains(name)
        guard pooling.1 != .head || hasPooler else {
            #expect {
                try Self.embedder(name, pooling: pooling.1)
            } throws: { error in
                (error as? SkeinError)?.code == .unsupported && "\(error)".contains("pooler")
            }
            return
        }
        let embedder = try Self.embedder(name, pooling: pooling.1, isNormalized: false)
        let vectors = try embedder.embed(cases.map(\.ids))
        for (entry, vector) in zip(cases, vectors) {
            let expected = try #require(entry.pooled[pooling.0])
            let error = Self.error(vector, expected)
            #expect(error < Self.tolerance, "\(entry.ids.count) tokens: \(error)")
        }
    }

    @Test(arguments: ["bert", "bert/bert.gguf"])
    func `texts become the ids and vectors of the libraries`(_ name: String) throws {
        let embedder = try Self.embedder(name)
        let golden = try Golden(name)
        #expect(golden.texts.count == 7)
        for entry in golden.texts {
            #expect(try embedder.tokens(of: entry.text) == entry.ids, "\(entry.text)")
        }
        let vectors = try embedder.embed(golden.texts.map(\.text))
        for (entry, vector) in zip(golden.texts, vectors) {
            #expect(Self.error(vector, entry.vector) < Self.tolerance, "\(entry.text)")
        }
        #expect(embedder.dimensions == 24)
        #expect(embedder.modelName == "bert")
    }

    @Test func `the layout of sentence-transformers is obeyed`() throws {
        let first = try Self.embedder("bert")
        #expect(first.recipe.pooling == .mean)
        #expect(first.recipe.isNormalized)
        #expect(first.contextLength == 20)
        let second = try Self.embedder("bert-old")
        #expect(second.recipe.pooling == .first)
        #expect(!second.recipe.isNormalized)
        #expect(second.contextLength == 32)
        let plain = try Self.embedder("bert-roberta")
        #expect(plain.recipe.pooling == .mean)
        #expect(plain.recipe.isNormalized)
    }

    @Test(arguments: models + ["llama3", "gpt2"], [1, 2])
    func `a text among others has the bits it has alone`(_ name: String, _ threads: Int) throws {
        var random = SplitMix64(seed: 11)
        let texts = [3, 1, 20, 7, 2, 19, 11, 1].map { count in
            (0..<count).map { _ in Int32(5 + random.next() % 90) }
        }
        let alone = try Self.embedder(name)
        let expected = try texts.map { try #require(try alone.embed([$0]).first) }
        for budget in [1, 8, 25, 1024] {
            let together = try Self.embedder(name, threads: threads, rowBudget: budget)
            let found = try together.embed(texts)
            #expect(
                found.map { $0.map(\.bitPattern) } == expected.map { $0.map(\.bitPattern) },
                "budget \(budget)"
            )
        }
        #expect(try alone.embed([[Int32]]()).isEmpty)
    }

    @Test func `a decoder's last token stands for the text`() throws {
        let name = "llama3"
        let processor = try Processor(threads: 1)
        let model = try FamilyTests.load(name, processor)
        let embedder = try Self.embedder(name)
        #expect(embedder.recipe.pooling == .last)
        let ids: [Int32] = [5, 9, 30, 7, 64]
        let vector = try #require(try embedder.embed([ids]).first)
        let length = vector.reduce(0) { $0 + Double($1) * Double($1) }
        #expect(abs(length - 1) < 1e-5)
        // The head is linear, so logits of the vector must be those of the model up to one factor.
        let logits = try FamilyTests.logits(model, ids, chunk: 5, processor)
            .suffix(model.description.vocabularySize)
        let matrix = try #require(
            try LanguageModelLoader.checkpoint(Self.path(name)).tensor("lm_head.weight")
        ).floats()
        let own = (0..<logits.count).map { row in
            zip(vector, matrix[row * vector.count..<(row + 1) * vector.count])
                .reduce(Float(0)) { $0 + $1.0 * $1.1 }
        }
        let best = try #require(own.indices.max { abs(own[$0]) < abs(own[$1]) })
        let factor = Array(logits)[best] / own[best]
        #expect(factor > 0)
        #expect(Self.error(own.map { $0 * factor }, Array(logits)) < Self.tolerance)
    }
}
