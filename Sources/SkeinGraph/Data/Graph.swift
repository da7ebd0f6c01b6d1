/// An undirected weighted graph in compressed sparse rows.
///
/// Every edge is stored in both directions, rows are sorted by neighbour, there are no self loops and
/// no repeated edges, and weights are positive. Nodes are `0 ..< nodeCount`.
public final class Graph: @unchecked Sendable {
    // Invariant: the three arrays are never written after `init` and live as long as `owner`.

    /// How many nodes there are.
    public let nodeCount: Int
    /// How many directed entries there are: twice the number of edges.
    public let entryCount: Int
    package let offsets: UnsafePointer<Int64>
    package let targets: UnsafePointer<Int32>
    /// One weight an entry; `nil` when all are one.
    package let weights: UnsafePointer<Float>?
    private let owner: AnyObject

    /// Memory that ends with its last user.
    final class Arrays: @unchecked Sendable {
        // Invariant: every piece of work writes its own rows, and nobody reads before all are done.
        let offsets: UnsafeMutablePointer<Int64>
        let targets: UnsafeMutablePointer<Int32>
        let weights: UnsafeMutablePointer<Float>?

        init(nodes: Int, entries: Int, isWeighted: Bool) {
            offsets = .allocate(capacity: nodes + 1)
            offsets.initialize(repeating: 0, count: nodes + 1)
            targets = .allocate(capacity: max(entries, 1))
            weights = isWeighted ? .allocate(capacity: max(entries, 1)) : nil
        }

        deinit {
            offsets.deallocate()
            targets.deallocate()
            weights?.deallocate()
        }
    }

    /// Wraps arrays that somebody else keeps.
    package init(
        nodeCount: Int,
        entryCount: Int,
        offsets: UnsafePointer<Int64>,
        targets: UnsafePointer<Int32>,
        weights: UnsafePointer<Float>?,
        owner: AnyObject
    ) {
        self.nodeCount = nodeCount
        self.entryCount = entryCount
        self.offsets = offsets
        self.targets = targets
        self.weights = weights
        self.owner = owner
    }

    /// Builds a graph from edges in any order and direction.
    ///
    /// Self loops are left out and repeated edges summed. When all sums are equal, weights become ones.
    ///
    /// - Parameters:
    ///   - nodeCount: The number of nodes, at most 2³¹ − 1.
    ///   - sources: One end of every edge.
    ///   - destinations: The other ends.
    ///   - weights: A positive weight an edge, or `nil`.
    /// - Complexity: O(n + m log(largest degree)).
    public convenience init(
        nodeCount: Int,
        sources: [Int32],
        destinations: [Int32],
        weights: [Float]? = nil
    ) {
        precondition(sources.count == destinations.count)
        let edges = GraphBuilder.Edges(
            sources: sources,
            destinations: destinations,
            weights: weights ?? []
        )
        guard
            let builder = try? GraphBuilder(
                nodeCount: nodeCount,
                compute: GraphCompute(),
                edges: { $0([edges]) }
            ), let (arrays, entries) = try? Arrays.rows(of: builder)
        else { preconditionFailure("edges in memory are always there") }
        self.init(nodeCount: nodeCount, entryCount: entries, arrays: arrays)
    }

    /// Takes finished arrays.
    convenience init(nodeCount: Int, entryCount: Int, arrays: Arrays) {
        self.init(
            nodeCount: nodeCount,
            entryCount: entryCount,
            offsets: UnsafePointer(arrays.offsets),
            targets: UnsafePointer(arrays.targets),
            weights: arrays.weights.map { UnsafePointer($0) },
            owner: arrays
        )
    }

