/// Balanced label propagation after another partitioner.
///
/// A node wants the part with the largest share of its weight plus a bonus for free room. Of a round's
/// wishes a part grants those that hash lowest until it is full, and half of the nodes sit a round out
/// so that neighbours do not trade places.
public struct RefinePartitioner: Partitioner {
    /// Where the first partition comes from.
    public var start: any Partitioner
    /// The most rounds.
    public var rounds: Int
    /// What an empty part adds to a score.
    public var roomBonus: Float
    /// Rounds end when the cut falls by less than this share.
    public var tolerance = 0.001

    /// Creates the partitioner.
    public init(
        start: any Partitioner = GrowPartitioner(),
        rounds: Int = 10,
        roomBonus: Float = 0.5
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
        var current = partition
        var loads = current.loads(request)
        var bestCut = partition.statistics(of: graph).cutWeight
        var stale = 0
        for round in 0..<rounds * 2 where stale < 4 {
            let moves = wishes(current, loads, graph, request, round, capacity)
            guard !moves.isEmpty || round % 2 == 0 else { break }
            for (node, part) in moves {
                let load = request.load(node)
                guard loads[part] + load <= capacity else { continue }
                loads[Int(current.parts[node])] -= load
                loads[part] += load
                current.parts[node] = Int32(part)
            }
            let cut = current.statistics(of: graph).cutWeight
            stale = cut < bestCut * (1 - tolerance) ? 0 : stale + 1
            if cut < bestCut {
                bestCut = cut
                partition = current
            }
        }
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
        var gains = PartGains(count: current.count)
        let bonus = loads.map { roomBonus * (1 - Float($0) / Float(capacity)) }
        var moves: [(hash: UInt64, node: Int, part: Int)] = []
        for node in 0..<graph.nodeCount {
            let hash = GraphRandom.hash(node, request.seed, round / 2 + 2)
            guard Int(hash & 1) == round % 2 else { continue }
            gains.collect(graph, node, current.parts)
            guard gains.total > 0 else { continue }
            let home = Int(current.parts[node])
            var best = home
            var bestScore = gains[home] / gains.total + bonus[home]
            for part in gains.touched where part != home {
                let score = gains[part] / gains.total + bonus[part]
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
