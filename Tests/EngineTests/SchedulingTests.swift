import SkeinCore
import SkeinDecoding
import SkeinEngine
import SkeinTensor
import SkeinTestSupport
import Testing

/// Who runs when, what is remembered, and what happens when memory runs out.
@Suite struct SchedulingTests {
    static let pageBytes = 4 * 2 * 4  // four tokens, a key and a value of four bytes

    static func engine(_ change: (inout EngineOptions) -> Void = { _ in }) throws -> Engine {
        var options = EngineOptions()
        change(&options)
        return Engine(model: ToyModel(), processor: try Processor(threads: 2), options: options)
    }

    static func request(
        _ prompt: [Int32],
        tokens: Int = 6,
        priority: Int = 0,
        salt: String = ""
    ) -> EngineRequest {
        var parameters = SamplingParameters.greedy
        parameters.maxTokens = tokens
        var request = EngineRequest(prompt: prompt) { [parameters] remembered in
            try Autoregressive(
                prompt: prompt,
                parameters: parameters,
                contextLimit: 4096,
                startingAt: remembered
            )
        }
        request.priority = priority
        request.salt = salt
        return request
    }

    static func prompt(_ seed: UInt64, _ count: Int) -> [Int32] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { _ in Int32.random(in: 0..<32, using: &random) }
    }

    /// Runs until nothing is left.
    @discardableResult
    static func drain(_ engine: Engine, steps limit: Int = 10_000) throws -> [EngineEvent] {
        var events: [EngineEvent] = []
        var steps = 0
        while engine.active > 0, steps < limit {
            events += try engine.step()
            steps += 1
        }
        #expect(engine.active == 0)
        return events
    }

    static func tokens(_ events: [EngineEvent], of slot: Int32) -> [Int32] {
        events.flatMap { event -> [Int32] in
            guard case .tokens(slot, let tokens, _) = event else { return [] }
            return tokens
        }
    }

    static func alone(_ request: EngineRequest) throws -> [Int32] {
        let engine = try engine()
        let slot = try engine.enqueue(request)
        return tokens(try drain(engine), of: slot)
    }

    @Test func `a remembered prompt is not run again and changes nothing`() throws {
        let engine = try Self.engine()
        let shared = Self.prompt(1, 100)
        let first = Self.request(shared + [1, 2, 3])
        let second = Self.request(shared + [4, 5])
        _ = try engine.enqueue(first)
        try Self.drain(engine)
        let rows = engine.statistics.rows
        let slot = try engine.enqueue(second)
        let events = try Self.drain(engine)
        #expect(Self.tokens(events, of: slot) == (try Self.alone(second)))
        guard case .started(_, let cached) = events.first else {
            Issue.record("\(String(describing: events.first)) is not the start")
            return
        }
        #expect(cached == 100)
        #expect(engine.statistics.rows - rows == 2 + 5)
        #expect(engine.statistics.cacheHits == 100)
    }

    @Test func `an answer is remembered for the next turn`() throws {
        let engine = try Self.engine()
        let prompt = Self.prompt(2, 50)
        let slot = try engine.enqueue(Self.request(prompt, tokens: 20))
        let answer = Self.tokens(try Self.drain(engine), of: slot)
        let next = Self.request(prompt + answer + [7, 8, 9])
        let second = try engine.enqueue(next)
        let events = try Self.drain(engine)
        #expect(Self.tokens(events, of: second) == (try Self.alone(next)))
        // The last token of an answer is emitted without being run.
        #expect(engine.statistics.cacheHits == 50 + 19)
    }

    @Test func `another salt finds nothing`() throws {
        let engine = try Self.engine()
        let prompt = Self.prompt(3, 64)
        for salt in ["a", "b", "a"] {
            _ = try engine.enqueue(Self.request(prompt, salt: salt))
            try Self.drain(engine)
        }
        #expect(engine.statistics.cacheHits == 63)
    }

    @Test func `requests that arrive together share a prompt that is run once`() throws {
        let engine = try Self.engine { $0.rowBudget = 64 }
        let shared = Self.prompt(4, 300)
        let requests = (0..<8).map { Self.request(shared + [Int32($0), 1]) }
        let slots = try requests.map { try engine.enqueue($0) }
        let events = try Self.drain(engine)
        for (slot, request) in zip(slots, requests) {
            #expect(Self.tokens(events, of: slot) == (try Self.alone(request)))
        }
        // The shared part once, two rows each, then answers; a little for cuts at page ends.
        #expect(engine.statistics.rows < 300 + 8 * 40)
    }

    @Test func `memory that runs out makes requests wait and never fail`() throws {
        let requests = (0..<12).map { Self.request(Self.prompt(UInt64($0), 20), tokens: 60) }
        let expected = try requests.map(Self.alone)
        for pages in [21, 30, 64] {
            let engine = try Self.engine { $0.stateLimit = pages * Self.pageBytes }
            let slots = try requests.map { try engine.enqueue($0) }
            var events: [EngineEvent] = []
            while engine.active > 0 {
                events += try engine.step()
                #expect(engine.stateBytes <= pages * Self.pageBytes)
            }
            #expect(slots.map { Self.tokens(events, of: $0) } == expected)
            if pages == 64 { #expect(engine.statistics.preemptions > 0) }
        }
    }

    @Test func `what can never fit is refused`() throws {
        let engine = try Self.engine { $0.stateLimit = 4 * Self.pageBytes }
        #expect { try engine.enqueue(Self.request(Self.prompt(1, 30))) } throws: { error in
            (error as? SkeinError)?.code == .contextOverflow
        }
        // One that outgrows the memory alone ends with an error and takes nothing with it.
        let slot = try engine.enqueue(Self.request([1, 2], tokens: 100))
        let events = try Self.drain(engine)
        #expect(Self.tokens(events, of: slot).count == 15)
        #expect(engine.statistics.finished[.failed] == 1)
    }

    @Test func `higher priority goes first and nobody waits for ever`() throws {
        let engine = try Self.engine {
            $0.slotLimit = 1
            $0.overtakeLimit = 5
        }
        let low = try engine.enqueue(Self.request([1], tokens: 2, priority: 9))
        var order: [Int32] = []
        var submitted = 0
        while engine.active > 0, order.count < 40 {
            if submitted < 30 {
                _ = try engine.enqueue(Self.request([2], tokens: 2, priority: 1))
                submitted += 1
            }
            for event in try engine.step() {
                if case .started(let slot, _) = event { order.append(slot) }
            }
        }
        #expect(order.firstIndex(of: low) == 5)
    }

    @Test func `a prompt does not stop those who decode`() throws {
        let engine = try Self.engine {
            $0.rowBudget = 64
            $0.promptRowsBesideDecoding = 16
        }
        let decoder = try engine.enqueue(Self.request([3], tokens: 200))
        _ = try engine.step()
        _ = try engine.enqueue(Self.request(Self.prompt(5, 500)))
        for _ in 0..<20 {
            let events = try engine.step()
            #expect(Self.tokens(events, of: decoder).count == 1)
            #expect(engine.lastStep?.promptRows ?? 0 <= 16)
            #expect(engine.lastStep?.decodeRows == 1)
        }
    }

    @Test func `a paused request holds still and goes on where it was`() throws {
        let engine = try Self.engine()
        let request = Self.request([1, 2, 3], tokens: 10)
        let slot = try engine.enqueue(request)
        var events = try engine.step()
        engine.pause(slot, true)
        #expect(!engine.hasWork)
        #expect(try engine.step().isEmpty)
        engine.pause(slot, false)
        events += try Self.drain(engine)
        #expect(Self.tokens(events, of: slot) == (try Self.alone(request)))
    }

    @Test func `scores are those of the distribution before sampling`() throws {
        let engine = try Self.engine()
        let prompt: [Int32] = [5, 6, 7, 8]
        let request = EngineRequest(prompt: prompt) { _ in
            var parameters = SamplingParameters.greedy
            parameters.maxTokens = 3
            return try Autoregressive(
                prompt: prompt,
                parameters: parameters,
                contextLimit: 64,
                answerScores: 4,
                promptScores: 0
            )
        }
        _ = try engine.enqueue(request)
        var answer: [TokenScore] = []
        var head: [TokenScore] = []
        for event in try Self.drain(engine) {
            switch event {
            case .scores(_, let scores, .answer): answer += scores
            case .scores(_, let scores, .prompt): head += scores
            default: break
            }
        }
        #expect(head.map(\.token) == prompt)
        #expect(head.map { $0.logProbability == nil } == [true, false, false, false])
        #expect(answer.count == 3)
        for score in answer {
            #expect(score.top.count == 4)
            #expect(score.top[0].token == score.token)
            #expect(score.top[0].logProbability == score.logProbability)
            #expect(
                score.top.map(\.logProbability) == score.top.map(\.logProbability).sorted(by: >)
            )
        }
    }
}
