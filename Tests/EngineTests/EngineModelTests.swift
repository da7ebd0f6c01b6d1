import Foundation
import SkeinCore
import SkeinDecoding
import SkeinEngine
import SkeinTensor
import SkeinTestSupport
import Testing

/// The engine against the simplest model of it: a table of what every request gets alone.
@Suite struct EngineModelTests {
    /// A kind of request, plain, sampled, drafting or forking, with the answer it must get.
    struct Kind {
        var prompt: [Int32]
        var make: @Sendable (Int) throws -> any DecodingStrategy
        var isForking: Bool
        var expected: [Int32] = []

        func enqueue(into engine: Engine, priority: Int, salt: String) throws -> Int32 {
            guard !isForking else {
                guard let strategy = try make(0) as? ForkJoinStrategy else { return -1 }
                return try engine.admit(strategy)
            }
            var request = EngineRequest(prompt: prompt) { remembered in
                guard let strategy = try make(remembered) as? Autoregressive<SamplingRule> else {
                    throw SkeinError(.incapable, "another kind")
                }
                return strategy
            }
            request.priority = priority
            request.salt = salt
            return try engine.enqueue(request)
        }
    }

    static func kinds(_ count: Int) throws -> [Kind] {
        var random = SplitMix64(seed: 77)
        let stems = (0..<4).map { SchedulingTests.prompt(UInt64($0) + 500, 40) }
        var kinds = (0..<count).map { number -> Kind in
            let stem = stems[number % 4].prefix(Int.random(in: 0...40, using: &random))
            let tail = SchedulingTests.prompt(
                UInt64(number),
                Int.random(in: 1...12, using: &random)
            )
            // After these some first answers have been seen behind the last token, so that it is guessed on.
            let isDrafting = number % 6 == 1
            let last = tail[tail.count - 1]
            let pairs: [Int32] = isDrafting ? (0..<6).flatMap { [$0, last] } : []
            let prompt = stem + tail + pairs
            let length = Int.random(in: 1...12, using: &random)
            if number % 3 == 0 {
                return Kind(
                    prompt: Array(prompt),
                    make: { _ in
                        ForkJoinStrategy(
                            prompt: Array(prompt),
                            branchCount: 1 + number % 4,
                            branchLength: 1 + number % 5,
                            tailLength: length
                        )
                    },
                    isForking: true
                )
            }
            var parameters = number % 2 == 0 ? SamplingParameters.greedy : SamplingParameters()
            parameters.seed = UInt64(number)
            parameters.maxTokens = length
            return Kind(
                prompt: Array(prompt),
                make: { [parameters] remembered in
                    try Autoregressive(
                        prompt: Array(prompt),
                        parameters: parameters,
                        contextLimit: 4096,
                        startingAt: remembered,
                        draftLimit: isDrafting ? 4 : 0
                    )
                },
                isForking: false
            )
        }
        for number in kinds.indices {
            let engine = try SchedulingTests.engine { $0.remembersPrompts = false }
            let slot = try kinds[number].enqueue(into: engine, priority: 0, salt: "")
            kinds[number].expected = SchedulingTests.tokens(
                try SchedulingTests.drain(engine),
                of: slot
            )
        }
        return kinds
    }

    /// How many operations to try: 60,000, or `SKEIN_ENGINE_OPERATIONS`.
    static let operations =
        ProcessInfo.processInfo.environment["SKEIN_ENGINE_OPERATIONS"].flatMap(Int.init) ?? 60_000

    @Test func `random traffic gives everyone their own answer and leaks no page`() throws {
        let kinds = try Self.kinds(48)
        var random = SplitMix64(seed: 2024)
        let engine = try SchedulingTests.engine {
            $0.slotLimit = 12
            $0.rowBudget = 48
            $0.promptRowsBesideDecoding = 16
            $0.draftRows = 64
            $0.stateLimit = 110 * SchedulingTests.pageBytes
        }
        var open: [Int32: (kind: Int, answer: [Int32])] = [:]
        var operations = 0
        var wrong = 0
        var finished = 0
        var cancelled = 0
        while operations < Self.operations || engine.active > 0 {
            let isFilling = operations < Self.operations
            if isFilling, open.count < 40 {
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    let kind = Int.random(in: 0..<kinds.count, using: &random)
                    let slot = try kinds[kind].enqueue(
                        into: engine,
                        priority: Int.random(in: 0...2, using: &random),
                        salt: Bool.random(using: &random) ? "a" : "b"
                    )
                    open[slot] = (kind, [])
                    operations += kinds[kind].isForking ? 4 : 1
                }
            }
            if Int.random(in: 0..<8, using: &random) == 0,
                let victim = open.keys.sorted().randomElement(using: &random)
            {
                if Bool.random(using: &random) {
                    engine.cancel(victim)
                    open[victim] = nil
                    cancelled += 1
                } else {
                    engine.pause(victim, true)
                    engine.pause(victim, false)
                }
                operations += 1
            }
            for event in try engine.step() {
                switch event {
                case .tokens(let slot, let tokens, _):
                    #expect(open[slot] != nil)
                    open[slot]?.answer += tokens
                case .failed(_, let error): Issue.record("\(error)")
                case .finished(let slot, _):
                    operations += 1
                    finished += 1
                    guard let (kind, answer) = open.removeValue(forKey: slot) else { continue }
                    if answer != kinds[kind].expected { wrong += 1 }
                default: break
                }
            }
            #expect(engine.stateBytes <= 110 * SchedulingTests.pageBytes)
        }
        #expect(wrong == 0)
        #expect(finished > Self.operations / 10)
        #expect(engine.statistics.draftedTokens > 0)
        #expect(cancelled > 0 && engine.statistics.preemptions > 0)
        #expect(engine.statistics.cacheHits > engine.statistics.cacheQueries / 4)
        engine.forgetPrompts()
        #expect(engine.stateBytes == 0)
        #expect(open.isEmpty)
    }
}
