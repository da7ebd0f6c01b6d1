/// What becomes of rows and memories.
///
/// Rows are provisional until `.commit` names them; rows that no effect names vanish.
public enum Effect: Hashable, Sendable {
    /// A chain of a wish's rows joins a branch: an accepted path, a clean block, all of them.
    case commit(WishID, rows: [Int32], to: Branch)
    /// A branch's first rows become shared by others.
    case fork(Branch, at: Int, into: [Branch])
    /// A branch forgets everything from a row on.
    case truncate(Branch, to: Int)
    /// Ordered slices, shared and not copied, become a branch.
    case join([Slice], into: Branch)
    /// A recurrent branch remembers a point that `truncate` may return to.
    case snapshot(Branch)
    /// A branch is forgotten.
    case drop(Branch)
    /// A wish's features are freed.
    case release(WishID)
    /// Final tokens; `at` lets diffusion emit out of order.
    case emit([Int32], at: Int, on: Branch)
    /// How probable tokens were; those of an answer come before their `emit`.
    case score([TokenScore], of: ScoredPart)
    /// Counts for metrics.
    case trace(Trace)
    /// The request is done.
    case finish(FinishReason)
}

/// Which tokens scores belong to.
public enum ScoredPart: Hashable, Sendable { case prompt, answer }

/// Why a request ended.
public enum FinishReason: String, Hashable, Sendable { case stop, length, cancelled, failed }

/// What a round of a strategy did.
public struct Trace: Hashable, Sendable {
    /// Rows drafted.
    public var drafted: Int
    /// Drafts accepted.
    public var accepted: Int
    /// Forward passes that took part.
    public var forwards: Int
    /// The drafts that were not accepted, where the strategy can name them.
    public var rejected: [Int32]

    /// Counts a round.
    public init(drafted: Int, accepted: Int, forwards: Int, rejected: [Int32] = []) {
        self.rejected = rejected
        self.drafted = drafted
        self.accepted = accepted
        self.forwards = forwards
    }
}

/// What a state or strategy can do, or needs.
public struct Requirements: OptionSet, Hashable, Sendable {
    /// The bits.
    public let rawValue: UInt32

    /// Creates a set from its bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Branches may share a past.
    public static let fork = Self(rawValue: 1)
    /// A branch may forget its tail.
    public static let truncate = Self(rawValue: 2)
    /// Slices may be concatenated.
    public static let join = Self(rawValue: 4)
    /// Rows may read ordered slices.
    public static let slices = Self(rawValue: 8)
    /// Rows may form a tree.
    public static let tree = Self(rawValue: 16)
    /// Rows may see later rows.
    public static let bidirectional = Self(rawValue: 32)
    /// Tokens are final from left to right: penalties, grammars and stop strings need it.
    public static let leftToRight = Self(rawValue: 64)
    /// A branch's first rows may be kept under another name.
    public static let prefixes = Self(rawValue: 128)

    /// The names of what is in the set.
    public var names: [String] {
        let all: [(Self, String)] = [
            (.fork, "fork"), (.truncate, "truncate"), (.join, "join"), (.slices, "slices"),
            (.tree, "tree"), (.bidirectional, "bidirectional"), (.leftToRight, "left to right"),
            (.prefixes, "keep prefixes"),
        ]
        return all.filter { contains($0.0) }.map(\.1)
    }
}
