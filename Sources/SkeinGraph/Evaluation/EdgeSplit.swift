/// A graph with some edges hidden, and as many pairs that never were edges.
public struct EdgeSplit: Sendable {
    /// The graph without the hidden edges.
    public var graph: Graph
    /// Pairs that the graph shows, for training.
    public var trainPositives: [(Int, Int)]
    /// Pairs without an edge, for training.
    public var trainNegatives: [(Int, Int)]
    /// The hidden edges.
    public var testPositives: [(Int, Int)]
    /// Other pairs without an edge.
    public var testNegatives: [(Int, Int)]

    /// Hides a share of the edges, never a node's last one.
    ///
    /// - Parameters:
    ///   - graph: The whole graph.
    ///   - share: How much to hide; less is hidden when nodes would lose their last edge.
    ///   - seed: The seed of the split.
    public init(_ graph: Graph, share: Double = 0.2, seed: UInt64) {
        var random = SubgraphSeed(seed).random(.split)
        var edges: [(Int, Int)] = []
        var entries: [Int] = []
        for node in 0..<graph.nodeCount {
            for entry in graph.entries(of: node) where Int(graph.targets[entry]) > node {
                edges.append((node, Int(graph.targets[entry])))
                entries.append(entry)
            }
        }
        var order = Array(edges.indices)
        for index in order.indices.dropLast() {
            order.swapAt(index, index + random.below(order.count - index))
        }
        var degrees = (0..<graph.nodeCount).map { graph.degree(of: $0) }
        var isHidden = [Bool](repeating: false, count: edges.count)
        let wanted = Int(share * Double(edges.count))
        var hidden = 0
        for index in order where hidden < wanted {
            let (a, b) = edges[index]
            guard degrees[a] > 1, degrees[b] > 1 else { continue }
            degrees[a] -= 1
            degrees[b] -= 1
            isHidden[index] = true
            hidden += 1
        }
        let kept = order.filter { !isHidden[$0] }
        self.graph = Graph(
            nodeCount: graph.nodeCount,
            sources: kept.map { Int32(edges[$0].0) },
            destinations: kept.map { Int32(edges[$0].1) },
            weights: graph.weights.map { weights in kept.map { weights[entries[$0]] } }
        )
        testPositives = order.filter { isHidden[$0] }.map { edges[$0] }
        trainPositives = kept.prefix(max(hidden * 4, 1)).map { edges[$0] }
        var negatives: [(Int, Int)] = []
        var seen = Set<Int>()
        let target = testPositives.count + trainPositives.count
        var tries = 20 * target + 1000
        while negatives.count < target, tries > 0, graph.nodeCount > 1 {
            tries -= 1
            let (x, y) = (random.below(graph.nodeCount), random.below(graph.nodeCount))
            let (a, b) = (min(x, y), max(x, y))
            guard a != b, !graph.hasEdge(a, b) else { continue }
            guard seen.insert(a * graph.nodeCount + b).inserted else { continue }
            negatives.append((a, b))
        }
        let tests = min(testPositives.count, negatives.count)
        testNegatives = Array(negatives[..<tests])
        trainNegatives = Array(negatives[tests...])
    }
}
