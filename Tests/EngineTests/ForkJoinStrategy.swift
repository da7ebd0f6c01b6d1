import SkeinDecoding
import SkeinTensor

/// Writes a stem, forks it into branches that write at the same time, joins them and goes on: greedy
/// throughout, so that its answer is known from the prompt alone.
struct ForkJoinStrategy: DecodingStrategy {
    static var requires: [Role: Requirements] { [.target: [.fork, .join, .truncate]] }

    private enum Stage { case prompt, branches, tail }
    private let prompt: [Int32]
    private let branchCount: Int
    private let lengths: (branch: Int, tail: Int)
    private var stage = Stage.prompt
    private var next: [Int32]
    private var branches: [(branch: Branch, last: Int32, rows: Int)] = []
    private var rows = 0
    private var answer: [Int32] = []
    private var id: Int32 = 0

    init(prompt: [Int32], branchCount: Int, branchLength: Int, tailLength: Int) {
        self.prompt = prompt
        self.branchCount = branchCount
        lengths = (branchLength, tailLength)
        next = prompt
    }

    private func wish(_ id: Int32, _ tokens: [Int32], at position: Int, _ branch: Branch) -> Wish {
        let last = tokens.count - 1
        return Wish(
            id: WishID(id: id),
            inputs: .tokens(tokens),
            positions: tokens.indices.map { Int32(position + $0) },
            reads: .all(branch),
            wanted: [.init(rows: last..<last + 1, what: .best)]
        )
    }

    mutating func wish(rowBudget: Int) -> [Wish] {
        guard stage == .branches else { return [wish(id, next, at: rows, .main)] }
        return branches.enumerated().map { number, entry in
            wish(id + Int32(number), [entry.last], at: entry.rows, entry.branch)
        }
    }

    mutating func receive<O: Outputs & ~Copyable>(_ outputs: borrowing O) -> [Effect] {
        if stage == .branches { return receiveBranches(outputs) }
        let wish = WishID(id: id)
        let answered = outputs.rowsAnswered(wish)
        guard answered > 0 else { return [] }
        var effects = [Effect.commit(wish, rows: (0..<Int32(answered)).map { $0 }, to: .main)]
        rows += answered
        id += 100
        guard answered == next.count else {
            next.removeFirst(answered)
            return effects
        }
        let token = outputs.best(wish, row: answered - 1)
        if stage == .prompt {
            stage = .branches
            branches = (1...branchCount).map {
                (Branch(id: Int32($0)), (token + Int32($0)) % 32, rows)
            }
            return effects + [.fork(.main, at: rows, into: branches.map(\.branch))]
        }
        answer.append(token)
        next = [token]
        effects.append(.emit([token], at: rows, on: .main))
        if answer.count == lengths.tail { effects.append(.finish(.length)) }
        return effects
    }

    private mutating func receiveBranches<O: Outputs & ~Copyable>(
        _ outputs: borrowing O
    ) -> [Effect] {
        var effects: [Effect] = []
        for number in branches.indices {
            let wish = WishID(id: id + Int32(number))
            guard outputs.isAnswered(wish), branches[number].rows < rows + lengths.branch else {
                continue
            }
            effects.append(.commit(wish, rows: [0], to: branches[number].branch))
            branches[number].rows += 1
            branches[number].last = outputs.best(wish, row: 0)
        }
        id += 100
        guard branches.allSatisfy({ $0.rows == rows + lengths.branch }) else { return effects }
        let slices =
            [Slice(branch: .main, range: 0..<rows)]
            + branches.map { Slice(branch: $0.branch, range: rows..<rows + lengths.branch) }
        effects.append(.join(slices, into: .main))
        effects += branches.map { .drop($0.branch) }
        // One row too many is joined and cut off again, so that truncation is in play.
        rows += branchCount * lengths.branch - 1
        effects.append(.truncate(.main, to: rows))
        next = [branches[0].last]
        stage = .tail
        return effects
    }
}
