/// Committed rows of one branch, in reading order; their keys carry positions of their own.
public struct Slice: Hashable, Sendable {
    /// The branch that holds the rows.
    public var branch: Branch
    /// Which of its rows, counted in reading order.
    public var range: Range<Int>

    /// Names rows of a branch.
    public init(branch: Branch, range: Range<Int>) {
        self.branch = branch
        self.range = range
    }
}

/// What new rows may read of the past.
///
/// Order is the reduction order, so it is part of the result's bits.
public enum Reads: Hashable, Sendable {
    /// No past at all.
    case nothing
    /// Everything a branch holds: the only form a recurrent state accepts.
    case all(Branch)
    /// Ordered slices: a dual cache's prefix and suffix, draft ancestors, merged branches.
    case slices([Slice])
}

/// Which of a segment's own rows each of its rows sees.
public enum Visibility: Hashable, Sendable {
    /// Row i sees rows 0 ... i.
    case causal
    /// Every row sees every row.
    case bidirectional
    /// Rows see their own block and all blocks before; the first block may be shorter.
    case blockCausal(size: Int, firstBlock: Int)
    /// A tree: the parent's row index, −1 at a root; a row sees its ancestors and itself.
    case parents([Int32])
    /// For each row the ascending, disjoint ranges of rows it sees.
    case ranges([[Range<Int32>]])

    /// Whether a segment may be run in several steps.
    public var isDivisible: Bool {
        switch self {
        case .causal, .blockCausal: true
        case .bidirectional, .parents, .ranges: false
        }
    }

    /// The ranges of own rows that one row sees, ascending and disjoint.
    ///
    /// - Parameters:
    ///   - row: The row's index in its segment.
    ///   - count: The number of rows of the segment.
    /// - Returns: Half-open ranges of row numbers.
    /// - Complexity: O(depth) for a tree, O(1) else.
    public func visibleRanges(of row: Int, count: Int) -> [Range<Int32>] {
        switch self {
        case .causal:
            return [0..<Int32(row + 1)]
        case .bidirectional:
            return [0..<Int32(count)]
        case .blockCausal(let size, let firstBlock):
            guard row >= firstBlock else { return [0..<Int32(min(firstBlock, count))] }
            let block = (row - firstBlock) / max(size, 1) + 1
            return [0..<Int32(min(firstBlock + block * max(size, 1), count))]
        case .parents(let parents):
            var ancestors: [Int32] = []
            var node = Int32(row)
            while node >= 0, ancestors.count <= count {
                ancestors.append(node)
                node = parents[Int(node)]
            }
            return Self.joined(ancestors.reversed())
        case .ranges(let ranges):
            return ranges[row]
        }
    }

    /// Ascending row numbers as maximal ranges.
    private static func joined(_ rows: [Int32]) -> [Range<Int32>] {
        var ranges: [Range<Int32>] = []
        for row in rows {
            if let last = ranges.last, last.upperBound == row {
                ranges[ranges.count - 1] = last.lowerBound..<row + 1
            } else {
                ranges.append(row..<row + 1)
            }
        }
        return ranges
    }
}
