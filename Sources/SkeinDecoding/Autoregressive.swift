public import SkeinTensor
import SkeinCore

/// Decoding from left to right: the prompt, then a row a token, each chosen from the row before.
///
/// With a lookup, guesses at the next tokens run beside the row of the last one. A guess stands when it
/// equals the token chosen before it, so guesses change neither greedy nor seeded answers, only how many
/// tokens a step gives. Guesses are trimmable rows, and none are made where the row budget is one.
///
/// The first wish is everything of the prompt that is not remembered yet. Where the engine runs only
/// its leading rows, they are committed and the rest is wished for anew, so the tokens do not depend on
/// how the prompt was cut. A wish that was not answered is repeated under its own id.
///
/// A stop token ends the answer and is not emitted, though it is scored where answers are; a rule that is
/// finished ends it too. `emit` names a token's absolute position. Prompt and answer together never exceed
/// the context; the last token is emitted without being run.
public struct Autoregressive<Rule: TokenRule>: DecodingStrategy {
    /// Nothing: appending is what every state can do.
    ///
    /// Guesses need a state that can truncate.
    public static var requires: [Role: Requirements] { [.target: []] }

    private var rule: Rule
    private let stopTokens: Set<Int32>
    /// Final tokens whose rows are to be run next.
    private var pending: [Int32]
    /// Guesses at the tokens after them; the first `draftCount` run.
    private var guesses: [Int32] = []
    private var draftCount = 0
    private var lookup: PromptLookup?
    private let draftLimit: Int
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
    ///   - draftLimit: The most guesses a step; 0 is plain decoding.
    /// - Throws: `SkeinError` with code `.invalidArgument` or `.contextOverflow`.
    public init(
        prompt: [Int32],
        rule: Rule,
        stopTokens: Set<Int32> = [],
        maxTokens: Int? = nil,
        contextLimit: Int,
        startingAt start: Int = 0,
        answerScores: Int? = nil,
        promptScores: Int? = nil,
        draftLimit: Int = 0
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
        self.draftLimit = draftLimit
        lookup = draftLimit > 0 ? PromptLookup(prompt) : nil
    }

    /// All rows that are not committed yet, and guesses where they leave room; nothing once finished.
    ///
    /// Only guesses look at the budget: causal rows are divisible, so the engine runs as many as fit.
    public mutating func wish(rowBudget: Int) -> [Wish] {
        guard !isFinished else { return [] }
        draft(rowBudget: rowBudget)
        let tokens = draftCount > 0 ? pending + guesses.prefix(draftCount) : pending
        let positions = tokens.indices.map { Int32(truncatingIfNeeded: committed + $0) }
        return [
            Wish(
                id: id,
                inputs: .tokens(tokens),
                positions: positions,
                reads: .all(.main),
                wanted: wanted(pending.count - 1),
                isTrimmable: draftCount > 0
            )
        ]
    }

    /// Guesses what follows the one row that is left to run; the last token is never run.
    private mutating func draft(rowBudget: Int) {
        (guesses, draftCount) = ([], 0)
        guard let lookup, pending.count == 1, remaining > 1 else { return }
        draftCount = max(min(lookup.reach, draftLimit, rowBudget - 1, remaining - 1), 0)
        // One at least, to be judged.
        guesses = lookup.guess(max(draftCount, 1))
        draftCount = min(draftCount, guesses.count)
    }

    private func wanted(_ last: Int) -> [Wish.Want] {
        let end = Wish.Want(rows: last..<last + 1 + draftCount, what: asksBest ? .best : .logits)
        guard promptScores != nil, last > 0 else { return [end] }
        return [Wish.Want(rows: 0..<last, what: .logits), end]
    }

