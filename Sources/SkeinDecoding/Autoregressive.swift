public import SkeinTensor
import SkeinCore

/// Plain decoding: the prompt, then one row a token, each chosen from the row before.
///
/// The first wish is everything of the prompt that is not remembered yet. Where the engine runs only
/// its leading rows, they are committed and the rest is wished for anew, so the tokens do not depend on
/// how the prompt was cut. A wish that was not answered is repeated under its own id.
///
/// A stop token ends the answer and is not emitted; so does a rule that is finished. `emit` names a token's absolute position. Prompt
/// and answer together never exceed the context; the last token is emitted without being run.
public struct Autoregressive<Rule: TokenRule>: DecodingStrategy {
    /// Nothing: appending is what every state can do.
    public static var requires: [Role: Requirements] { [.target: []] }

    private var rule: Rule
    private let stopTokens: Set<Int32>
    /// Rows to be run next.
    private var pending: [Int32]
    /// How many rows the main branch holds: the position of the first pending row.
    private var committed: Int
    /// How many more tokens may come.
    private var remaining: Int
    private var id = WishID(id: 0)
    private var asksBest: Bool
    private var isFinished = false
    private let answerScores: Int?
    /// How many alternatives each prompt token's score has, until all are given.
    private var promptScores: Int?

    /// Creates the strategy of a request.
    ///
    /// - Parameters:
    ///   - prompt: At least one token.
    ///   - rule: Chooses tokens; its path already holds the prompt.
    ///   - stopTokens: Tokens that end the answer.
    ///   - maxTokens: The most tokens to emit; `nil` fills the context.
    ///   - contextLimit: How many tokens prompt and answer may have together.
    ///   - start: How many rows of the prompt the main branch holds already; the prompt's last row is
    ///     run again in any case, so it must be smaller than the prompt.
    ///   - answerScores: With how many alternatives to score answer tokens; `nil` scores none.
    ///   - promptScores: The same for tokens of the prompt that are run.
    /// - Throws: `SkeinError` with code `.invalidArgument` or `.contextOverflow`.
    public init(
        prompt: [Int32],
        rule: Rule,
        stopTokens: Set<Int32> = [],
        maxTokens: Int? = nil,
        contextLimit: Int,
        startingAt start: Int = 0,
        answerScores: Int? = nil,
        promptScores: Int? = nil
    ) throws {
        guard !prompt.isEmpty else {
            throw SkeinError(
                .invalidArgument,
                "the prompt has 0 tokens, expected at least 1",
                hint: "begin with the model's beginning-of-sequence token"
            )
        }
        guard prompt.count < contextLimit else {
            throw SkeinError(
                .contextOverflow,
                "the prompt has \(prompt.count) tokens, the context holds \(contextLimit) with the answer",
                hint: "shorten the prompt or raise the context size"
            )
        }
        if let maxTokens, maxTokens < 1 {
            throw SkeinError(.invalidArgument, "max_tokens is \(maxTokens), expected at least 1")
        }
        guard (0..<prompt.count).contains(start) else {
            throw SkeinError(
                .invalidArgument,
                "\(start) rows are remembered, expected 0 ..< \(prompt.count), the prompt's length"
            )
        }
        self.rule = rule
        self.stopTokens = stopTokens
        pending = Array(prompt[start...])
        committed = start
        remaining = min(maxTokens ?? .max, contextLimit - prompt.count)
        asksBest = rule.takesBest
        self.answerScores = answerScores
        self.promptScores = promptScores
    }

    /// All rows that are not committed yet; nothing once finished.
    ///
    /// The budget is not looked at: causal rows are divisible, so the engine runs as many as fit.
    public mutating func wish(rowBudget: Int) -> [Wish] {
        guard !isFinished else { return [] }
        let last = pending.count - 1
        let positions = pending.indices.map { Int32(truncatingIfNeeded: committed + $0) }
        return [
            Wish(
                id: id,
                inputs: .tokens(pending),
                positions: positions,
                reads: .all(.main),
                wanted: wanted(last)
            )
        ]
    }

