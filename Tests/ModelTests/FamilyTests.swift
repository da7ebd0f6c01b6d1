import Foundation
import SkeinCore
import SkeinDecoding
import SkeinEngine
import SkeinModels
import SkeinNN
import SkeinTensor
import SkeinTestSupport
import Testing

/// Tiny random models against transformers' logits (`Scripts/golden_models.py`).
@Suite struct FamilyTests {
    /// Largest difference of logits over the largest logit: float rounding in another order.
    static let tolerance: Float = 1e-4

    static let checkpoints = [
        "llama2", "llama3", "llama-linear", "llama-yarn", "mistral", "qwen2", "qwen3", "gpt2",
        "smollm",
        "smollm3", "qwen2-window", "smollm3-window",
        "llama3/model-F16.gguf", "qwen2/model-BF16.gguf", "qwen3/model-BF16.gguf",
        "gpt2/model-F16.gguf", "mamba", "mamba-odd", "mamba/model-F16.gguf", "mamba-original",
    ]

    struct Golden {
        let cases: [(ids: [Int32], logits: [Float], nll: Double?)]
        let prompt: [Int32]
        let continuation: [Int32]

        init(_ folder: String) throws {
            let json = try MappedFile(path: Files.golden("models/\(folder)/golden.json").path)
                .json()
            func ids(_ value: JSON?) -> [Int32] {
                (value?.array ?? []).compactMap { $0.int.map(Int32.init) }
            }
            cases = try #require(json["cases"]?.array).map { entry in
                let data = try #require(Data(base64Encoded: entry["logits"]?.string ?? ""))
                let logits = data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
                return (ids(entry["ids"]), logits, entry["mean_nll"]?.double)
            }
            prompt = ids(json["greedy"]?["prompt"])
            continuation = ids(json["greedy"]?["ids"])
        }
    }

    static func load(_ name: String, _ processor: Processor) throws -> any LanguageModel {
        try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(Files.golden("models/\(name)").path),
            processor: processor,
            options: LoadOptions(computeType: .f32)
        )
    }

    /// All rows' logits, run in chunks of a given size.
    static func logits(
        _ model: any LanguageModel,
        _ ids: [Int32],
        chunk: Int,
        _ processor: Processor
    ) throws -> [Float] {
        var execution = Execution(processor: processor, state: model.makeState(dtype: .f32))
        var result: [Float] = []
        var start = 0
        while start < ids.count {
            let rows = min(chunk, ids.count - start)
            let batch = RowBatch(
                inputs: .tokens(Array(ids[start..<start + rows])),
                positions: (start..<start + rows).map(Int32.init),
                segments: [
                    Segment(rows: 0..<rows, slot: 0, reads: .all(.main), visibility: .causal)
                ],
                headRows: (0..<Int32(rows)).map { $0 }
            )
            let hidden = try model.forward(batch, &execution)
            result += model.logits(hidden, processor).values
            try execution.state.commit(
                rows: batch.headRows,
                ofSegment: 0,
                to: BranchKey(0, .main)
            )
            start += rows
        }
        return result
    }

    @Test(arguments: checkpoints)
    func `logits agree with transformers`(_ name: String) throws {
        let golden = try Golden(String(name.split(separator: "/")[0]))
        let processor = try Processor(threads: 2)
        let model = try Self.load(name, processor)
        for (ids, expected, _) in golden.cases {
            let logits = try Self.logits(model, ids, chunk: 64, processor)
            #expect(logits.count == expected.count)
            let largest = expected.map(abs).max() ?? 0
            let difference = zip(logits, expected).map { abs($0 - $1) }.max() ?? .infinity
            #expect(difference <= Self.tolerance * largest, "\(name), \(ids.count) tokens")
        }
    }

    @Test(arguments: checkpoints)
    func `chunks, threads and single rows give the same bits`(_ name: String) throws {
        let golden = try Golden(String(name.split(separator: "/")[0]))
        let ids = try #require(golden.cases.last).ids
        let one = try Processor(threads: 1)
        let two = try Processor(threads: 2)
        let whole = try Self.logits(Self.load(name, two), ids, chunk: 64, two)
        #expect(try Self.logits(Self.load(name, one), ids, chunk: 64, one) == whole)
        #expect(try Self.logits(Self.load(name, two), ids, chunk: 1, two) == whole)
        #expect(try Self.logits(Self.load(name, two), ids, chunk: 7, two) == whole)
    }

    @Test(arguments: checkpoints)
    func `greedy continuation equals transformers'`(_ name: String) throws {
        let golden = try Golden(String(name.split(separator: "/")[0]))
        let processor = try Processor(threads: 2)
        var options = EngineOptions()
        options.cacheType = .f32
        let engine = Engine(
            model: try Self.load(name, processor),
            processor: processor,
            options: options
        )
        var parameters = SamplingParameters.greedy
        parameters.maxTokens = golden.continuation.count
        _ = try engine.admit(
            Autoregressive(prompt: golden.prompt, parameters: parameters, contextLimit: 128)
        )
        var tokens: [Int32] = []
        while engine.active > 0 {
            for event in try engine.step() {
                if case .tokens(_, let new, _) = event { tokens += new }
            }
        }
        #expect(tokens == golden.continuation)
    }
}
