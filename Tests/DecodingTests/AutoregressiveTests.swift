import Foundation
import SkeinCore
import SkeinDecoding
import SkeinTensor
import Testing

/// What a toy model answers: logits that are a hash of all tokens up to the row.
struct ToyOutputs: Outputs {
    static let vocabulary = 50
    var wish: Wish
    var rows: Int
    var past: [Int32]

    static func logits(_ tokens: [Int32]) -> [Float] {
        var state: UInt64 = 0x1234_5678
        for token in tokens {
            state = (state ^ UInt64(token)) &* 0x9e37_79b9_7f4a_7c15 ^ state >> 29
        }
        return (0..<vocabulary).map { i in
            let mixed = (state ^ UInt64(i) << 32) &* 0xbf58_476d_1ce4_e5b9
            return Float(mixed >> 40) / Float(1 << 24) * 6
        }
    }

    private func logits(row: Int) -> [Float] {
        Self.logits(past + (wish.inputs.tokens ?? []).prefix(row + 1))
    }

    func isAnswered(_ id: WishID) -> Bool { id == wish.id && rows > 0 }
    func rowsAnswered(_ id: WishID) -> Int { id == wish.id ? rows : 0 }
    func withLogits<R>(
        _ id: WishID,
        row: Int,
        _ body: (borrowing Span<Float>) throws -> R
    ) rethrows -> R {
        try body(logits(row: row).span)
    }
    func best(_ id: WishID, row: Int) -> Int32 {
        let values = logits(row: row)
        return Int32(values.indices.max { (values[$0], -$0) < (values[$1], -$1) } ?? -1)
    }
    func score(_ id: WishID, row: Int, token: Int32, alternatives: Int) -> TokenScore {
        let values = logits(row: row).map(Double.init)
        let total = log(values.reduce(0) { $0 + exp($1) })
        let order = values.indices.sorted { (values[$0], $1) > (values[$1], $0) }
        return TokenScore(
            token: token,
            logProbability: Float(values[Int(token)] - total),
            top: order.prefix(alternatives).map {
                ScoredToken(token: Int32($0), logProbability: Float(values[$0] - total))
            }
        )
    }
    func top(_ id: WishID, row: Int) -> [ScoredToken] { [] }
    func draws(_ id: WishID, row: Int) -> [ScoredToken] { [] }
    func logProbability(_ id: WishID, row: Int) -> Float { .nan }
    func pooled(_ id: WishID) -> [Float] { [] }
}

/// What came out of driving a strategy.
struct Transcript: Equatable {
    var tokens: [Int32] = []
    var positions: [Int] = []
    var reason: FinishReason?
}

