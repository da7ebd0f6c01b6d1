public import SkeinTensor

/// A branch of a slot: the key of everything remembered.
public struct BranchKey: Hashable, Sendable {
    /// The engine's slot.
    public var slot: Int32
    /// The branch within the slot.
    public var branch: Branch

    /// Names a branch of a slot.
    public init(_ slot: Int32, _ branch: Branch) {
        self.slot = slot
        self.branch = branch
    }
}

/// Rows of a branch of any slot, in reading order.
public struct StateSlice: Hashable, Sendable {
    /// The branch that holds the rows.
    public var key: BranchKey
    /// Which of its rows.
    public var range: Range<Int>

    /// Names rows of a branch.
    public init(_ key: BranchKey, _ range: Range<Int>) {
        self.key = key
        self.range = range
    }
}

/// Rows that a step may add to a branch.
public struct StateDemand: Hashable, Sendable {
    /// The branch.
    public var key: BranchKey
    /// How many rows at most.
    public var rows: Int

    /// Names a branch and a number of rows.
    public init(_ key: BranchKey, rows: Int) {
        self.key = key
        self.rows = rows
    }
}

/// What one layer kind remembers for all sequences: a pool, not an object a sequence.
///
/// Rows are provisional: a forward pass stages them, and only `commit` makes them part of a branch.
public protocol StatePool: AnyObject {
    /// What the state can do.
    var capabilities: Requirements { get }
    /// Bytes of memory that branches hold, shared ones counted once.
    ///
    /// - Complexity: O(1).
    var residentBytes: Int { get }
    /// Bytes that `residentBytes` may grow by when these rows are committed.
    func bytesNeeded(_ demands: [StateDemand]) -> Int

    /// Makes room for a batch's provisional rows and forgets those of the batch before.
    func stage(_ batch: RowBatch) throws
    /// Ends a step: staged rows that were not committed, and holds on what they read, are let go.
    func unstage()
    /// Does on all threads what commits left to do; `unstage` does it on one.
    func settle(_ pool: ThreadPool)
    /// Makes staged rows of one segment part of a branch, in the order given.
    func commit(rows: [Int32], ofSegment segment: Int, to key: BranchKey) throws
    /// Lets other branches share the first `count` rows of a branch.
    func fork(_ key: BranchKey, at count: Int, into others: [Branch]) throws
    /// Forgets a branch's rows from `count` on.
    func truncate(_ key: BranchKey, to count: Int) throws
    /// The most of a branch's first rows, at most `count`, that a slice of it may end after.
    func cut(_ key: BranchKey, atMost count: Int) -> Int
    /// Rows that lie between points where branches can be cut: 1, or more for recurrent states.
    var grain: Int { get }
    /// Makes a branch's end a point that it can be cut at for as long as it lives.
    func snapshot(_ key: BranchKey)
    /// Which part of what a step staged is not finite, in words.
    func nonFinitePart() -> String?
    /// Makes a branch of ordered slices of branches, whatever their slots.
    func join(_ slices: [StateSlice], into key: BranchKey) throws
    /// Forgets a branch.
    func drop(_ key: BranchKey)
    /// The number of rows that a branch holds.
    func count(_ key: BranchKey) -> Int
    /// Copies a branch out.
    func image(of key: BranchKey) -> StateImage
    /// Makes a branch of what was copied out of a state of the same layout.
    func load(_ image: StateImage, into key: BranchKey) throws
}

extension StatePool {
    /// Nothing is left by default.
    public func settle(_ pool: ThreadPool) {}
    /// Any number of rows will do.
    public func cut(_ key: BranchKey, atMost count: Int) -> Int { count }
    /// Branches can be cut anywhere.
    public var grain: Int { 1 }
    /// Every point already is one.
    public func snapshot(_ key: BranchKey) {}
    /// Keys and values are not looked through.
    public func nonFinitePart() -> String? { nil }
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
