/// Coarsens by heavy-edge matching, divides the coarsest graph, and refines on the way back.
///
/// - Paper: Karypis & Kumar 1998, "A fast and high quality multilevel scheme for partitioning
///   irregular graphs".
public struct MultilevelPartitioner: Partitioner {
    /// Coarsening ends at so many nodes.
    public var coarseNodes: Int

    /// Creates the partitioner.
    public init(coarseNodes: Int = 20_000) { self.coarseNodes = coarseNodes }

    /// Divides a graph through coarser ones.
    public func partition(_ graph: Graph, _ request: PartitionRequest) -> Partition {
        guard request.parts > 1 else { return .whole(nodeCount: graph.nodeCount) }
        let target = max(coarseNodes, request.parts * 16)
        var graphs = [graph]
        var loads = [request.loads ?? .init(repeating: 1, count: graph.nodeCount)]
        var maps: [[Int32]] = []
        let capacity = request.capacity(nodeCount: graph.nodeCount)
        while let fine = graphs.last, let weights = loads.last, fine.nodeCount > target {
            let (map, count) = Self.matching(
                fine,
                weights,
                request.seed,
                limit: max(capacity / 8, 2)
            )
            guard Double(count) < 0.95 * Double(fine.nodeCount) else { break }
            var merged = [Int](repeating: 0, count: count)
            for (node, coarse) in map.enumerated() { merged[Int(coarse)] += weights[node] }
            graphs.append(Self.contracted(fine, map, count))
            loads.append(merged)
            maps.append(map)
        }
        let refiner = RefinePartitioner()
        var level = request
        level.loads = loads.last
        var partition = refiner.partition(graphs[graphs.count - 1], level)
        for step in maps.indices.reversed() {
            partition.parts = maps[step].map { partition.parts[Int($0)] }
            level.loads = step == 0 ? request.loads : loads[step]
            refiner.refine(&partition, graphs[step], level)
        }
        return partition
    }

    /// Pairs every node with the free neighbour it is tied to most, in hash order.
    private static func matching(
        _ graph: Graph,
        _ loads: [Int],
        _ seed: UInt64,
        limit: Int
    ) -> (map: [Int32], count: Int) {
        let order = (0..<graph.nodeCount).sorted {
            (GraphRandom.hash($0, seed), $0) < (GraphRandom.hash($1, seed), $1)
        }
        var map = [Int32](repeating: -1, count: graph.nodeCount)
        var count: Int32 = 0
        for node in order where map[node] < 0 {
            var best = -1
            var bestWeight: Float = 0
            for entry in graph.entries(of: node) {
                let other = Int(graph.targets[entry])
                guard map[other] < 0, loads[node] + loads[other] <= limit else { continue }
                // A heavy tie to a light neighbour keeps hubs from swallowing everything.
                let weight = graph.weight(entry) / Float(loads[other])
                if weight > bestWeight { (best, bestWeight) = (other, weight) }
            }
            map[node] = count
            if best >= 0 { map[best] = count }
            count += 1
        }
        return (map, Int(count))
    }

    /// The graph of merged nodes.
    private static func contracted(_ graph: Graph, _ map: [Int32], _ count: Int) -> Graph {
        var sources: [Int32] = []
        var destinations: [Int32] = []
        var weights: [Float] = []
        for node in 0..<graph.nodeCount {
            for entry in graph.entries(of: node) {
                let other = Int(graph.targets[entry])
                guard node < other, map[node] != map[other] else { continue }
                sources.append(map[node])
                destinations.append(map[other])
                weights.append(graph.weight(entry))
            }
        }
        return Graph(
            nodeCount: count,
            sources: sources,
            destinations: destinations,
            weights: weights
        )
    }
}
