internal import SkeinNN
internal import SkeinTensor

/// Remembered token sequences and the rows they left in a state: a radix tree over tokens.
///
/// Every node holds one edge's tokens and, under a key of its own, exactly the rows of that edge. Edges
/// split and join without copying, because a pool shares what slices have in common. A sequence is
/// keyed by its tokens from position 0 and by a salt, so nobody finds what another salt left.
///
/// - Paper: Zheng et al. 2024, "SGLang", arXiv:2312.07104, section 3 (RadixAttention).
struct PrefixCache {
    /// One edge of the tree and the point it leads to.
    private final class Node {
        var tokens: [Int32]
        let key: BranchKey
        var children: [Int32: Node] = [:]
        weak var parent: Node?
        /// Neighbours in the order of use; the oldest is always a leaf, because a use of a node is a
        /// later use of its parent.
        weak var newer: Node?
        weak var older: Node?

        init(tokens: [Int32], key: BranchKey, parent: Node?) {
            self.tokens = tokens
            self.key = key
            self.parent = parent
        }
    }

    /// The slot number under which the tree's own branches are kept.
    static let slot: Int32 = -1

    private let state: any StatePool
    private var roots: [String: Node] = [:]
    private weak var newest: Node?
    private weak var oldest: Node?
    private var nextBranch: Int32 = 0
    /// Rows that the tree holds.
    private(set) var rows = 0

    init(_ state: any StatePool) { self.state = state }

    /// Finds the longest remembered beginning of a sequence and makes it a branch's rows.
    ///
    /// - Parameters:
    ///   - tokens: The sequence.
    ///   - limit: The most rows to use.
    ///   - salt: Whose sequences to look among.
    ///   - key: The branch to fill.
    /// - Returns: How many rows the branch now holds.
    /// - Throws: What the state throws when it joins slices.
    mutating func recall(
        _ tokens: [Int32],
        limit: Int,
        salt: String,
        into key: BranchKey
    ) throws -> Int {
        var slices: [StateSlice] = []
        var path: [Node] = []
        var count = walk(tokens, limit: limit, salt: salt) { node, matched in
            slices.append(StateSlice(node.key, 0..<matched))
            path.append(node)
        }
        // A recurrent state ends only where it was kept.
        while let last = slices.last {
            let usable = state.cut(last.key, atMost: last.range.count)
            count -= last.range.count - usable
            slices[slices.count - 1].range = 0..<usable
            guard usable == 0 else { break }
            slices.removeLast()
            path.removeLast()
        }
        guard count > 0 else { return 0 }
        for node in path.reversed() { touch(node) }
        try state.join(slices, into: key)
        return count
    }

    /// How many leading tokens of a sequence are remembered.
    func remembered(_ tokens: [Int32], salt: String) -> Int {
        walk(tokens, limit: tokens.count, salt: salt) { _, _ in }
    }

    /// Follows a sequence; returns how many of its tokens are in the tree.
    private func walk(
        _ tokens: [Int32],
        limit: Int,
        salt: String,
        _ visit: (Node, _ matched: Int) -> Void
    ) -> Int {
        guard var node = roots[salt] else { return 0 }
        let limit = min(limit, tokens.count)
        var count = 0
        while count < limit, let next = node.children[tokens[count]] {
            let matched = Self.common(next.tokens, tokens[count..<limit])
            visit(next, matched)
            count += matched
            guard matched == next.tokens.count else { break }
            node = next
        }
        return count
    }

    private static func common(_ a: [Int32], _ b: ArraySlice<Int32>) -> Int {
        var count = 0
        for (x, y) in zip(a, b) {
            guard x == y else { break }
            count += 1
        }
        return count
    }

    /// Remembers a branch's rows.
    ///
    /// - Parameters:
    ///   - tokens: The tokens of the branch's rows, from its first row on.
    ///   - salt: Who may find them.
    ///   - source: The branch, which holds at least as many rows.
    /// - Throws: What the state throws when it joins slices.
    mutating func remember(_ tokens: ArraySlice<Int32>, salt: String, from source: BranchKey) throws
    {
        var node = root(salt)
        var place = tokens.startIndex
        var path: [Node] = []
        while place < tokens.endIndex, let next = node.children[tokens[place]] {
            let matched = Self.common(next.tokens, tokens[place...])
            node = matched < next.tokens.count ? try split(next, at: matched) : next
            path.append(node)
            place += matched
        }
        if place < tokens.endIndex {
            let start = place - tokens.startIndex
            let slice = StateSlice(source, start..<tokens.count)
            if !path.isEmpty, node.children.isEmpty {
                // A sequence that grew: its leaf grows with it.
                let whole = StateSlice(node.key, 0..<node.tokens.count)
                try state.join([whole, slice], into: node.key)
                node.tokens += tokens[place...]
            } else {
                let leaf = Node(tokens: Array(tokens[place...]), key: newKey(), parent: node)
                try state.join([slice], into: leaf.key)
                node.children[tokens[place]] = leaf
                path.append(leaf)
            }
            rows += tokens.count - start
        }
        for node in path.reversed() { touch(node) }
    }

    /// Cuts an edge in two and returns the upper part.
    private mutating func split(_ node: Node, at count: Int) throws -> Node {
        let upper = Node(tokens: Array(node.tokens[..<count]), key: newKey(), parent: node.parent)
        let rest = Array(node.tokens[count...])
        try state.join([StateSlice(node.key, 0..<count)], into: upper.key)
        try state.join([StateSlice(node.key, count..<node.tokens.count)], into: node.key)
        node.parent?.children[upper.tokens[0]] = upper
        upper.children = [rest[0]: node]
        node.tokens = rest
        node.parent = upper
        touch(upper)
        return upper
    }

    /// Forgets the leaf that was not used for longest.
    ///
    /// - Returns: Whether there was one.
    mutating func forgetOldest() -> Bool {
        guard let node = oldest else { return false }
        unlink(node)
        state.drop(node.key)
        rows -= node.tokens.count
        if let parent = node.parent {
            parent.children[node.tokens[0]] = nil
            if parent.children.isEmpty, parent.parent == nil {
                roots = roots.filter { $0.value !== parent }
            }
        }
        return true
    }

    private mutating func root(_ salt: String) -> Node {
        if let root = roots[salt] { return root }
        let root = Node(tokens: [], key: newKey(), parent: nil)
        roots[salt] = root
        return root
    }

    private mutating func newKey() -> BranchKey {
        nextBranch &+= 1
        return BranchKey(Self.slot, Branch(id: nextBranch))
    }

    // MARK: - The order of use

    private mutating func touch(_ node: Node) {
        unlink(node)
        node.older = newest
        newest?.newer = node
        newest = node
        if oldest == nil { oldest = node }
    }

    private mutating func unlink(_ node: Node) {
        if newest === node { newest = node.older }
        if oldest === node { oldest = node.newer }
        node.newer?.older = node.older
        node.older?.newer = node.newer
        node.newer = nil
        node.older = nil
    }
}
