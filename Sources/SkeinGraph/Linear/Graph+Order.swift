extension Graph {
    /// The same graph with its nodes in groups of like degree, the largest first, each group in the
    /// order it had: the rows that products read most lie close together.
    ///
    /// - Paper: Faldu et al. 2019, "A closer look at lightweight graph reordering", section V.
    /// - Complexity: O(n + m).
    /// - Returns: The graph, and which node every row was.
    func groupedByDegree(_ compute: GraphCompute) -> (graph: Graph, order: [Int32]) {
        // Group 0 holds nodes without edges, group b degrees of b bits.
        func group(_ node: Int) -> Int { Int.bitWidth - degree(of: node).leadingZeroBitCount }
        var starts = [Int](repeating: 0, count: Int.bitWidth + 2)
        for node in 0..<nodeCount { starts[Int.bitWidth - group(node) + 1] += 1 }
        for index in 1..<starts.count { starts[index] += starts[index - 1] }
        var order = [Int32](repeating: 0, count: nodeCount)
        var places = order
        for node in 0..<nodeCount {
            let slot = Int.bitWidth - group(node)
            order[starts[slot]] = Int32(node)
            places[node] = Int32(starts[slot])
            starts[slot] += 1
        }
        return (renumbered(order, places, compute), order)
    }

    /// The graph whose node `i` is `order[i]`; rows keep the order of their entries.
    private func renumbered(_ order: [Int32], _ places: [Int32], _ compute: GraphCompute) -> Graph {
        let arrays = Arrays(nodes: nodeCount, entries: entryCount, isWeighted: weights != nil)
        for (row, node) in order.enumerated() {
            arrays.offsets[row + 1] = arrays.offsets[row] + Int64(degree(of: Int(node)))
        }
        compute.run(count: nodeCount, size: 1024) { range in
            for row in range {
                var at = Int(arrays.offsets[row])
                for entry in self.entries(of: Int(order[row])) {
                    arrays.targets[at] = places[Int(self.targets[entry])]
                    if let weights = self.weights { arrays.weights?[at] = weights[entry] }
                    at += 1
                }
            }
        }
        return Graph(nodeCount: nodeCount, entryCount: entryCount, arrays: arrays)
    }
}
