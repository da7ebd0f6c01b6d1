internal import SkeinCore

/// DeepWalk and node2vec: skip-gram with negative sampling over random walks.
///
/// - Paper: Perozzi et al. 2014, "DeepWalk"; Grover & Leskovec 2016, "node2vec"; Mikolov et al. 2013,
///   "Distributed representations of words and phrases", eq. 4.
/// - Deviation: the negatives of a position are shared by the words of its window, so that six rows
///   stay in the first cache for some ten pairs; the expected gradient is unchanged.
public struct WalkEmbedder: SubgraphEmbedder {
    /// Walks that start at every node.
    public var walks = 10
    /// Nodes of a walk.
    public var length = 80
    /// The farthest context; each position draws its own from one to this.
    public var window = 10
    /// Negative samples a position.
    public var negatives = 5
    /// Passes over the walks.
    public var epochs = 1
    /// The learning rate at the start.
    public var learningRate: Float = 0.025
    /// The learning rate at the end; it falls linearly.
    public var finalLearningRate: Float = 1e-4
    /// The return parameter.
    public var p: Float = 1
    /// The in-out parameter.
    public var q: Float = 1
    /// Whether threads update the same vectors without locks; then results vary from run to run.
    public var isRacing = false
    /// The most nodes that walks start at, when only their cost is asked for.
    var maximumStarts = Int.max

    /// Creates DeepWalk with its usual settings.
    public init() {}

    /// The method's name in reports.
    public var name: String { p == 1 && q == 1 ? "deepwalk" : "node2vec" }

    /// How many walks are generated before they are trained on.
    private static let blockWalks = 4096

    /// Embeds a graph by walks.
    public func embed(
        _ graph: Graph,
        dimensions: Int,
        seed: SubgraphSeed,
        compute: GraphCompute
    ) throws -> NodeMatrix {
        guard p > 0, q > 0, p.isFinite, q.isFinite else {
            throw SkeinError(.invalidArgument, "p is \(p) and q is \(q), expected positive numbers")
        }
        let input = NodeMatrix(rows: graph.nodeCount, dimensions: dimensions)
        let starts = (0..<graph.nodeCount).filter { graph.degree(of: $0) > 0 }
        guard starts.count > 1 else { return input }
        for node in starts {
            var random = seed.random(.start, at: node)
            for column in 0..<dimensions {
                input[node, column] = (random.unit() - 0.5) / Float(dimensions)
            }
        }
        let trainer = SkipGramTrainer(
            embedder: self,
            input: input,
            output: NodeMatrix(rows: graph.nodeCount, dimensions: dimensions),
            noise: AliasTable((0..<graph.nodeCount).map { Self.noise(graph.strength(of: $0)) }),
            negatives: min(negatives, starts.count - 1),
            compute: compute
        )
        let walker = Walker(graph, p: p, q: q)
        let rounds = walks * epochs
        let total = rounds * starts.count
        let paths = PathBlock(walks: Self.blockWalks, length: length)
        var done = 0
        for round in 0..<rounds {
            var order = starts
            var random = seed.random(.order, at: round % walks)
            for index in order.indices.dropLast() {
                order.swapAt(index, index + random.below(order.count - index))
            }
            order.removeLast(max(order.count - maximumStarts, 0))
            for first in stride(from: 0, to: order.count, by: Self.blockWalks) {
                let block = Array(order[first..<min(first + Self.blockWalks, order.count)])
                let lane = round % walks
                compute.run(count: block.count, size: 256) { range in
                    for index in range {
                        var random = seed.random(.walk, at: block[index], lane: lane)
                        paths.counts[index] = walker.walk(
                            from: block[index],
                            into: paths.base + index * paths.length,
                            length: paths.length,
                            &random
                        )
                    }
                }
                let before = done
                let train: @Sendable (Range<Int>) -> Void = { range in
                    var random = seed.random(.training, at: before + range.lowerBound)
                    for index in range {
                        trainer.train(
                            paths.base + index * paths.length,
                            count: paths.counts[index],
                            progress: Float(before + index) / Float(total),
                            &random
                        )
                    }
                }
                if isRacing {
                    compute.run(count: block.count, size: 128, train)
                } else {
                    train(0..<block.count)
                }
                done += block.count
            }
        }
        return input
    }

    private static func noise(_ strength: Double) -> Double {
        // x^¾ by two square roots.
        let root = strength.squareRoot()
        return root * root.squareRoot()
    }
}

/// Room for a block of walks.
private final class PathBlock: @unchecked Sendable {
    // Invariant: every walk of a block is written by one thread, and read only afterwards.
    let length: Int
    let base: UnsafeMutablePointer<Int32>
    let counts: UnsafeMutablePointer<Int>

    init(walks: Int, length: Int) {
        self.length = max(length, 1)
        base = .allocate(capacity: walks * max(length, 1))
        counts = .allocate(capacity: walks)
    }

    deinit {
        base.deallocate()
        counts.deallocate()
    }
}