@Suite struct AutoregressiveTests {
    static let prompt: [Int32] = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]

    /// Drives a strategy over the toy model; `chunk` rows a round at most, every third round skipped
    /// when `lazy`.
    static func drive<Rule: TokenRule>(
        _ start: Autoregressive<Rule>,
        cached: [Int32] = [],
        chunk: Int = .max,
        lazy: Bool = false
    ) -> Transcript {
        var strategy = start
        var memory = cached
        var transcript = Transcript()
        var round = 0
        while transcript.reason == nil, round < 2000 {
            round += 1
            let wishes = strategy.wish(rowBudget: chunk)
            guard let wish = wishes.first, wishes.count == 1 else { return transcript }
            #expect(wish.positions == wish.positions.indices.map { Int32(memory.count + $0) })
            #expect(wish.reads == .all(.main) && wish.visibility == .causal)
            #expect(wish.wanted.map(\.rows) == [wish.positions.count - 1..<wish.positions.count])
            let rows = lazy && round % 3 == 0 ? 0 : min(chunk, wish.positions.count)
            for effect in strategy.receive(ToyOutputs(wish: wish, rows: rows, past: memory)) {
                switch effect {
                case .commit(let id, let committed, let branch):
                    #expect(id == wish.id && branch == .main)
                    #expect(committed == (0..<Int32(rows)).map { $0 })
                    memory += (wish.inputs.tokens ?? []).prefix(rows)
                case .emit(let tokens, let at, _):
                    transcript.tokens += tokens
                    transcript.positions.append(at)
                case .finish(let reason): transcript.reason = reason
                default: Issue.record("\(effect) is not an effect of plain decoding")
                }
            }
        }
        #expect(strategy.wish(rowBudget: 8).isEmpty)
        return transcript
    }

    static func sampled() -> SamplingParameters {
        var p = SamplingParameters()
        (p.seed, p.maxTokens, p.repetitionPenalty, p.presencePenalty) = (99, 60, 1.1, 0.3)
        return p
    }

    @Test func `greedy is the loop of argmax`() throws {
        var parameters = SamplingParameters.greedy
        parameters.maxTokens = 40
        var tokens = Self.prompt
        for _ in 0..<40 {
            let logits = ToyOutputs.logits(tokens)
            var best = 0
            for i in logits.indices where logits[i] > logits[best] { best = i }
            tokens.append(Int32(best))
        }
        let strategy = try Autoregressive(
            prompt: Self.prompt,
            parameters: parameters,
            contextLimit: 100
        )
        let found = Self.drive(strategy)
        #expect(found.tokens == Array(tokens.dropFirst(Self.prompt.count)))
        #expect(found.positions == Array(Self.prompt.count..<Self.prompt.count + 40))
        #expect(found.reason == .length)
        parameters.logitBias = [0: 0]
        let byLogits = try Autoregressive(
            prompt: Self.prompt,
            parameters: parameters,
            contextLimit: 100
        )
        #expect(Self.drive(byLogits) == found)
    }

    @Test(arguments: [1, 2, 3, 5, 10, 11, 12], [false, true])
    func `tokens do not depend on chunks, delays or what is remembered`(
        _ chunk: Int,
        _ lazy: Bool
    ) throws {
        let strategy = try Autoregressive(
            prompt: Self.prompt,
            parameters: Self.sampled(),
            contextLimit: 100
        )
        let whole = Self.drive(strategy)
        #expect(whole.tokens.count == 60 && Set(whole.tokens).count > 10)
        #expect(Self.drive(strategy, chunk: chunk, lazy: lazy) == whole)
        let start = min(chunk, Self.prompt.count - 1)
        let warm = try Autoregressive(
            prompt: Self.prompt,
            parameters: Self.sampled(),
            contextLimit: 100,
            startingAt: start
        )
        let cached = Array(Self.prompt[..<start])
        #expect(Self.drive(warm, cached: cached, chunk: chunk, lazy: lazy) == whole)
    }

    @Test func `a stop token ends the answer and is not emitted`() throws {
        var parameters = Self.sampled()
        let context = 100
        let whole = Self.drive(
            try Autoregressive(prompt: Self.prompt, parameters: parameters, contextLimit: context)
        )
        let stop = whole.tokens[20]
        let first = try #require(whole.tokens.firstIndex(of: stop))
        parameters.stopTokens = [stop]
        let found = Self.drive(
            try Autoregressive(prompt: Self.prompt, parameters: parameters, contextLimit: context)
        )
        #expect(found.tokens == Array(whole.tokens[..<first]))
        #expect(found.reason == .stop)
    }

    @Test func `prompt and answer fill the context and no more`() throws {
        var parameters = Self.sampled()
        parameters.maxTokens = nil
        let strategy = try Autoregressive(
            prompt: Self.prompt,
            parameters: parameters,
            contextLimit: 15
        )
        let found = Self.drive(strategy)
        #expect(found.positions == [11, 12, 13, 14])
        #expect(found.reason == .length)
    }

    @Test func `no choice is a failure`() throws {
        struct Mute: TokenRule {
            mutating func advance(_ token: Int32) {}
            borrowing func choose(_ logits: borrowing Span<Float>, position: Int32) -> Int32? {
                nil
            }
        }
        let strategy = try Autoregressive(prompt: [1], rule: Mute(), contextLimit: 9)
        #expect(Self.drive(strategy) == Transcript(reason: .failed))
    }

    @Test func `what cannot be decoded is refused`() {
        func code(
            _ prompt: [Int32],
            _ context: Int,
            _ start: Int,
            _ limit: Int?
        ) -> SkeinError.Code? {
            do {
                _ = try Autoregressive(
                    prompt: prompt,
                    rule: SamplingRule(.greedy),
                    maxTokens: limit,
                    contextLimit: context,
                    startingAt: start
                )
                return nil
            } catch { return (error as? SkeinError)?.code }
        }
        #expect(code([], 8, 0, nil) == .invalidArgument)
        #expect(code([1, 2], 2, 0, nil) == .contextOverflow)
        #expect(code([1, 2], 3, 2, nil) == .invalidArgument)
        #expect(code([1, 2], 3, 0, 0) == .invalidArgument)
        #expect(code([1, 2], 3, 1, 5) == nil)
    }
}
