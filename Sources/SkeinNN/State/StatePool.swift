public import SkeinTensor

/// A branch of a slot: the key of everything remembered.
public struct BranchKey: Hashable, Sendable {
    /// The engine's slot.
    public var slot: Int32
    /// The branch within the slot.
    public var branch: Branch

    /// Names a branch of a slot.
    public init(slot: Int32, branch: Branch) {
        self.slot = slot
        self.branch = branch
    }
}

/// What one layer kind remembers for all sequences: a pool, not an object a sequence.
///
/// Rows are provisional: a forward pass stages them, and only `commit` makes them part of a branch.
public protocol StatePool: AnyObject {
    /// What the state can do.
    var capabilities: Requirements { get }
    /// Bytes of memory that branches hold.
    var residentBytes: Int { get }

    /// Makes room for a batch's provisional rows and forgets those of the batch before.
    func stage(_ batch: RowBatch) throws
    /// Makes staged rows of one segment part of a branch, in the order given.
    func commit(rows: [Int32], ofSegment segment: Int, to key: BranchKey) throws
    /// Lets other branches share the first `count` rows of a branch.
    func fork(_ key: BranchKey, at count: Int, into others: [Branch]) throws
    /// Forgets a branch's rows from `count` on.
    func truncate(_ key: BranchKey, to count: Int) throws
    /// Makes a branch of ordered slices of branches of the same slot.
    func join(_ slices: [SkeinTensor.Slice], into key: BranchKey) throws
    /// Forgets a branch.
    func drop(_ key: BranchKey)
    /// The number of rows that a branch holds.
    func count(_ key: BranchKey) -> Int
}

/// Everything that a forward pass needs beside weights and rows; passed, never global.
public struct Execution {
    /// Where operations run.
    public var processor: Processor
    /// What branches remember.
    public var state: any StatePool

    /// Joins a processor and a state.
    public init(processor: Processor, state: any StatePool) {
        self.processor = processor
        self.state = state
    }
}
