extension Partition {
    /// This partition with every node that has no part yet in the part it is tied to most and that has
    /// room; nodes without such ties go to the lightest part.
    ///
    /// - Parameters:
    ///   - graph: The graph.
    ///   - request: How even the parts must be; `parts` is not looked at.
    /// - Returns: A partition of all nodes.
    /// - Complexity: O(m) for every ring of new nodes around the old ones.
    func completed(_ graph: Graph, _ request: PartitionRequest) -> Partition {
        var result = self
        var request = request
        request.parts = count
        let capacity = request.capacity(nodeCount: graph.nodeCount)
        var loads = result.loads(request)
        var gains = PartGains(graph, count: count)
        var missing = (0..<graph.nodeCount).filter { parts[$0] < 0 }
        while !missing.isEmpty {
            var waiting: [Int] = []
            for node in missing {
                gains.collect(graph, node, result.parts)
                let load = request.load(node)
                guard graph.degree(of: node) > 0 else {
                    result.parts[node] = Self.place(load, &loads)
                    continue
                }
                let best = gains.touched.filter { loads[$0] + load <= capacity }
                    .max { (gains[$0], $1) < (gains[$1], $0) }
                guard let best else {
                    waiting.append(node)
                    continue
                }
                result.parts[node] = Int32(best)
                loads[best] += load
            }
            if waiting.count == missing.count {
                for node in waiting { result.parts[node] = Self.place(request.load(node), &loads) }
                break
            }
            missing = waiting
        }
        return result
    }

    /// Adds a load to the lightest part.
    private static func place(_ load: Int, _ loads: inout [Int]) -> Int32 {
        let lightest = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
        loads[lightest] += load
        return Int32(lightest)
    }
}
