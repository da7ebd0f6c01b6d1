internal import Foundation

/// Finds the nodes whose vectors have the largest cosine with a query, approximately.
///
/// - Paper: Malkov & Yashunin 2018, "Efficient and robust approximate nearest neighbor search using
///   hierarchical navigable small world graphs", algorithms 1, 2, 4 and 5.
public final class NeighborIndex: Sendable {
    /// A node that was found.
    public struct Neighbor: Sendable, Equatable {
        /// The row of the node.
        public var node: Int
        /// The cosine with the query.
        public var cosine: Float
    }

    /// How many links a node keeps above the ground layer; twice as many on it.
    public let links: Int
    /// The vectors at unit length.
    let vectors: NodeMatrix
    /// Of every layer above the ground the links of its nodes.
    let layers: [[Int32: [Int32]]]
    let ground: [[Int32]]
    let entry: Int
    /// A hash of the vectors it was built from.
    let fingerprint: UInt64

    /// Builds the index, one node after another.
    ///
    /// - Parameters:
    ///   - vectors: One row a node.
    ///   - links: How many links a node keeps.
    ///   - breadth: How many candidates are held while building.
    ///   - seed: The seed of the layers.
    /// - Complexity: O(n log n) for vectors without structure.
    public init(_ vectors: NodeMatrix, links: Int = 16, breadth: Int = 100, seed: UInt64 = 1) {
        let unit = vectors.copy()
        unit.normalizeRows()
        fingerprint = Self.fingerprint(vectors)
        self.vectors = unit
        self.links = links
        var state = State(vectors: unit, links: links)
        for node in 0..<unit.rows { state.insert(node, breadth: breadth, seed: seed) }
        layers = state.layers
        ground = state.ground
        entry = state.entry
    }

    /// Takes finished layers.
    init(
        vectors: NodeMatrix,
        links: Int,
        layers: [[Int32: [Int32]]],
        ground: [[Int32]],
        entry: Int,
        fingerprint: UInt64
    ) {
        self.vectors = vectors
        self.links = links
        self.layers = layers
        self.ground = ground
        self.entry = entry
        self.fingerprint = fingerprint
    }

    /// The nearest nodes to a query.
    ///
    /// - Parameters:
    ///   - query: A vector of any length but zero.
    ///   - count: How many.
    ///   - breadth: How many candidates are held; more is slower and surer.
    /// - Returns: Nodes, nearest first.
    public func search(_ query: [Float], count: Int, breadth: Int = 100) -> [Neighbor] {
        guard vectors.rows > 0 else { return [] }
        let row = NodeMatrix(rows: 1, dimensions: vectors.dimensions)
        row[0] = query
        row.normalizeRows()
        let state = State(
            vectors: vectors,
            links: links,
            layers: layers,
            ground: ground,
            entry: entry
        )
        var best = entry
        for layer in layers.indices.reversed() {
            best = state.descend(row.base, from: best, layer: layer + 1)
        }
        return state.collect(row.base, from: [best], layer: 0, breadth: max(breadth, count))
            .prefix(count).map { Neighbor(node: $0.node, cosine: $0.score) }
    }

    /// The nearest nodes by looking at all of them.
    public static func exact(_ vectors: NodeMatrix, _ query: [Float], count: Int) -> [Neighbor] {
        let unit = vectors.copy()
        unit.normalizeRows()
        let row = NodeMatrix(rows: 1, dimensions: vectors.dimensions)
        row[0] = query
        row.normalizeRows()
        return (0..<unit.rows).map { node in
            Neighbor(
                node: node,
                cosine: NodeMatrix.dot(row.base, unit.base + node * unit.stride, count: unit.stride)
            )
        }.sorted { ($1.cosine, $0.node) < ($0.cosine, $1.node) }.prefix(count).map { $0 }
    }
}

/// The layers while they grow.
private struct State {
    typealias Found = (score: Float, node: Int)

    let vectors: NodeMatrix
    let links: Int
    var layers: [[Int32: [Int32]]] = []
    var ground: [[Int32]] = []
    var entry = 0

    func score(_ query: UnsafePointer<Float>, _ node: Int) -> Float {
        NodeMatrix.dot(query, vectors.base + node * vectors.stride, count: vectors.stride)
    }