    /// Commits the rows that stand and, once the last final one ran, emits what was chosen.
    public mutating func receive<O: Outputs & ~Copyable>(_ outputs: borrowing O) -> [Effect] {
        guard !isFinished, outputs.isAnswered(id) else { return [] }
        let ran = min(outputs.rowsAnswered(id), pending.count + draftCount)
        guard ran > 0 else { return [] }
        let answered = min(ran, pending.count)
        var effects: [Effect] = []
        if let promptScores { effects.append(promptScore(outputs, answered, promptScores)) }
        guard answered == pending.count else {
            effects.insert(commit(answered), at: 0)
            pending.removeFirst(answered)
            return effects
        }
        promptScores = nil
        var path = Path()
        var row = answered - 1
        while true {
            extend(&path, outputs, row: row)
            let place = row + 1 - answered
            let isRight = place < guesses.count && guesses[place] == path.tokens.last
            guard path.reason == nil, isRight, row + 1 < ran, asksBest == rule.takesBest else {
                break
            }
            row += 1
        }
        let position = committed + answered
        // A stop token is chosen after the last row that stands; it is no row itself.
        effects.insert(commit(row + 1), at: 0)
        if !path.scores.isEmpty { effects.append(.score(path.scores, of: .answer)) }
        if ran > answered {
            let accepted = row + 1 - answered
            let trace = Trace(
                drafted: ran - answered,
                accepted: accepted,
                forwards: 1,
                rejected: Array(guesses[accepted..<ran - answered])
            )
            effects.append(.trace(trace))
        }
        if !path.tokens.isEmpty { effects.append(.emit(path.tokens, at: position, on: .main)) }
        if let reason = path.reason { return effects + [finish(reason)] }
        asksBest = rule.takesBest
        pending = path.tokens.suffix(1)
        return effects
    }

    /// The tokens that a step's rows lead to.
    private struct Path {
        var tokens: [Int32] = []
        var scores: [TokenScore] = []
        var reason: FinishReason?
    }

    /// Chooses the token after a row.
    private mutating func extend<O: Outputs & ~Copyable>(
        _ path: inout Path,
        _ outputs: borrowing O,
        row: Int
    ) {
        guard let token = choose(outputs, row: row) else {
            path.reason = .failed
            return
        }
        if let answerScores {
            path.scores.append(
                outputs.score(id, row: row, token: token, alternatives: answerScores)
            )
        }
        if path.tokens.count < guesses.count { lookup?.judge(guesses[path.tokens.count] == token) }
        guard !stopTokens.contains(token) else {
            path.reason = .stop
            return
        }
        path.tokens.append(token)
        remaining -= 1
        rule.advance(token)
        lookup?.advance(token)
        path.reason = rule.isFinished ? .stop : remaining == 0 ? .length : nil
    }

    /// Makes the leading rows of the wish part of the main branch.
    private mutating func commit(_ count: Int) -> Effect {
        let rows = (0..<count).map { Int32(truncatingIfNeeded: $0) }
        defer { id = WishID(id: id.id &+ 1) }
        committed += count
        return .commit(id, rows: rows, to: .main)
    }

    private func promptScore<O: Outputs & ~Copyable>(
        _ outputs: borrowing O,
        _ answered: Int,
        _ alternatives: Int
    ) -> Effect {
        let head = committed == 0 ? [TokenScore(token: pending[0], logProbability: nil)] : []
        let scored = (0..<min(answered, pending.count - 1)).map { row in
            outputs.score(id, row: row, token: pending[row + 1], alternatives: alternatives)
        }
        return .score(head + scored, of: .prompt)
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
    ///   - draftLimit: The most guesses a step; 0 is plain decoding.
    /// - Throws: `SkeinError` with code `.invalidArgument` or `.contextOverflow`.
    public init(
        prompt: [Int32],
        parameters: SamplingParameters,
        grammar: CompiledGrammar? = nil,
        contextLimit: Int,
        startingAt start: Int = 0,
        answerScores: Int? = nil,
        promptScores: Int? = nil,
        draftLimit: Int = 0
    ) throws {
        try self.init(
            prompt: prompt,
            rule: SamplingRule(parameters.validated(), prompt: prompt, grammar: grammar),
            stopTokens: parameters.stopTokens,
            maxTokens: parameters.maxTokens,
            contextLimit: contextLimit,
            startingAt: start,
            answerScores: answerScores,
            promptScores: promptScores,
            draftLimit: draftLimit
        )
    }
}