    /// Builds a graph from its rows, which must already be sorted and the same in both directions.
    package convenience init(offsets: [Int64], targets: [Int32], weights: [Float]?) {
        let arrays = Arrays(
            nodes: offsets.count - 1,
            entries: targets.count,
            isWeighted: weights != nil
        )
        arrays.offsets.update(from: offsets, count: offsets.count)
        arrays.targets.update(from: targets, count: targets.count)
        if let weights { arrays.weights?.update(from: weights, count: weights.count) }
        self.init(nodeCount: offsets.count - 1, entryCount: targets.count, arrays: arrays)
    }

    /// How many undirected edges there are.
    public var edgeCount: Int { entryCount / 2 }

    /// The entries of a node's row.
    package func entries(of node: Int) -> Range<Int> {
        Int(offsets[node])..<Int(offsets[node + 1])
    }

    /// How many neighbours a node has.
    public func degree(of node: Int) -> Int { Int(offsets[node + 1] - offsets[node]) }

    /// The weight of an entry.
    package func weight(_ entry: Int) -> Float { weights?[entry] ?? 1 }

    /// The sum of the weights at a node.
    public func strength(of node: Int) -> Double {
        guard let weights else { return Double(degree(of: node)) }
        return entries(of: node).reduce(0) { $0 + Double(weights[$1]) }
    }

    /// The neighbours of a node in ascending order.
    public func neighbors(of node: Int) -> [Int] { entries(of: node).map { Int(targets[$0]) } }

    /// Whether two nodes share an edge.
    ///
    /// - Parameters:
    ///   - a: One node.
    ///   - b: Another node.
    /// - Returns: Whether there is an edge between them.
    /// - Complexity: O(log degree).
    public func hasEdge(_ a: Int, _ b: Int) -> Bool {
        var (low, high) = (Int(offsets[a]), Int(offsets[a + 1]))
        while low < high {
            let middle = (low + high) / 2
            if Int(targets[middle]) < b { low = middle + 1 } else { high = middle }
        }
        return low < Int(offsets[a + 1]) && Int(targets[low]) == b
    }

    /// The subgraph on some nodes, with those edges of theirs that `keeps` lets pass.
    ///
    /// - Parameters:
    ///   - nodes: Distinct nodes; node `i` of the result is `nodes[i]`.
    ///   - places: A scratch array of `nodeCount` values, all −1; it is left so.
    ///   - keeps: Whether an edge is kept; both directions must get the same answer.
    /// - Returns: The subgraph.
    package func subgraph(
        on nodes: [Int32],
        places: inout [Int32],
        keeps: (Int, Int) -> Bool = { _, _ in true }
    ) -> Graph {
        for (index, node) in nodes.enumerated() { places[Int(node)] = Int32(index) }
        defer { for node in nodes { places[Int(node)] = -1 } }
        var length = 0
        for node in nodes {
            for entry in entries(of: Int(node)) where places[Int(targets[entry])] >= 0 {
                if keeps(Int(node), Int(targets[entry])) { length += 1 }
            }
        }
        let arrays = Arrays(nodes: nodes.count, entries: length, isWeighted: weights != nil)
        let isSorted = zip(nodes, nodes.dropFirst()).allSatisfy { $0 < $1 }
        length = 0
        for (index, node) in nodes.enumerated() {
            let begin = length
            for entry in entries(of: Int(node)) where places[Int(targets[entry])] >= 0 {
                guard keeps(Int(node), Int(targets[entry])) else { continue }
                arrays.targets[length] = places[Int(targets[entry])]
                if let weights { arrays.weights?[length] = weights[entry] }
                length += 1
            }
            if !isSorted { Self.sortRow(arrays, begin..<length) }
            arrays.offsets[index + 1] = Int64(length)
        }
        return Graph(nodeCount: nodes.count, entryCount: length, arrays: arrays)
    }

    private static func sortRow(_ arrays: Arrays, _ range: Range<Int>) {
        let row = range.map { (arrays.targets[$0], arrays.weights?[$0] ?? 1) }
            .sorted { $0.0 < $1.0 }
        for (index, value) in zip(range, row) {
            arrays.targets[index] = value.0
            arrays.weights?[index] = value.1
        }
    }
}
