/// Random walks of the first and the second order over one graph.
///
/// - Paper: Grover & Leskovec 2016, "node2vec", section 3.2; second-order steps by rejection.
package struct Walker: Sendable {
    private let graph: Graph
    /// The return parameter.
    private let p: Float
    /// The in-out parameter.
    private let q: Float
    /// Alias slots of every row, when edges have weights.
    private let slots: [UInt64]
    private let bound: Float

    /// Prepares walks.
    package init(_ graph: Graph, p: Float = 1, q: Float = 1) {
        self.graph = graph
        self.p = p
        self.q = q
        bound = max(1 / p, 1, 1 / q)
        var slots = [UInt64](repeating: 0, count: graph.weights == nil ? 0 : graph.entryCount)
        if let weights = graph.weights {
            slots.withUnsafeMutableBufferPointer { all in
                for node in 0..<graph.nodeCount {
                    let range = graph.entries(of: node)
                    let row = UnsafeMutableBufferPointer(rebasing: all[range])
                    AliasTable.fill(row, range.map { Double(weights[$0]) })
                }
            }
        }
        self.slots = slots
    }

    /// Writes a walk; returns its length, which is one at a node without edges.
    func walk(
        from start: Int,
        into path: UnsafeMutablePointer<Int32>,
        length: Int,
        _ random: inout GraphRandom
    ) -> Int {
        slots.withUnsafeBufferPointer { slots in
            path[0] = Int32(start)
            guard length > 1, graph.degree(of: start) > 0 else { return min(length, 1) }
            path[1] = Int32(step(start, slots, &random))
            if p == 1, q == 1 {
                for index in 2..<max(length, 2) {
                    path[index] = Int32(step(Int(path[index - 1]), slots, &random))
                }
            } else {
                for index in 2..<max(length, 2) {
                    let (from, at) = (Int(path[index - 2]), Int(path[index - 1]))
                    path[index] = Int32(secondStep(from, at, slots, &random))
                }
            }
            return length
        }
    }

    @inline(__always) private func step(
        _ node: Int,
        _ slots: UnsafeBufferPointer<UInt64>,
        _ random: inout GraphRandom
    ) -> Int {
        let first = Int(graph.offsets[node])
        let degree = Int(graph.offsets[node + 1]) - first
        guard !slots.isEmpty else { return Int(graph.targets[first + random.below(degree)]) }
        let row = UnsafeBufferPointer(rebasing: slots[first..<first + degree])
        return Int(graph.targets[first + AliasTable.draw(row, &random)])
    }

    private func secondStep(
        _ from: Int,
        _ at: Int,
        _ slots: UnsafeBufferPointer<UInt64>,
        _ random: inout GraphRandom
    ) -> Int {
        while true {
            let next = step(at, slots, &random)
            let bias = next == from ? 1 / p : graph.hasEdge(next, from) ? 1 : 1 / q
            if random.unit() * bound < bias { return next }
        }
    }

    /// The walk that a place and a lane of a seed stand for.
    package func walk(from start: Int, length: Int, seed: SubgraphSeed, lane: Int = 0) -> [Int] {
        var path = [Int32](repeating: 0, count: max(length, 1))
        var random = seed.random(.walk, at: start, lane: lane)
        let count = path.withUnsafeMutableBufferPointer { buffer -> Int in
            guard let base = buffer.baseAddress else { return 0 }
            return walk(from: start, into: base, length: length, &random)
        }
        return path.prefix(count).map { Int($0) }
    }
}
