import Foundation
import SkeinCore
import SkeinDecoding
import SkeinEngine
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import SkeinText
import Testing

/// The model that comes with the project says what transformers makes of its weights.
@Suite struct DefaultModelTests {
    @Test func `greedy continuation equals transformers'`() throws {
        let path = Files.root.appending(path: "Models/stories").path
        let golden = try MappedFile(path: path + "/golden.json").json()
        func ids(_ key: String) -> [Int32] {
            (golden[key]?.array ?? []).compactMap { $0.int.map(Int32.init) }
        }
        let processor = try Processor(threads: 2)
        let tokenizer = try TokenizerLoader.load(path)
        let prompt = tokenizer.encode(golden["prompt"]?.string ?? "")
        #expect(prompt == ids("prompt_ids"))
        let generator = try TextGenerator(
            model: LanguageModelLoader.load(
                LanguageModelLoader.checkpoint(path),
                processor: processor
            ),
            tokenizer: tokenizer,
            processor: processor
        )
        var parameters = SamplingParameters.greedy
        parameters.maxTokens = ids("greedy_ids").count
        var streamed = ""
        let result = try generator.generate(
            prompt: prompt,
            parameters: parameters,
            onText: { streamed += $0 }
        )
        #expect(result.tokens == ids("greedy_ids"))
        #expect(result.reason == .length)
        #expect(streamed == result.text)
        #expect(!streamed.isEmpty)
    }

    @Test func `stop strings cut the answer and free the slot`() throws {
        let path = Files.root.appending(path: "Models/stories").path
        let processor = try Processor(threads: 2)
        let generator = try TextGenerator(
            model: LanguageModelLoader.load(
                LanguageModelLoader.checkpoint(path),
                processor: processor
            ),
            tokenizer: TokenizerLoader.load(path),
            processor: processor
        )
        let golden = try MappedFile(path: path + "/golden.json").json()
        let ids = (golden["greedy_ids"]?.array ?? []).compactMap { $0.int.map(Int32.init) }
        let whole = try generator.tokenizer.decode(ids)
        let words = whole.split(separator: " ")
        let stop = words[8..<10].joined(separator: " ")
        let end = try #require(whole.range(of: stop)).lowerBound
        let result = try generator.generate(
            prompt: generator.tokenizer.encode(golden["prompt"]?.string ?? ""),
            parameters: .greedy,
            stopStrings: [stop]
        )
        #expect(result.reason == .stop)
        #expect(result.text == String(whole[..<end]))
        #expect(generator.engine.active == 0)
    }
}
