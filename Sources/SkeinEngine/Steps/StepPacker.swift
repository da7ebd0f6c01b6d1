internal import SkeinCore
internal import SkeinDecoding
internal import SkeinTensor

/// Packs wishes end to end into one batch under a row budget.
struct StepPacker {
    /// A wish, or its leading rows, inside the batch.
    struct Placed {
        var slot: Int32
        var wish: Wish
        var segment: Int
        var place: StepOutputs.Place

        var isPrompt: Bool { wish.isPrompt || isRebuild }
        var isRebuild: Bool { wish.id == .rebuild }
    }

    /// Bytes that the logits of one step may take; one segment's alone may be more where it cannot be cut.
    private static let logitBytes = 64 << 20

    private let budget: Int
    private let headBudget: Int
    private(set) var placed: [Placed] = []
    private var tokens: [Int32] = []
    private var positions: [Int32] = []
    private var segments: [Segment] = []
    private var headRows: [Int32] = []
    /// The first wish that cannot be packed at all.
    private(set) var refusal: (slot: Int32, error: SkeinError)?

    init(budget: Int, vocabularySize: Int) {
        self.budget = budget
        headBudget = max(Self.logitBytes / (4 * max(vocabularySize, 1)), 16)
    }

    /// The number of rows so far.
    var rows: Int { tokens.count }

    /// Adds a wish, or as many leading rows of it as fit, or nothing.
    ///
    /// An indivisible wish larger than the whole budget runs alone.
    ///
    /// - Parameters:
    ///   - wish: What to add.
    ///   - slot: Whose wish it is.
    ///   - limit: The most rows to add of a divisible wish.
    /// - Returns: How many rows were added.
    @discardableResult
    mutating func add(_ wish: Wish, slot: Int32, limit: Int) -> Int {
        guard let ids = wish.inputs.tokens, ids.count == wish.positions.count, !ids.isEmpty else {
            refusal =
                refusal
                ?? (slot, SkeinError(.incapable, "wish \(wish.id.id) does not hold token rows"))
            return 0
        }
        let isSplit = wish.visibility.isDivisible || wish.isTrimmable
        let room = isSplit ? min(budget - rows, limit) : budget - rows
        var count =
            ids.count <= room || (!isSplit && tokens.isEmpty) ? ids.count : isSplit ? room : 0
        var heads = wish.headRows(count)
        let headRoom = headBudget - headRows.count
        if isSplit, heads.count > headRoom {
            count = headRoom > 0 ? Int(heads[headRoom]) : Int(heads.first ?? 0)
            heads.removeLast(heads.count - max(headRoom, 0))
        }
        guard count > 0 else { return 0 }
        let start = tokens.count
        placed.append(
            Placed(
                slot: slot,
                wish: wish,
                segment: segments.count,
                place: .init(rows: count, firstLogit: headRows.count, headRows: heads, wish: wish)
            )
        )
        headRows += heads.map { $0 + Int32(start) }
        tokens += ids.prefix(count)
        positions += wish.positions.prefix(count)
        segments.append(
            Segment(
                rows: start..<start + count,
                slot: slot,
                reads: wish.reads,
                visibility: wish.visibility,
                adapter: wish.adapter
            )
        )
        return count
    }

    /// The batch, or `nil` when nothing was added.
    func batch() -> RowBatch? {
        guard !segments.isEmpty else { return nil }
        return RowBatch(
            inputs: .tokens(tokens),
            positions: positions,
            segments: segments,
            headRows: headRows
        )
    }
}

extension WishID {
    /// Rows that the engine runs again on its own account.
    static let rebuild = WishID(id: .min)
}

extension Wish {
    /// Whether the rows are those of a prompt, which may wait and be cut, and not drafts or a token.
    var isPrompt: Bool { positions.count > 1 && visibility.isDivisible && !isTrimmable }

    /// The branch that the rows are expected to join.
    var grown: Branch {
        if case .all(let branch) = reads { branch } else { .main }
    }

    /// Which of the leading rows need logits, ascending.
    func headRows(_ count: Int) -> [Int32] {
        var rows: [Int32] = []
        for want in wanted {
            for row in want.rows.clamped(to: 0..<count) { rows.append(Int32(row)) }
        }
        guard wanted.count > 1 else { return rows }
        return Set(rows).sorted()
    }
}
