import Foundation
import SkeinCore
import SkeinDecoding
import SkeinEngine
import SkeinModels
import SkeinNN
import SkeinTensor
import SkeinTestSupport
import Testing

/// Recurrent states in the engine: what is kept, shared and given back.
@Suite struct RecurrentStateTests {
    static func engine(_ change: (inout EngineOptions) -> Void = { _ in }) throws -> Engine {
        let processor = try Processor(threads: 2)
        let model = try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(Files.golden("models/mamba").path),
            processor: processor
        )
        var options = EngineOptions()
        change(&options)
        return Engine(model: model, processor: processor, options: options)
    }

    static func request(_ prompt: [Int32], tokens: Int = 12, seed: UInt64 = 1) -> EngineRequest {
        EngineRequest(prompt: prompt) { remembered in
            var parameters = SamplingParameters()
            parameters.seed = seed
            parameters.maxTokens = tokens
            return try Autoregressive(
                prompt: prompt,
                parameters: parameters,
                contextLimit: 1 << 20,
                startingAt: remembered
            )
        }
    }

    static func alone(_ request: EngineRequest) throws -> [Int32] {
        let engine = try engine { $0.remembersPrompts = false }
        let slot = try engine.enqueue(request)
        return SchedulingTests.tokens(try SchedulingTests.drain(engine), of: slot)
    }

    @Test func `requests together get what each gets alone, with any row budget`() throws {
        var random = SplitMix64(seed: 3)
        let requests = (0..<24).map { number in
            let length = Int.random(in: 1...90, using: &random)
            return Self.request(
                SchedulingTests.prompt(UInt64(number), length),
                tokens: Int.random(in: 1...20, using: &random),
                seed: UInt64(number)
            )
        }
        let expected = try requests.map { try Self.alone($0) }
        for budget in [7, 48, 512] {
            let engine = try Self.engine {
                $0.rowBudget = budget
                $0.slotLimit = 9
            }
            let slots = try requests.map { try engine.enqueue($0) }
            let events = try SchedulingTests.drain(engine)
            for (slot, answer) in zip(slots, expected) {
                #expect(SchedulingTests.tokens(events, of: slot) == answer)
            }
            engine.forgetPrompts()
            #expect(engine.stateBytes == 0)
        }
    }

    @Test func `a remembered prompt is found at a page's end and changes nothing`() throws {
        let shared = SchedulingTests.prompt(1, 700)
        let engine = try Self.engine { $0.rowBudget = 300 }
        _ = try engine.enqueue(Self.request(shared + [1, 2, 3]))
        try SchedulingTests.drain(engine)
        let second = Self.request(shared + [4, 5], seed: 9)
        let slot = try engine.enqueue(second)
        let events = try SchedulingTests.drain(engine)
        #expect(SchedulingTests.tokens(events, of: slot) == (try Self.alone(second)))
        guard case .started(_, let cached) = events.first else {
            Issue.record("\(String(describing: events.first)) is not the start")
            return
        }
        #expect(cached == 512)
    }

    @Test func `an answer goes on where it ended`() throws {
        let engine = try Self.engine()
        let prompt = SchedulingTests.prompt(2, 50)
        let slot = try engine.enqueue(Self.request(prompt, tokens: 20))
        let answer = SchedulingTests.tokens(try SchedulingTests.drain(engine), of: slot)
        let next = Self.request(prompt + answer + [7, 8, 9])
        let second = try engine.enqueue(next)
        let events = try SchedulingTests.drain(engine)
        #expect(SchedulingTests.tokens(events, of: second) == (try Self.alone(next)))
        #expect(engine.statistics.cacheHits == 50 + 19)
    }

    @Test func `a request that gave way gets the same answer`() throws {
        let requests = (0..<6).map {
            Self.request(SchedulingTests.prompt($0, 40), tokens: 30, seed: $0)
        }
        let expected = try requests.map { try Self.alone($0) }
        let block = try Self.engine().stateBytesOf(1)
        let engine = try Self.engine { $0.stateLimit = 5 * block }
        let slots = try requests.map { try engine.enqueue($0) }
        let events = try SchedulingTests.drain(engine)
        for (slot, answer) in zip(slots, expected) {
            #expect(SchedulingTests.tokens(events, of: slot) == answer)
        }
    }

    @Test func `no token is refused, and prompts shorter than the convolution run`() throws {
        #expect(throws: SkeinError.self) {
            let engine = try Self.engine()
            _ = try engine.enqueue(Self.request([]))
            try SchedulingTests.drain(engine)
        }
        for length in 1...4 {
            let prompt = SchedulingTests.prompt(7, length)
            let whole = Self.request(prompt + [1, 2, 3])
            let expected = try Self.alone(whole)
            #expect(!expected.isEmpty)
            // The same rows, after a prompt that ended within the convolution's taps.
            let engine = try Self.engine { $0.rowBudget = 1 }
            let slot = try engine.enqueue(whole)
            let events = try SchedulingTests.drain(engine)
            #expect(SchedulingTests.tokens(events, of: slot) == expected)
        }
    }

    @Test func `memory does not grow with length`() throws {
        let engine = try Self.engine { $0.remembersPrompts = false }
        let slot = try engine.enqueue(Self.request(SchedulingTests.prompt(5, 20_000), tokens: 3))
        var most = 0
        while engine.active > 0 {
            _ = try engine.step()
            most = max(most, engine.stateBytes)
        }
        _ = slot
        let block = try Self.engine().stateBytesOf(1)
        #expect(most <= (RecurrentPool.snapshotLimit + 4) * block, "\(most / block) blocks")
        #expect(engine.stateBytes == 0)
    }

    @Test func `a prompt's state goes to disk and back`() throws {
        let prompt = SchedulingTests.prompt(9, 100)
        let first = try Self.engine()
        let slot = try first.enqueue(Self.request(prompt))
        let expected = SchedulingTests.tokens(try SchedulingTests.drain(first), of: slot)
        try SavedPromptTests.withFile { path in
            #expect(try first.savePrompt(prompt, to: path) == 100)
            let second = try Self.engine()
            #expect(try second.restorePrompt(from: path) == prompt)
            let longer = Self.request(prompt + [3])
            let slot = try second.enqueue(longer)
            let events = try SchedulingTests.drain(second)
            #expect(SchedulingTests.tokens(events, of: slot) == (try Self.alone(longer)))
            #expect(second.statistics.cacheHits == 100)
            let other = try SavedPromptTests.engine("llama3")
            #expect(throws: SkeinError.self) { try other.restorePrompt(from: path) }
        }
        #expect(!expected.isEmpty)
    }

    // MARK: - The pool alone

    private static func stage(
        _ pool: RecurrentPool,
        _ rows: Int,
        on branch: Branch = .main
    ) throws -> [Int32] {
        let count = pool.count(BranchKey(0, branch))
        let batch = RowBatch(
            inputs: .tokens((0..<rows).map { Int32($0) }),
            positions: (count..<count + rows).map { Int32($0) },
            segments: [
                Segment(rows: 0..<rows, slot: 0, reads: .all(branch), visibility: .causal)
            ],
            headRows: []
        )
        try pool.stage(batch)
        // A state that says how many rows it has seen.
        for piece in pool.segments[0] {
            let value = Float(count + piece.rows.upperBound)
            let bytes = withUnsafeBytes(of: value) { Array($0) }
            piece.next.copy(bytes[...], to: 0)
        }
        return (0..<Int32(rows)).map { $0 }
    }

    private static func seen(_ pool: RecurrentPool, _ branch: Branch) -> Float? {
        guard let part = pool.image(of: BranchKey(0, branch)).parts.first else { return nil }
        return part.bytes.withUnsafeBytes { $0.loadUnaligned(as: Float.self) }
    }

    @Test func `branches fork, go back to what was kept, and give their memory back`() throws {
        let pool = RecurrentPool(.init(layers: 1, convolution: 3, scan: 16, pageTokens: 10))
        let main = BranchKey(0, .main)
        try pool.commit(rows: Self.stage(pool, 25), ofSegment: 0, to: main)
        pool.unstage()
        #expect(pool.count(main) == 25 && Self.seen(pool, .main) == 25)
        #expect(pool.cut(main, atMost: 24) == 20 && pool.cut(main, atMost: 9) == 0)
        let other = Branch(id: 1)
        try pool.fork(main, at: 25, into: [other])
        try pool.commit(rows: Self.stage(pool, 3), ofSegment: 0, to: main)
        pool.unstage()
        #expect(Self.seen(pool, .main) == 28 && Self.seen(pool, other) == 25)
        pool.snapshot(main)
        try pool.commit(rows: Self.stage(pool, 1), ofSegment: 0, to: main)
        pool.unstage()
        try pool.truncate(main, to: 28)
        #expect(Self.seen(pool, .main) == 28)
        try pool.truncate(main, to: 20)
        #expect(Self.seen(pool, .main) == 20)
        #expect(throws: SkeinError.self) { try pool.truncate(main, to: 13) }
        #expect(pool.count(main) == 20)
        #expect(throws: SkeinError.self) {
            try pool.fork(BranchKey(0, other), at: 7, into: [.main])
        }
        pool.drop(main)
        pool.drop(BranchKey(0, other))
        #expect(pool.residentBytes == 0)
    }

    @Test func `rows that a recurrence cannot take are refused`() throws {
        let pool = RecurrentPool(.init(layers: 1, convolution: 3, scan: 16, pageTokens: 10))
        func batch(_ reads: Reads, _ visibility: Visibility) -> RowBatch {
            RowBatch(
                inputs: .tokens([1, 2]),
                positions: [0, 1],
                segments: [Segment(rows: 0..<2, slot: 0, reads: reads, visibility: visibility)],
                headRows: []
            )
        }
        #expect(throws: SkeinError.self) { try pool.stage(batch(.nothing, .bidirectional)) }
        #expect(throws: SkeinError.self) { try pool.stage(batch(.slices([]), .causal)) }
        #expect(throws: SkeinError.self) { try pool.stage(batch(.nothing, .parents([-1, 0]))) }
        let main = BranchKey(0, .main)
        let rows = try Self.stage(pool, 8)
        #expect(throws: SkeinError.self) { try pool.commit(rows: [0, 1], ofSegment: 0, to: main) }
        try pool.commit(rows: rows, ofSegment: 0, to: main)
        pool.unstage()
        #expect(throws: SkeinError.self) { try pool.commit(rows: rows, ofSegment: 0, to: main) }
        // A part of a branch without its beginning cannot be continued.
        try pool.join([StateSlice(main, 3..<8)], into: BranchKey(0, Branch(id: 2)))
        #expect(throws: SkeinError.self) { _ = try Self.stage(pool, 1, on: Branch(id: 2)) }
    }
}

extension Engine {
    /// Bytes of state that so many fresh requests hold at once.
    fileprivate func stateBytesOf(_ count: Int) throws -> Int {
        for number in 0..<count { _ = try enqueue(RecurrentStateTests.request([Int32(number)])) }
        _ = try step()
        return stateBytes
    }
}
