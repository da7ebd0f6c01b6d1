internal import SkeinCore
public import SkeinTensor

/// The state of training and of evaluation over whole texts: rows see their own segment, nothing stays.
///
/// All layers share one block of keys and values, since a layer is done with its own before the next
/// begins; the way back has them beside the queries.
public final class PassMemory: KeyValueMemory {
    /// The type of keys and values.
    public let dtype = DType.f32
    private let width: Int
    private var storage: Storage?
    private var batch: RowBatch?

    /// Creates a memory.
    ///
    /// - Parameter width: The width of a token's keys.
    public init(width: Int) { self.width = width }

    /// Only what a single pass needs.
    public var capabilities: Requirements { [.tree, .bidirectional, .leftToRight] }
    /// Bytes of the one block.
    public var residentBytes: Int { storage?.byteCount ?? 0 }

    private func refusal(_ what: String) -> SkeinError {
        SkeinError(
            .incapable,
            "a memory of single passes was asked to \(what); it keeps no branches"
        )
    }

    /// Nothing is ever kept.
    public func bytesNeeded(_ demands: [StateDemand]) -> Int { 0 }

    /// Makes room for one layer's keys and values.
    public func stage(_ batch: RowBatch) throws {
        guard batch.segments.allSatisfy({ $0.reads == .nothing }) else {
            throw refusal("read a past")
        }
        let bytes = 2 * batch.count * width * dtype.blockBytes
        if (storage?.byteCount ?? -1) < bytes { storage = Storage(byteCount: bytes) }
        self.batch = batch
    }

    /// Ends a pass.
    public func unstage() { batch = nil }
    /// Refuses.
    public func commit(rows: [Int32], ofSegment segment: Int, to key: BranchKey) throws {
        throw refusal("commit rows")
    }
    /// Refuses.
    public func fork(_ key: BranchKey, at count: Int, into others: [Branch]) throws {
        throw refusal("fork")
    }
    /// Refuses to keep anything; nothing is all there is.
    public func truncate(_ key: BranchKey, to count: Int) throws {
        if count > 0 { throw refusal("keep \(count) rows") }
    }
    /// Refuses.
    public func join(_ slices: [StateSlice], into key: BranchKey) throws { throw refusal("join") }
    /// There is nothing to forget.
    public func drop(_ key: BranchKey) {}
    /// No branch holds rows.
    public func count(_ key: BranchKey) -> Int { 0 }
    /// An empty image.
    public func image(of key: BranchKey) -> StateImage { StateImage(positions: [], parts: []) }
    /// Refuses.
    public func load(_ image: StateImage, into key: BranchKey) throws {
        throw refusal("load a branch")
    }

    /// Nothing was before.
    public func pastPositions(ofSegment segment: Int) -> [Int32] { [] }

    /// The block, whichever layer asks.
    public func stagedRun(layer: Int) -> KeyValueRun { run(0..<(batch?.count ?? 0)) }

    /// A segment's own rows.
    public func runs(layer: Int, ofSegment segment: Int) -> [KeyValueRun] {
        batch.map { [run($0.segments[segment].rows)] } ?? []
    }

    private func run(_ rows: Range<Int>) -> KeyValueRun {
        let rowBytes = width * dtype.blockBytes
        let first = rows.lowerBound * rowBytes
        return KeyValueRun(
            storage: storage ?? Storage(byteCount: 0),
            keyOffset: first,
            valueOffset: (batch?.count ?? 0) * rowBytes + first,
            count: rows.count
        )
    }
}
