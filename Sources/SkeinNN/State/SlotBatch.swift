/// Which places of a row of slots are taken, as a contiguous range with as few holes as can be had.
///
/// Requests that share a dense buffer occupy slots `low ... high`, so that a pointer and a count describe
/// the batch. A request that ends at an edge moves the edge; one that ends inside leaves a hole, which
/// stays until an edge reaches it or until `compact` moves live slots into it.
///
/// - Paper: Yao et al. 2023, "Flover: A Temporal Fusion Framework for Efficient Autoregressive Model
///   Parallel Inference", arXiv:2305.13484, its memory eviction and reordering.
/// - Deviation: Where the range spans all slots, a new request takes the first hole and does not wait
///   for an edge; waiting would refuse a request that there is room for.
public struct SlotBatch: Sendable, Hashable {
    /// What one slot's contents must be copied from and to.
    public struct Move: Sendable, Hashable {
        /// The slot that is emptied.
        public var source: Int
        /// The hole that is filled.
        public var target: Int

        /// Names the two ends of a copy.
        public init(from source: Int, to target: Int) {
            self.source = source
            self.target = target
        }
    }

    private var live: [Bool]
    /// The first taken slot; 0 when none is.
    public private(set) var low = 0
    /// The last taken slot; −1 when none is.
    public private(set) var high = -1
    /// The number of taken slots.
    public private(set) var count = 0

    /// Creates a row of free slots.
    public init(capacity: Int) { live = Array(repeating: false, count: max(capacity, 0)) }

    /// The number of slots, taken or not.
    public var capacity: Int { live.count }
    /// The slots from the first to the last taken one, holes included.
    public var range: Range<Int> { low..<high + 1 }
    /// The number of free slots between taken ones.
    public var holeCount: Int { range.count - count }
    /// Free slots between taken ones, ascending.
    ///
    /// - Complexity: O(range).
    public var holes: [Int] { holeCount == 0 ? [] : range.filter { !live[$0] } }

    /// Whether a slot is taken.
    public func isLive(_ slot: Int) -> Bool { live.indices.contains(slot) && live[slot] }

    /// Takes a slot: the one after the last, so that a place freed at the high edge is used again; where
    /// the end is reached the one before the first, and then the first hole.
    ///
    /// - Returns: The slot, or `nil` when all are taken.
    /// - Complexity: O(1), and O(range) when only holes are left.
    public mutating func admit() -> Int? {
        let slot: Int
        if high + 1 < capacity {
            slot = high + 1
            high = slot
            if count == 0 { low = slot }
        } else if low > 0 {
            slot = low - 1
            low = slot
        } else if let hole = holes.first {
            slot = hole
        } else {
            return nil
        }
        live[slot] = true
        count += 1
        return slot
    }

    /// Frees a slot; an edge that it lay on moves to the next taken slot.
    ///
    /// - Parameter slot: A taken slot.
    /// - Complexity: O(holes beside the slot).
    public mutating func evict(_ slot: Int) {
        precondition(isLive(slot), "slot \(slot) is not taken; taken are \(low) ... \(high)")
        live[slot] = false
        count -= 1
        guard count > 0 else {
            low = 0
            high = -1
            return
        }
        while !live[low] { low += 1 }
        while !live[high] { high -= 1 }
    }

    /// The moves that close all holes: as few as any, or moving as little weight as any.
    ///
    /// The taken slots end up in a window as long as their number; the window that already holds the most
    /// of them (or the most weight) is kept, the first of equals, and what lies outside moves in.
    ///
    /// - Parameter weights: What a copy of each slot costs, one entry a slot; `nil` counts slots.
    /// - Returns: Moves from taken slots to holes, both ascending.
    /// - Complexity: O(range).
    public func plan(weights: [Int]? = nil) -> [Move] {
        guard holeCount > 0 else { return [] }
        precondition(
            weights.map { $0.count == capacity } ?? true,
            "\(weights?.count ?? 0) weights for \(capacity) slots"
        )
        func kept(_ slot: Int) -> Int { live[slot] ? weights?[slot] ?? 1 : 0 }
        var sum = (low..<low + count).reduce(0) { $0 + kept($1) }
        var (start, best) = (low, sum)
        for next in stride(from: low + 1, through: high - count + 1, by: 1) {
            sum += kept(next + count - 1) - kept(next - 1)
            if sum > best { (start, best) = (next, sum) }
        }
        let window = start..<start + count
        let sources = range.filter { live[$0] && !window.contains($0) }
        return zip(sources, window.filter { !live[$0] }).map { Move(from: $0, to: $1) }
    }

    /// Closes all holes.
    ///
    /// - Parameter weights: As for `plan`.
    /// - Returns: The moves that the owner of the slots' contents has to make, in any order: no target is
    ///   a source.
    /// - Complexity: O(range).
    public mutating func compact(weights: [Int]? = nil) -> [Move] {
        let moves = plan(weights: weights)
        for move in moves {
            live[move.source] = false
            live[move.target] = true
        }
        while count > 0, !live[low] { low += 1 }
        while count > 0, !live[high] { high -= 1 }
        return moves
    }

    /// Adds free slots at the end.
    public mutating func grow(to capacity: Int) {
        live += Array(repeating: false, count: max(capacity - live.count, 0))
    }
}
