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
    }

    private let budget: Int
    private(set) var placed: [Placed] = []
    private var tokens: [Int32] = []
    private var positions: [Int32] = []
    private var segments: [Segment] = []
    private var headRows: [Int32] = []
    private var refusal: SkeinError?

    init(budget: Int) { self.budget = budget }

    /// Adds a wish, or as many leading rows of it as fit, or nothing.
    ///
    /// An indivisible wish larger than the whole budget runs alone.
    mutating func add(_ wish: Wish, slot: Int32) {
        guard let ids = wish.inputs.tokens, ids.count == wish.positions.count else {
            refusal =
                refusal ?? SkeinError(.incapable, "wish \(wish.id.id) does not hold token rows")
            return
        }
        let room = budget - tokens.count
        let isSplit = wish.visibility.isDivisible || wish.isTrimmable
        let count =
            ids.count <= room || (!isSplit && tokens.isEmpty) ? ids.count : isSplit ? room : 0
        guard count > 0 else { return }
        let start = tokens.count
        var logitRows: [Int: Int] = [:]
        for row in 0..<count where wish.wanted.contains(where: { $0.rows.contains(row) }) {
            logitRows[row] = headRows.count
            headRows.append(Int32(start + row))
        }
        tokens += ids.prefix(count)
        positions += wish.positions.prefix(count)
        placed.append(
            Placed(
                slot: slot,
                wish: wish,
                segment: segments.count,
                place: .init(rows: count, logitRows: logitRows, wish: wish)
            )
        )
        segments.append(
            Segment(
                rows: start..<start + count,
                slot: slot,
                reads: wish.reads,
                visibility: wish.visibility,
                adapter: wish.adapter
            )
        )
    }

    /// The batch, or `nil` when nothing was added.
    func batch() throws -> RowBatch? {
        if let refusal { throw refusal }
        guard !segments.isEmpty else { return nil }
        return RowBatch(
            inputs: .tokens(tokens),
            positions: positions,
            segments: segments,
            headRows: headRows
        )
    }
}
