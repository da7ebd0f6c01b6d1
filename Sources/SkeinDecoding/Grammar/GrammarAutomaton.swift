import SkeinCore

/// One deterministic byte automaton per rule, which call each other: a pushdown automaton's transitions.
///
/// A node reads a byte, calls a rule and goes on at another node after it, or ends its rule.
struct GrammarAutomaton: Sendable {
    struct Call: Hashable, Sendable {
        /// Where the called rule starts.
        var start: Int32
        /// Where to go on after it.
        var back: Int32
    }

    struct Edge: Sendable {
        var low: UInt8
        var high: UInt8
        var target: Int32
    }

    struct Node: Sendable {
        /// Sorted by byte, disjoint.
        var edges: [Edge] = []
        var calls: [Call] = []
        /// Whether the rule may end here.
        var isEnd = false
        /// Whether nothing but the rule's end follows: calls that go on here need not come back.
        var isTail: Bool { isEnd && edges.isEmpty && calls.isEmpty }
    }

    /// What bounds a grammar, so that absurd ones end in an error.
    enum Limit {
        /// States before rules are made deterministic.
        static let states = 400_000
        /// Nodes afterwards.
        static let nodes = 200_000
        /// The work of making rules deterministic, in states visited.
        static let work = 20_000_000
        /// How many calls may be open at once.
        static let depth = 120
        /// How deep expressions may nest.
        static let nesting = 200
        /// How many readings of one text are followed side by side.
        static let stacks = 256
    }

    static let unreachable = Int32.max

    var nodes: [Node] = []
    var root: Int32 = 0
    /// For each node, the fewest further open calls with which its rule can end.
    var need: [Int32] = []
    /// For each node, the fewest bytes with which its rule can end.
    var distance: [Int32] = []
    /// The class of each byte: bytes of a class are alike to every node.
    var classes: [UInt8] = []
    /// A byte of each class.
    var examples: [UInt8] = []

    /// Creates the automaton of a grammar.
    ///
    /// - Throws: `SkeinError` with code `.invalidArgument` where a rule calls itself before reading a
    ///   byte, no text matches, or a limit is exceeded.
    init(_ grammar: Grammar) throws {
        var builder = GrammarBuilder(rules: grammar.rules)
        root = try builder.build(grammar.root)
        nodes = builder.nodes
        try checkLeftRecursion()
        measure()
        guard need[Int(root)] != Self.unreachable else {
            throw SkeinError(.invalidArgument, "no text matches the grammar")
        }
        guard need[Int(root)] < Self.Limit.depth else {
            throw SkeinError(
                .invalidArgument,
                "the grammar's shortest text nests \(need[Int(root)]) rules, expected fewer than "
                    + "\(Self.Limit.depth)"
            )
        }
        prune()
        classify()
    }

    /// The node after reading a byte, or a negative number.
    func target(of node: Int32, reading byte: UInt8) -> Int32 {
        let edges = nodes[Int(node)].edges
        var low = 0
        var high = edges.count
        while low < high {
            let middle = (low + high) / 2
            if edges[middle].high < byte { low = middle + 1 } else { high = middle }
        }
        guard low < edges.count, edges[low].low <= byte else { return -1 }
        return edges[low].target
    }

    /// Splits bytes into classes.
    private mutating func classify() {
        var begins = [Bool](repeating: false, count: 257)
        for node in nodes {
            for edge in node.edges {
                begins[Int(edge.low)] = true
                begins[Int(edge.high) + 1] = true
            }
        }
        begins[0] = true
        for byte in 0..<256 {
            if begins[byte] { examples.append(UInt8(byte)) }
            classes.append(UInt8(examples.count - 1))
        }
    }
}

// MARK: - Checks