    private func wanted(_ last: Int) -> [Wish.Want] {
        let end = Wish.Want(rows: last..<last + 1, what: asksBest ? .best : .logits)
        guard promptScores != nil, last > 0 else { return [end] }
        return [Wish.Want(rows: 0..<last, what: .logits), end]
    }

    /// Commits the rows that ran and, after the last one, emits the token chosen.
    public mutating func receive<O: Outputs & ~Copyable>(_ outputs: borrowing O) -> [Effect] {
        guard !isFinished, outputs.isAnswered(id) else { return [] }
        let answered = min(outputs.rowsAnswered(id), pending.count)
        guard answered > 0 else { return [] }
        let rows = (0..<answered).map { Int32(truncatingIfNeeded: $0) }
        var effects = [Effect.commit(id, rows: rows, to: .main)]
        let isComplete = answered == pending.count
        if let promptScores {
            let scored = (0..<min(answered, pending.count - 1)).map { row in
                outputs.score(id, row: row, token: pending[row + 1], alternatives: promptScores)
            }
            let head = committed == 0 ? [TokenScore(token: pending[0], logProbability: nil)] : []
            effects.append(.score(head + scored, of: .prompt))
        }
        let chosen = isComplete ? choose(outputs, row: answered - 1) : nil
        let score = chosen.flatMap { token in
            answerScores.map {
                outputs.score(id, row: answered - 1, token: token, alternatives: $0)
            }
        }
        committed += answered
        id = WishID(id: id.id &+ 1)
        guard isComplete else {
            pending.removeFirst(answered)
            return effects
        }
        guard let token = chosen else { return effects + [finish(.failed)] }
        promptScores = nil
        if stopTokens.contains(token) { return effects + [finish(.stop)] }
        if let score { effects.append(.score([score], of: .answer)) }
        effects.append(.emit([token], at: committed, on: .main))
        remaining -= 1
        rule.advance(token)
        if rule.isFinished { return effects + [finish(.stop)] }
        if remaining == 0 { return effects + [finish(.length)] }
        asksBest = rule.takesBest
        pending = [token]
        return effects
    }

    private func choose<O: Outputs & ~Copyable>(_ outputs: borrowing O, row: Int) -> Int32? {
        guard asksBest else {
            let position = Int32(truncatingIfNeeded: committed + row + 1)
            return outputs.withLogits(id, row: row) { rule.choose($0, position: position) }
        }
        let best = outputs.best(id, row: row)
        return best < 0 ? nil : best
    }

    private mutating func finish(_ reason: FinishReason) -> Effect {
        isFinished = true
        return .finish(reason)
    }
}

extension Autoregressive where Rule == SamplingRule {
    /// Creates the strategy of a request from its parameters, once they are known to be valid.
    ///
    /// - Parameters:
    ///   - prompt: At least one token.
    ///   - parameters: Also say which tokens stop and how many may come.
    ///   - grammar: What the answer must be.
    ///   - contextLimit: How many tokens prompt and answer may have together.
    ///   - start: How many rows of the prompt the main branch holds already.
    ///   - answerScores: With how many alternatives to score answer tokens; `nil` scores none.
    ///   - promptScores: The same for tokens of the prompt that are run.
    /// - Throws: `SkeinError` with code `.invalidArgument` or `.contextOverflow`.
    public init(
        prompt: [Int32],
        parameters: SamplingParameters,
        grammar: CompiledGrammar? = nil,
        contextLimit: Int,
        startingAt start: Int = 0,
        answerScores: Int? = nil,
        promptScores: Int? = nil
    ) throws {
        try self.init(
            prompt: prompt,
            rule: SamplingRule(parameters.validated(), prompt: prompt, grammar: grammar),
            stopTokens: parameters.stopTokens,
            maxTokens: parameters.maxTokens,
            contextLimit: contextLimit,
            startingAt: start,
            answerScores: answerScores,
            promptScores: promptScores
        )
    }
}
