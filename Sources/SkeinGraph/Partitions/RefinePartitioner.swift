/// Balanced label propagation after another partitioner.
///
/// A node wants the part with the largest share of its weight plus a bonus for free room. All nodes of a
/// round look at the same partition, and of a round's wishes a part grants those that hash lowest as far
/// as its room at the round's start goes. Half of the nodes sit a round out so that neighbours do not
/// trade places.
public struct RefinePartitioner: Partitioner {
    /// Where the first partition comes from.
    public var start: any Partitioner
    /// The most rounds.
    public var rounds: Int
    /// What an empty part adds to a score.
    public var roomBonus: Double
    /// Rounds end when the cut falls by less than this share.
    public var tolerance = 0.001

    /// Creates the partitioner.
    public init(
        start: any Partitioner = GrowPartitioner(),
        rounds: Int = 10,
        roomBonus: Double = 0.5
    ) {
        self.start = start
        self.rounds = rounds
        self.roomBonus = roomBonus
    }

    /// Divides a graph and improves the division.
    public func partition(_ graph: Graph, _ request: PartitionRequest) -> Partition {
        var partition = start.partition(graph, request)
        refine(&partition, graph, request)
        return partition
    }

    /// Improves a partition in place; the cut never grows.
    func refine(_ partition: inout Partition, _ graph: Graph, _ request: PartitionRequest) {
        guard partition.count > 1 else { return }
        partition.fit(graph, request)
        let capacity = request.capacity(nodeCount: graph.nodeCount)
        let ticks = WeightTicks(graph)
        var current = partition
        var loads = current.loads(request)
        var progress = RefineProgress(self, cut: current.cutTicks(of: graph, ticks))
        while let round = progress.nextRound {
            let moves = wishes(current, loads, graph, request, round, capacity)
            var room = loads.map { capacity - $0 }
            var granted = 0
            for (node, part) in moves {
                let load = request.load(node)
                guard room[part] >= load else { continue }
                granted += 1
                room[part] -= load
                loads[Int(current.parts[node])] -= load
                loads[part] += load
                current.parts[node] = Int32(part)
            }
            if progress.endRound(moves: granted, cut: current.cutTicks(of: graph, ticks)) {
                partition = current
            }
        }
    }

    /// What a part adds to its score, by its load.
    package func bonus(load: Int, capacity: Int) -> Double {
        roomBonus * (1 - Double(load) / Double(capacity))
    }

    /// What the nodes of a round want, in the order in which parts grant it.
    private func wishes(
        _ current: Partition,
        _ loads: [Int],
        _ graph: Graph,
        _ request: PartitionRequest,
        _ round: Int,
        _ capacity: Int
    ) -> [(node: Int, part: Int)] {
        var gains = PartGains(graph, count: current.count)
        let bonus = loads.map { self.bonus(load: $0, capacity: capacity) }
        var moves: [(hash: UInt64, node: Int, part: Int)] = []
        for node in 0..<graph.nodeCount {
            let hash = GraphRandom.hash(node, request.seed, RefineProgress.draw(round))
            guard Int(hash & 1) == round % 2 else { continue }
            gains.collect(graph, node, current.parts)
            guard gains.total > 0 else { continue }
            let home = Int(current.parts[node])
            let total = Double(gains.total)
            var best = home
            var bestScore = Double(gains[home]) / total + bonus[home]
            for part in gains.touched where part != home {
                let score = Double(gains[part]) / total + bonus[part]
                if score > bestScore || score == bestScore && best != home && part < best {
                    best = part
                    bestScore = score
                }
            }
            if best != home { moves.append((hash, node, best)) }
        }
        moves.sort { ($0.hash, $0.node) < ($1.hash, $1.node) }
        return moves.map { ($0.node, $0.part) }
    }
}

/// When refining goes on, and which partition it keeps; the same for every engine.
package struct RefineProgress {
    private let limit: Int
    private let tolerance: Double
    private var round = 0
    private var stale = 0
    private var idle = 0
    private var best: Int64

    /// Starts with the cut of the first partition.
    package init(_ partitioner: RefinePartitioner, cut: Int64) {
        limit = partitioner.rounds * 2
        tolerance = partitioner.tolerance
        best = cut
    }

    /// The round to run; `nil` when refining is over.
    package var nextRound: Int? { idle >= 2 || round >= limit || stale >= 4 ? nil : round }

    /// Which draw of the nodes' hashes a round uses; two rounds share one.
    package static func draw(_ round: Int) -> Int { round / 2 + 2 }

    /// Takes what a round did.
    ///
    /// - Returns: Whether its partition is the best one.
    package mutating func endRound(moves: Int, cut: Int64) -> Bool {
        round += 1
        idle = moves == 0 ? idle + 1 : 0
        stale = Double(cut) < Double(best) * (1 - tolerance) ? 0 : stale + 1
        guard cut < best else { return false }
        best = cut
        return true
    }
}

extension Partition {
    /// The ticks of all edges between two parts, each edge once in either direction.
    func cutTicks(of graph: Graph, _ ticks: WeightTicks) -> Int64 {
        var sum: Int64 = 0
        for node in 0..<graph.nodeCount {
            for entry in graph.entries(of: node)
            where parts[Int(graph.targets[entry])] != parts[node] {
                sum += ticks(graph.weight(entry))
            }
        }
        return sum
    }
}