extension GrammarAutomaton {
    /// Fills `need` and `distance`.
    private mutating func measure() {
        need = Array(repeating: Self.unreachable, count: nodes.count)
        distance = need
        var readers: [[Int32]] = Array(repeating: [], count: nodes.count)
        for (index, node) in nodes.enumerated() {
            let reader = Int32(index)
            for edge in node.edges { readers[Int(edge.target)].append(reader) }
            for call in node.calls {
                readers[Int(call.start)].append(reader)
                readers[Int(call.back)].append(reader)
            }
        }
        var queue = nodes.indices.map { Int32($0) }.reversed() as [Int32]
        var isQueued = [Bool](repeating: true, count: nodes.count)
        var head = 0
        while head < queue.count {
            let index = Int(queue[head])
            head += 1
            isQueued[index] = false
            let (depth, bytes) = measured(nodes[index])
            guard depth < need[index] || bytes < distance[index] else { continue }
            need[index] = min(depth, need[index])
            distance[index] = min(bytes, distance[index])
            for reader in readers[index] where !isQueued[Int(reader)] {
                isQueued[Int(reader)] = true
                queue.append(reader)
            }
            if head > 1 << 20 {
                queue.removeFirst(head)
                head = 0
            }
        }
    }

    private func measured(_ node: Node) -> (depth: Int32, bytes: Int32) {
        if node.isEnd { return (0, 0) }
        var depth = Self.unreachable
        var bytes = Self.unreachable
        for edge in node.edges where need[Int(edge.target)] != Self.unreachable {
            depth = min(depth, need[Int(edge.target)])
            bytes = min(bytes, Self.sum(distance[Int(edge.target)], 1))
        }
        for call in node.calls {
            let (start, back) = (Int(call.start), Int(call.back))
            guard need[start] != Self.unreachable, need[back] != Self.unreachable else { continue }
            depth = min(depth, max(Self.sum(need[start], 1), need[back]))
            bytes = min(bytes, Self.sum(distance[start], distance[back]))
        }
        return (depth, bytes)
    }

    /// The sum, bounded so that it stays below `unreachable`.
    static func sum(_ a: Int32, _ b: Int32) -> Int32 {
        let (sum, isOver) = a.addingReportingOverflow(b)
        return isOver ? unreachable - 1 : min(sum, unreachable - 1)
    }

    /// Removes what cannot lead to an end.
    private mutating func prune() {
        for index in nodes.indices {
            nodes[index].edges.removeAll { need[Int($0.target)] == Self.unreachable }
            nodes[index].calls.removeAll {
                need[Int($0.start)] == Self.unreachable || need[Int($0.back)] == Self.unreachable
            }
        }
    }

    /// Refuses rules that call themselves before they read a byte: their stacks would never end.
    private func checkLeftRecursion() throws {
        var isNullable = nodes.map(\.isEnd)
        var changes = true
        while changes {
            changes = false
            for index in nodes.indices.reversed() where !isNullable[index] {
                let reaches = nodes[index].calls.contains {
                    isNullable[Int($0.start)] && isNullable[Int($0.back)]
                }
                if reaches {
                    isNullable[index] = true
                    changes = true
                }
            }
        }
        let component = silentComponents(isNullable)
        for (index, node) in nodes.enumerated() {
            for call in node.calls where component[index] == component[Int(call.start)] {
                throw SkeinError(
                    .invalidArgument,
                    "a rule of the grammar calls itself before it reads a byte (left recursion)",
                    hint: "write a list as item (separator item)*"
                )
            }
        }
    }

    /// For each node, the strongly connected component of what is reached without a byte (Tarjan).
    private func silentComponents(_ isNullable: [Bool]) -> [Int] {
        var order = [Int](repeating: -1, count: nodes.count)
        var low = order
        var component = order
        var open: [Int] = []
        var count = 0
        for first in nodes.indices where order[first] < 0 {
            var path: [(node: Int, next: Int)] = [(first, 0)]
            while let (node, next) = path.last {
                if next == 0 {
                    order[node] = count
                    low[node] = count
                    count += 1
                    open.append(node)
                }
                let calls = nodes[node].calls
                guard next < calls.count * 2 else {
                    path.removeLast()
                    if let parent = path.last?.node { low[parent] = min(low[parent], low[node]) }
                    guard low[node] == order[node] else { continue }
                    while let member = open.popLast() {
                        component[member] = node
                        if member == node { break }
                    }
                    continue
                }
                path[path.count - 1].next += 1
                let call = calls[next / 2]
                let isBack = next % 2 == 1
                if isBack && !isNullable[Int(call.start)] { continue }
                let target = Int(isBack ? call.back : call.start)
                if order[target] < 0 {
                    path.append((target, 0))
                } else if component[target] < 0 {
                    low[node] = min(low[node], order[target])
                }
            }
        }
        return component
    }
}
