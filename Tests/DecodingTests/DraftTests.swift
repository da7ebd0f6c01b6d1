import Foundation
import SkeinDecoding
import SkeinTensor
import SkeinTestSupport
import Testing

/// Guesses change how many tokens a step gives and nothing else.
@Suite struct DraftTests {
    /// A model that looks back two tokens only, so that its texts repeat.
    struct ShortOutputs: Outputs {
        var base: ToyOutputs

        init(wish: Wish, rows: Int, past: [Int32]) {
            base = ToyOutputs(wish: wish, rows: rows, past: past)
        }

        private func logits(_ row: Int) -> [Float] {
            let tokens = base.past + (base.wish.inputs.tokens ?? []).prefix(row + 1)
            // A small vocabulary, and sharp, so that seeded texts repeat too.
            return ToyOutputs.logits(tokens.suffix(2)).enumerated()
                .map { $0.offset < 12 ? $0.element * 3 : -.infinity }
        }

        func isAnswered(_ id: WishID) -> Bool { base.isAnswered(id) }
        func rowsAnswered(_ id: WishID) -> Int { base.rowsAnswered(id) }
        func withLogits<R>(
            _ id: WishID,
            row: Int,
            _ body: (borrowing Span<Float>) throws -> R
        ) rethrows -> R { try body(logits(row).span) }
        func best(_ id: WishID, row: Int) -> Int32 {
            let values = logits(row)
            return Int32(values.indices.max { (values[$0], -$0) < (values[$1], -$1) } ?? -1)
        }
        func score(_ id: WishID, row: Int, token: Int32, alternatives: Int) -> TokenScore {
            TokenScore(token: token, logProbability: logits(row)[Int(token)])
        }
        func top(_ id: WishID, row: Int) -> [ScoredToken] { [] }
        func draws(_ id: WishID, row: Int) -> [ScoredToken] { [] }
        func logProbability(_ id: WishID, row: Int) -> Float { .nan }
        func pooled(_ id: WishID) -> [Float] { [] }
    }

    struct Record: Equatable {
        var tokens: [Int32] = []
        var scores: [TokenScore] = []
        var reason: FinishReason?
    }

    /// Drives a strategy; each round runs as many leading rows as `rows` says of those wished for.
    static func drive(
        _ parameters: SamplingParameters,
        drafts: Int,
        budget: Int = 32,
        context: Int = 200,
        scored: Bool = true,
        rows: (Int) -> Int = { $0 }
    ) throws -> (record: Record, rounds: Int, drafted: Int, accepted: Int) {
        var strategy = try Autoregressive(
            prompt: AutoregressiveTests.prompt,
            parameters: parameters,
            contextLimit: context,
            answerScores: scored ? 0 : nil,
            draftLimit: drafts
        )
        var (memory, record, rounds, drafted, accepted) = ([Int32](), Record(), 0, 0, 0)
        while record.reason == nil, rounds < 2000 {
            rounds += 1
            let wish = try #require(strategy.wish(rowBudget: budget).first)
            let tokens = wish.inputs.tokens ?? []
            #expect(wish.positions == tokens.indices.map { Int32(memory.count + $0) })
            #expect(memory.isEmpty || (tokens.count <= min(drafts, budget - 1) + 1))
            #expect(wish.isTrimmable == (!memory.isEmpty && tokens.count > 1))
            #expect(memory.count + tokens.count < context)
            let answered = max(min(rows(tokens.count), tokens.count), 1)
            let before = memory.count
            for effect in strategy.receive(
                ShortOutputs(wish: wish, rows: answered, past: memory)
            ) {
                switch effect {
                case .commit(_, let committed, _):
                    #expect(committed == (0..<Int32(committed.count)).map { $0 })
                    #expect(committed.count <= answered)
                    memory += tokens.prefix(committed.count)
                case .emit(let emitted, let at, _):
                    #expect(at == AutoregressiveTests.prompt.count + record.tokens.count)
                    record.tokens += emitted
                case .score(let scores, .answer): record.scores += scores
                case .trace(let trace):
                    drafted += trace.drafted
                    accepted += trace.accepted
                    #expect(trace.rejected.count == trace.drafted - trace.accepted)
                    #expect(memory.count == before + 1 + trace.accepted)
                case .finish(let reason): record.reason = reason
                default: Issue.record("\(effect) is not an effect of decoding")
                }
            }
        }
        return (record, rounds, drafted, accepted)
    }

    static let cases: [SamplingParameters] = {
        var greedy = SamplingParameters.greedy
        greedy.maxTokens = 120
        var seeded = SamplingParameters()
        (seeded.seed, seeded.maxTokens) = (7, 120)
        var penalised = SamplingParameters()
        (penalised.seed, penalised.maxTokens) = (8, 120)
        (penalised.presencePenalty, penalised.repetitionWindow) = (0.2, 16)
        var barred = greedy
        (barred.minTokens, barred.stopTokens) = (30, Set(0..<6))
        var filling = greedy
        filling.maxTokens = nil
        var stopping = seeded
        stopping.stopTokens = [3]
        return [greedy, seeded, penalised, barred, filling, stopping]
    }()

    @Test(arguments: cases.indices, [1, 3, 8, 64])
    func `the answer and its scores are those without guesses`(_ number: Int, _ drafts: Int) throws
    {
        let parameters = Self.cases[number]
        let plain = try Self.drive(parameters, drafts: 0)
        #expect(plain.drafted == 0)
        for (budget, trimmed) in [(32, false), (32, true), (2, false), (1, false)] {
            var random = SplitMix64(seed: UInt64(budget))
            let found = try Self.drive(parameters, drafts: drafts, budget: budget) { count in
                trimmed ? Int.random(in: 1...count, using: &random) : count
            }
            #expect(found.record == plain.record)
            #expect(found.rounds <= plain.rounds)
            if budget == 1 { #expect(found.drafted == 0) }
            if number == 0, budget == 32, !trimmed {
                #expect(found.accepted > 20 && found.rounds < plain.rounds * 3 / 4)
            }
        }
        let unscored = try Self.drive(parameters, drafts: drafts, scored: false)
        #expect(unscored.record.tokens == plain.record.tokens)
    }

    @Test func `an end token is scored and not emitted`() throws {
        let plain = try Self.drive(Self.cases[5], drafts: 0)
        #expect(plain.record.reason == .stop)
        #expect(plain.record.scores.count == plain.record.tokens.count + 1)
        #expect(plain.record.scores.last?.token == 3)
    }
}
