internal import SkeinCore
public import SkeinModels
public import SkeinNN
public import SkeinTensor
internal import Synchronization

/// Where a served model keeps keys and values.
public enum ServingPool: String, Sendable, CaseIterable {
    /// Pages with a page table.
    case paged
    /// One contiguous buffer, whose holes are closed by moving slots.
    case contiguous
    /// One contiguous buffer, whose holes are computed until an edge reaches them.
    case contiguousWithHoles = "contiguous-holes"
}

/// A model whose memory is a contiguous buffer, whatever its own would be.
///
/// With holes kept, every forward pass also runs one row for each hole, and so does the output head, as
/// a program must that describes its batch by a pointer and a count. Answers are the same in any case.
public final class ContiguousModel: LanguageModel {
    private let base: any LanguageModel
    private let slots: Int
    private let capacity: Int
    private let reorders: Bool
    private let holes = Atomic<Int>(0)

    /// Wraps a model.
    ///
    /// - Parameters:
    ///   - base: A model of the transformer family.
    ///   - slots: Requests that there is room for before the buffer grows.
    ///   - capacity: Tokens of a request before the buffer grows.
    ///   - reorders: Whether holes are closed.
    /// - Throws: `SkeinError.Code.incapable` for a model that does not keep keys and values.
    public init(_ base: any LanguageModel, slots: Int, capacity: Int, reorders: Bool) throws {
        guard base.makeState(dtype: .f16) is KeyValuePool else {
            throw SkeinError(
                .incapable,
                "a contiguous pool holds keys and values, and a \(base.description.family) model has"
                    + " another memory"
            )
        }
        self.base = base
        self.slots = slots
        self.capacity = capacity
        self.reorders = reorders
    }

    /// The wrapped model's facts.
    public var description: ModelDescription { base.description }

    /// The wrapped model's weights.
    public var weights: WeightList? { base.weights }

    /// An empty contiguous memory of the wrapped model's sizes.
    public func makeState(dtype: DType) -> any StatePool {
        let state = base.makeState(dtype: dtype)
        guard let paged = state as? KeyValuePool else { return state }
        return ContiguousKeyValuePool(
            .init(
                layers: paged.layout.layers,
                width: paged.layout.width,
                dtype: dtype,
                slots: slots,
                capacity: capacity
            ),
            reorders: reorders
        )
    }

    /// Runs a batch, and a row for each hole behind it.
    public func forward(_ batch: RowBatch, _ execution: inout Execution) throws -> Tensor {
        guard !reorders, let pool = execution.state as? ContiguousKeyValuePool,
            case .tokens(let tokens) = batch.inputs
        else { return try base.forward(batch, &execution) }
        let abandoned = pool.abandoned
        holes.store(abandoned.count, ordering: .relaxed)
        guard !abandoned.isEmpty else { return try base.forward(batch, &execution) }
        let padded = RowBatch(
            inputs: .tokens(tokens + abandoned.map { _ in 0 }),
            positions: batch.positions + abandoned.map(pool.lastPosition),
            segments: batch.segments
                + abandoned.enumerated().map { place, key in
                    Segment(
                        rows: batch.count + place..<batch.count + place + 1,
                        slot: key.slot,
                        reads: .all(key.branch),
                        visibility: .causal
                    )
                },
            headRows: batch.headRows
        )
        return try base.forward(padded, &execution)
    }

    /// The logits of rows, then of as many more as there are holes.
    public func logits(_ hidden: Tensor, _ processor: Processor) -> Tensor {
        let extra = holes.load(ordering: .relaxed)
        guard extra > 0, hidden.rows > 0 else { return base.logits(hidden, processor) }
        let rows = (0..<Int32(hidden.rows)).map { $0 } + Array(repeating: 0, count: extra)
        return base.logits(processor.gather(hidden, rows: rows), processor)
    }
}
