import Foundation
import SkeinCore
import SkeinDecoding
import SkeinEngine
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import Testing

/// A drafting request gets what it gets without drafts, whatever runs beside it.
@Suite struct SpeculationTests {
    /// A request whose prompt repeats itself, so that there is something to guess from.
    static func request(_ number: Int, drafts: Int) -> EngineRequest {
        var random = SplitMix64(seed: UInt64(number))
        let piece = (0..<4).map { _ in Int32.random(in: 0..<128, using: &random) }
        let prompt = Array((0..<(1 + number % 4)).map { _ in piece }.joined())
        var parameters = number % 3 == 0 ? SamplingParameters.greedy : SamplingParameters()
        parameters.seed = UInt64(number)
        // Sharp enough for a random model to repeat itself.
        if number % 3 == 1 { parameters.temperature = 0.05 }
        if number % 5 == 4 { parameters.presencePenalty = 0.3 }
        parameters.maxTokens = 24 + number % 11
        return EngineRequest(prompt: prompt) { [parameters] remembered in
            try Autoregressive(
                prompt: prompt,
                parameters: parameters,
                contextLimit: 64,
                startingAt: remembered,
                answerScores: 1,
                draftLimit: drafts
            )
        }
    }

    struct Outcome: Equatable {
        var tokens: [Int32] = []
        var scores: [TokenScore] = []
    }

    /// Runs requests that arrive one every so many steps.
    static func run(
        _ engine: Engine,
        _ requests: [EngineRequest],
        every interval: Int = 1
    ) throws -> [Outcome] {
        var places: [Int32: Int] = [:]
        var outcomes = [Outcome](repeating: Outcome(), count: requests.count)
        var (next, step) = (0, 0)
        while next < requests.count || engine.active > 0 {
            if next < requests.count, step % interval == 0 {
                places[try engine.enqueue(requests[next])] = next
                next += 1
            }
            for event in try engine.step() {
                guard let place = places[event.slot] else { continue }
                switch event {
                case .tokens(_, let tokens, _): outcomes[place].tokens += tokens
                case .scores(_, let scores, .answer): outcomes[place].scores += scores
                case .failed(_, let error): Issue.record("\(error)")
                default: break
                }
            }
            step += 1
        }
        return outcomes
    }

    static func engine(
        _ model: any LanguageModel,
        _ processor: Processor,
        _ change: (inout EngineOptions) -> Void
    ) -> Engine {
        var options = EngineOptions()
        change(&options)
        return Engine(model: model, processor: processor, options: options)
    }

    @Test(arguments: ["llama3", "qwen3", "gpt2"])
    func `tokens and scores are bit for bit those of plain decoding alone`(
        _ name: String
    ) throws {
        let processor = try Processor(threads: 2)
        let model = try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(Files.golden("models/\(name)").path),
            processor: processor
        )
        let numbers = Array(0..<10)
        let alone = try numbers.map { number in
            try Self.run(
                Self.engine(model, processor) { $0.remembersPrompts = false },
                [Self.request(number, drafts: 0)]
            )[0]
        }
        var accepted = 0
        for (budget, draftRows, interval, drafts) in [
            (512, 64, 3, 8), (512, 1024, 1, 16), (9, 64, 1, 8), (24, 16, 2, 3),
        ] {
            let engine = Self.engine(model, processor) {
                $0.rowBudget = budget
                $0.draftRows = draftRows
                $0.promptRowsBesideDecoding = 8
            }
            let requests = numbers.map {
                // Some plain ones among them.
                Self.request($0, drafts: $0 % 4 == 3 ? 0 : drafts)
            }
            #expect(try Self.run(engine, requests, every: interval) == alone)
            #expect(engine.statistics.draftedTokens >= engine.statistics.acceptedTokens)
            accepted += engine.statistics.acceptedTokens
        }
        #expect(accepted > 8)
    }

    @Test func `drafts take no memory that a request lacks`() throws {
        let numbers = Array(0..<8)
        func requests(_ drafts: Int) -> [EngineRequest] {
            numbers.map { number in
                let piece = SchedulingTests.prompt(UInt64(number), 5)
                let prompt = piece + piece + piece
                var parameters = SamplingParameters.greedy
                parameters.maxTokens = 40
                return EngineRequest(prompt: prompt) { [parameters] remembered in
                    try Autoregressive(
                        prompt: prompt,
                        parameters: parameters,
                        contextLimit: 4096,
                        startingAt: remembered,
                        draftLimit: drafts
                    )
                }
            }
        }
        let alone = try requests(0).map {
            try Self.run(SchedulingTests.engine { $0.remembersPrompts = false }, [$0])[0]
        }
        // Room for one answer to its last row; then for two and a half.
        for pages in [14, 35] {
            let engine = try SchedulingTests.engine {
                $0.stateLimit = pages * SchedulingTests.pageBytes
                $0.draftRows = 64
            }
            #expect(try Self.run(engine, requests(8)) == alone)
            #expect(engine.statistics.draftedTokens > 0)
            #expect(engine.statistics.finished[.failed] == nil)
        }
    }

    @Test func `drafts fade as decoding fills the rows`() throws {
        let engine = try SchedulingTests.engine { $0.draftRows = 8 }
        let piece: [Int32] = [1, 2, 3, 4]
        for _ in 0..<8 {
            _ = try engine.enqueue(
                EngineRequest(prompt: piece + piece + piece) { remembered in
                    try Autoregressive(
                        prompt: piece + piece + piece,
                        parameters: .greedy,
                        contextLimit: 100,
                        startingAt: remembered,
                        draftLimit: 8
                    )
                }
            )
        }
        for _ in 0..<12 { _ = try engine.step() }
        #expect(engine.statistics.running == 8)
        #expect(engine.statistics.draftedTokens == 0)
    }
}
