import Foundation
import SkeinCore
import SkeinDecoding
import SkeinEngine
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import Testing

/// Batched equals alone, bit for bit; and what an engine does at its limits.
@Suite struct EngineLawTests {
    static func engine(_ rowBudget: Int, threads: Int = 2) throws -> Engine {
        let processor = try Processor(threads: threads)
        var options = EngineOptions()
        options.rowBudget = rowBudget
        let model = try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(Files.golden("models/llama3").path),
            processor: processor
        )
        return Engine(model: model, processor: processor, options: options)
    }

    static func request(_ number: Int) throws -> Autoregressive<SamplingRule> {
        var random = SplitMix64(seed: UInt64(number))
        let prompt = (0..<(1 + number * 5 % 23)).map { _ in
            Int32.random(in: 0..<128, using: &random)
        }
        var parameters = number % 3 == 0 ? SamplingParameters.greedy : SamplingParameters()
        parameters.seed = UInt64(number)
        parameters.maxTokens = 5 + number % 11
        return try Autoregressive(prompt: prompt, parameters: parameters, contextLimit: 64)
    }

    static func run(
        _ engine: Engine,
        _ numbers: [Int],
        startingEvery interval: Int
    ) throws -> [[Int32]] {
        var slots: [Int32: Int] = [:]
        var answers = [[Int32]](repeating: [], count: numbers.count)
        var next = 0
        var step = 0
        while next < numbers.count || engine.active > 0 {
            if next < numbers.count, step % max(interval, 1) == 0 || engine.active == 0 {
                slots[try engine.admit(request(numbers[next]))] = next
                next += 1
            }
            for event in try engine.step() {
                if case .tokens(let slot, let tokens, _) = event, let place = slots[slot] {
                    answers[place] += tokens
                }
            }
            step += 1
        }
        return answers
    }

    @Test(arguments: [(512, 1), (7, 1), (16, 3)])
    func `every request's tokens are those it gets alone`(_ budget: Int, _ interval: Int) throws {
        let numbers = Array(0..<12)
        let alone = try numbers.map { try Self.run(Self.engine(512), [$0], startingEvery: 1)[0] }
        let together = try Self.run(Self.engine(budget), numbers, startingEvery: interval)
        #expect(together == alone)
        #expect(alone.contains { $0.count > 5 })
    }

    @Test func `cancelling frees the memory at once`() throws {
        let engine = try Self.engine(64)
        let slot = try engine.admit(Self.request(4))
        _ = try engine.step()
        #expect(engine.stateBytes > 0)
        engine.cancel(slot)
        #expect(engine.active == 0)
        #expect(engine.stateBytes == 0)
        #expect(try engine.step().isEmpty)
    }

    @Test func `a prompt longer than the context is refused`() throws {
        #expect {
            try Autoregressive(
                prompt: Array(repeating: 1, count: 64),
                parameters: .greedy,
                contextLimit: 64
            )
        } throws: { ($0 as? SkeinError)?.code == .contextOverflow }
    }

    @Test func `an id outside the vocabulary is named`() throws {
        let engine = try Self.engine(64)
        _ = try engine.admit(
            Autoregressive(prompt: [9999], parameters: .greedy, contextLimit: 64)
        )
        #expect { try engine.step() } throws: { error in
            (error as? SkeinError)?.code == .invalidArgument && "\(error)".contains("9999")
        }
    }
}
