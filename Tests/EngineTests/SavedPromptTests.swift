import Foundation
import SkeinCore
import SkeinDecoding
import SkeinEngine
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import Testing

/// A prompt's rows on disk and back.
@Suite struct SavedPromptTests {
    static func engine(_ folder: String) throws -> Engine {
        let processor = try Processor(threads: 2)
        let model = try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(Files.golden("models/\(folder)").path),
            processor: processor
        )
        return Engine(model: model, processor: processor)
    }

    static func request(_ prompt: [Int32]) -> EngineRequest {
        EngineRequest(prompt: prompt) { remembered in
            var parameters = SamplingParameters()
            parameters.maxTokens = 12
            return try Autoregressive(
                prompt: prompt,
                parameters: parameters,
                contextLimit: 256,
                startingAt: remembered
            )
        }
    }

    static func withFile<R>(_ body: (String) throws -> R) throws -> R {
        let path = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }

    @Test func `a restored prompt is not run again and gives the same answer`() throws {
        let prompt = SchedulingTests.prompt(9, 100)
        let first = try Self.engine("llama3")
        let slot = try first.enqueue(Self.request(prompt))
        let expected = SchedulingTests.tokens(try SchedulingTests.drain(first), of: slot)
        try Self.withFile { path in
            #expect(try first.savePrompt(prompt, to: path) == 100)
            let second = try Self.engine("llama3")
            #expect(try second.restorePrompt(from: path) == prompt)
            let slot = try second.enqueue(Self.request(prompt))
            let events = try SchedulingTests.drain(second)
            #expect(SchedulingTests.tokens(events, of: slot) == expected)
            #expect(second.statistics.cacheHits == 99)
        }
    }

    @Test func `another model's prompt is refused`() throws {
        let prompt = SchedulingTests.prompt(9, 40)
        let first = try Self.engine("llama2")
        _ = try first.enqueue(Self.request(prompt))
        try SchedulingTests.drain(first)
        try Self.withFile { path in
            _ = try first.savePrompt(prompt, to: path)
            for folder in ["llama3", "qwen2", "mistral"] {
                let other = try Self.engine(folder)
                #expect(throws: SkeinError.self) { try other.restorePrompt(from: path) }
                #expect(other.stateBytes == 0)
            }
        }
    }

    @Test func `a prompt that is not remembered cannot be saved`() throws {
        let engine = try Self.engine("llama2")
        #expect { try engine.savePrompt([1, 2, 3], to: "/nowhere") } throws: {
            ($0 as? SkeinError)?.code == .notFound
        }
    }

    @Test func `damaged files end in an error`() throws {
        let prompt = SchedulingTests.prompt(9, 8)
        let engine = try Self.engine("llama2")
        _ = try engine.enqueue(Self.request(prompt))
        try SchedulingTests.drain(engine)
        try Self.withFile { path in
            _ = try engine.savePrompt(prompt, to: path)
            let whole = try Data(contentsOf: URL(filePath: path))
            var random = SplitMix64(seed: 1)
            for _ in 0..<200 {
                var bytes = whole
                if Bool.random(using: &random) {
                    bytes = bytes.prefix(Int.random(in: 0..<bytes.count, using: &random))
                } else {
                    bytes[Int.random(in: 0..<min(bytes.count, 600), using: &random)] ^= 0x41
                }
                try Data(bytes).write(to: URL(filePath: path))
                // Either it is refused or what it says is this model's own.
                _ = try? engine.restorePrompt(from: path)
            }
            #expect(engine.active == 0)
        }
    }
}
