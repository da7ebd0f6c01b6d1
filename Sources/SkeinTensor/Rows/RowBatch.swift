/// A run of rows of one batch that share a slot, a past and a visibility rule.
public struct Segment: Sendable {
    /// Which rows of the batch.
    public var rows: Range<Int>
    /// The slot whose branches `reads` names.
    public var slot: Int32
    /// What the rows may read of the past.
    public var reads: Reads
    /// Which of each other they see.
    public var visibility: Visibility
    /// The adapter to run under, if any.
    public var adapter: Adapter?

    /// Creates a segment.
    public init(
        rows: Range<Int>,
        slot: Int32,
        reads: Reads,
        visibility: Visibility,
        adapter: Adapter? = nil
    ) {
        self.rows = rows
        self.slot = slot
        self.reads = reads
        self.visibility = visibility
        self.adapter = adapter
    }
}

/// One role's fused step: the wishes of all slots end to end, ragged and never padded.
///
/// Training uses the same type with `reads` set to `.nothing`.
public struct RowBatch: Sendable {
    /// What enters the model, in row order.
    public var inputs: Inputs
    /// The position of each row.
    public var positions: [Int32]
    /// The segments, in row order, covering every row once.
    public var segments: [Segment]
    /// Ascending rows that meet the output head.
    public var headRows: [Int32]

    /// The number of rows.
    public var count: Int { positions.count }

    /// Creates a batch.
    ///
    /// - Precondition: Inputs, positions and segments agree on the number of rows.
    public init(inputs: Inputs, positions: [Int32], segments: [Segment], headRows: [Int32]) {
        precondition(
            inputs.count == positions.count,
            "\(inputs.count) inputs, \(positions.count) positions"
        )
        precondition(
            segments.last?.rows.upperBound ?? 0 == positions.count,
            "segments end at \(segments.last?.rows.upperBound ?? 0) of \(positions.count) rows"
        )
        self.inputs = inputs
        self.positions = positions
        self.segments = segments
        self.headRows = headRows
    }
}
