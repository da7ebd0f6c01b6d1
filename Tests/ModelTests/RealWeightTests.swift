import Foundation
import SkeinCore
import SkeinDecoding
import SkeinEngine
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct RealWeightTests {
    /// Greedy continuation of some ids by the engine.
    static func continued(_ path: String, start: [Int32], count: Int) throws -> [Int32] {
        let processor = try Processor(threads: 2)
        let model = try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(path),
            processor: processor
        )
        let engine = Engine(model: model, processor: processor)
        var parameters = SamplingParameters.greedy
        parameters.maxTokens = count
        _ = try engine.admit(
            Autoregressive(
                prompt: start,
                parameters: parameters,
                contextLimit: model.description.contextLength
            )
        )
        var tokens: [Int32] = []
        while engine.active > 0 {
            for event in try engine.step() {
                if case .tokens(_, let new, _) = event { tokens += new }
            }
        }
        return tokens
    }

    @Test(arguments: [
        ("llm-stories260k", "stories260K.bin"), ("llm-stories260k", "stories260K_v1.bin"),
        ("llm-tinystories656k", ""),
    ])
    func `greedy continuation equals the double precision reference`(
        _ folder: String,
        _ file: String
    ) throws {
        guard let url = Files.shared(folder) else { return }
        let golden = try MappedFile(path: url.appending(path: "golden.json").path).json()
        let expected = try #require(golden["greedy_ids"]?.array).compactMap {
            $0.int.map(Int32.init)
        }
        let start = try #require(golden["start_ids"]?.array).compactMap { $0.int.map(Int32.init) }
        let path = file.isEmpty ? url.path : url.appending(path: file).path
        let tokens = try Self.continued(path, start: start, count: expected.count - start.count)
        #expect(start + tokens == expected)
    }
}