    func neighbors(_ node: Int, _ layer: Int) -> [Int32] {
        layer == 0 ? ground[node] : layers[layer - 1][Int32(node)] ?? []
    }

    mutating func setNeighbors(_ list: [Int32], _ node: Int, _ layer: Int) {
        if layer == 0 { ground[node] = list } else { layers[layer - 1][Int32(node)] = list }
    }

    mutating func insert(_ node: Int, breadth: Int, seed: UInt64) {
        var random = SubgraphSeed(seed).random(.layers, at: node)
        let unit = (Double(random.next() >> 11) + 0.5) * 0x1p-53
        let height = min(Int(-log(unit) / log(Double(max(links, 2)))), 16)
        ground.append([])
        guard node > 0 else {
            layers = .init(repeating: [0: []], count: height)
            return
        }
        let query = UnsafePointer(vectors.base + node * vectors.stride)
        var starts = [entry]
        for layer in stride(from: layers.count, to: height, by: -1) {
            starts = [descend(query, from: starts[0], layer: layer)]
        }
        for layer in stride(from: min(height, layers.count), through: 0, by: -1) {
            let found = collect(query, from: starts, layer: layer, breadth: breadth)
            let chosen = select(found, limit: links)
            setNeighbors(chosen.map { Int32($0) }, node, layer)
            let limit = layer == 0 ? 2 * links : links
            for other in chosen { link(other, node, layer, limit) }
            starts = found.map(\.node)
        }
        while layers.count < height {
            layers.append([Int32(node): []])
            entry = node
        }
    }

    private mutating func link(_ node: Int, _ new: Int, _ layer: Int, _ limit: Int) {
        var list = neighbors(node, layer)
        list.append(Int32(new))
        if list.count > limit {
            let query = UnsafePointer(vectors.base + node * vectors.stride)
            let ranked = list.map { (score: score(query, Int($0)), node: Int($0)) }
                .sorted { ($1.score, $0.node) < ($0.score, $1.node) }
            list = select(ranked, limit: limit).map { Int32($0) }
        }
        setNeighbors(list, node, layer)
    }

    /// Keeps nodes that are nearer to the query than to any kept one, then the nearest of the rest.
    private func select(_ ranked: [Found], limit: Int) -> [Int] {
        guard ranked.count > limit else { return ranked.map(\.node) }
        var kept: [Int] = []
        var rest: [Int] = []
        for (score, node) in ranked where kept.count < limit {
            let own = UnsafePointer(vectors.base + node * vectors.stride)
            if kept.allSatisfy({ self.score(own, $0) < score }) {
                kept.append(node)
            } else {
                rest.append(node)
            }
        }
        return kept + rest.prefix(limit - kept.count)
    }

    /// Walks to the nearest node of a layer.
    func descend(_ query: UnsafePointer<Float>, from start: Int, layer: Int) -> Int {
        var best = start
        var bestScore = score(query, start)
        while true {
            var next = best
            for other in neighbors(best, layer) {
                let value = score(query, Int(other))
                if value > bestScore { (next, bestScore) = (Int(other), value) }
            }
            guard next != best else { return best }
            best = next
        }
    }

    /// The nearest nodes of a layer, nearest first.
    func collect(
        _ query: UnsafePointer<Float>,
        from starts: [Int],
        layer: Int,
        breadth: Int
    ) -> [Found] {
        var seen = Set(starts)
        // Both lists ascend, so that the ends are the best candidate and the worst result is first.
        var candidates = starts.map { (score: score(query, $0), node: $0) }.sorted {
            $0.score < $1.score
        }
        var results = Array(candidates.suffix(breadth))
        while let candidate = candidates.popLast() {
            if results.count >= breadth, candidate.score < results[0].score { break }
            for other in neighbors(candidate.node, layer) where seen.insert(Int(other)).inserted {
                let found = (score: score(query, Int(other)), node: Int(other))
                guard results.count < breadth || found.score > results[0].score else { continue }
                Self.insert(found, into: &candidates)
                Self.insert(found, into: &results)
                if results.count > breadth { results.removeFirst() }
            }
        }
        return results.reversed()
    }

    private static func insert(_ found: Found, into list: inout [Found]) {
        var (low, high) = (0, list.count)
        while low < high {
            let middle = (low + high) / 2
            if list[middle].score < found.score { low = middle + 1 } else { high = middle }
        }
        list.insert(found, at: low)
    }
}
