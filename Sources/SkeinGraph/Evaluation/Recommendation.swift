public import SkeinTensor
internal import Synchronization

/// How well hidden neighbours are recommended.
public struct Recommendation: Sendable, Equatable {
    /// The mean share of a node's hidden neighbours among its first k.
    public var recall: Double
    /// The mean normalised discounted cumulative gain of the first k.
    public var normalizedGain: Double
    /// How many nodes had hidden neighbours.
    public var nodes: Int

    /// Ranks for every node with hidden edges all nodes that it is not joined with.
    ///
    /// In a bipartite graph only nodes of the other side are ranked.
    ///
    /// - Parameters:
    ///   - split: The hidden edges.
    ///   - vectors: Vectors learnt from the split's graph alone; ranked by inner product.
    ///   - k: How many items are looked at.
    ///   - processor: Where it runs.
    ///   - maximumNodes: At most so many nodes are looked at, the first ones.
    public init(
        _ split: EdgeSplit,
        _ vectors: NodeMatrix,
        k: Int,
        processor: Processor,
        maximumNodes: Int = 5000
    ) {
        var hidden: [Int: Set<Int>] = [:]
        for (a, b) in split.testPositives {
            hidden[a, default: []].insert(b)
            hidden[b, default: []].insert(a)
        }
        let asked = Array(hidden.keys.sorted().prefix(maximumNodes))
        let sides = split.graph.sides
        let relevant = asked.map { hidden[$0] ?? [] }
        let results = Mutex<[(Double, Double)]>(.init(repeating: (0, 0), count: asked.count))
        let graph = split.graph
        processor.pool.run(tasks: asked.count) { index in
            let node = asked[index]
            var isKnown = [Bool](repeating: false, count: graph.nodeCount)
            isKnown[node] = true
            for entry in graph.entries(of: node) { isKnown[Int(graph.targets[entry])] = true }
            var scored: [(score: Float, node: Int)] = []
            for other in 0..<graph.nodeCount where !isKnown[other] {
                if let sides, sides[other] == sides[node] { continue }
                scored.append((vectors.dot(node, other), other))
            }
            scored.sort { ($1.score, $0.node) < ($0.score, $1.node) }
            let ranked = scored.prefix(k).map(\.node)
            let pair = (
                RankingMetrics.recall(ranked, relevant: relevant[index], k: k),
                RankingMetrics.normalizedGain(ranked, relevant: relevant[index], k: k)
            )
            results.withLock { $0[index] = pair }
        }
        let all = results.withLock { $0 }
        nodes = asked.count
        recall = all.reduce(0) { $0 + $1.0 } / Double(max(asked.count, 1))
        normalizedGain = all.reduce(0) { $0 + $1.1 } / Double(max(asked.count, 1))
    }
}

extension Graph {
    /// The side of every node when the graph has two without inner edges; `nil` otherwise.
    package var sides: [Bool]? {
        var sides = [Bool?](repeating: nil, count: nodeCount)
        for start in 0..<nodeCount where sides[start] == nil {
            sides[start] = false
            var queue = [start]
            while let node = queue.popLast() {
                let other = !(sides[node] ?? false)
                for entry in entries(of: node) {
                    let next = Int(targets[entry])
                    if sides[next] == nil {
                        sides[next] = other
                        queue.append(next)
                    } else if sides[next] != other {
                        return nil
                    }
                }
            }
        }
        return sides.map { $0 ?? false }
    }
}
