/// Balanced region growing from degree-weighted seeds.
///
/// Every round each unowned neighbour of a part asks the part it shares most weight with that still
/// has room; a part takes at most a quota of them, those with the largest gain first.
public struct GrowPartitioner: Partitioner {
    /// The share of a part's capacity that one round may add.
    public var roundShare = 0.125

    /// Creates the partitioner.
    public init() {}

    /// Divides a graph by growing regions.
    public func partition(_ graph: Graph, _ request: PartitionRequest) -> Partition {
        let count = max(request.parts, 1)
        guard count > 1 else { return .whole(nodeCount: graph.nodeCount) }
        let capacity = request.capacity(nodeCount: graph.nodeCount)
        var parts = [Int32](repeating: -1, count: graph.nodeCount)
        var loads = [Int](repeating: 0, count: count)
        var frontier = Set<Int>()
        for (part, node) in seeds(graph, count, request.seed).enumerated() {
            parts[node] = Int32(part)
            loads[part] += request.load(node)
            for entry in graph.entries(of: node) { frontier.insert(Int(graph.targets[entry])) }
        }
        var gains = PartGains(graph, count: count)
        let quota = Self.quota(capacity: capacity, share: roundShare)
        while !frontier.isEmpty {
            var wishes = [[(gain: Int64, hash: UInt64, node: Int)]](repeating: [], count: count)
            var isStuck = true
            for node in frontier.sorted() {
                guard parts[node] < 0 else {
                    frontier.remove(node)
                    continue
                }
                gains.collect(graph, node, parts)
                let load = request.load(node)
                let open = gains.touched.filter { loads[$0] + load <= capacity }
                guard let part = open.max(by: { (gains[$0], $1) < (gains[$1], $0) }) else {
                    frontier.remove(node)
                    continue
                }
                isStuck = false
                wishes[part].append((gains[part], GraphRandom.hash(node, request.seed), node))
            }
            guard !isStuck else { break }
            for part in 0..<count {
                var taken = 0
                let ranked = wishes[part].sorted { ($1.gain, $0.hash) < ($0.gain, $1.hash) }
                for (_, _, node) in ranked {
                    let load = request.load(node)
                    guard taken + load <= max(quota, load), loads[part] + load <= capacity else {
                        continue
                    }
                    parts[node] = Int32(part)
                    loads[part] += load
                    taken += load
                    frontier.remove(node)
                    for entry in graph.entries(of: node) {
                        let other = Int(graph.targets[entry])
                        if parts[other] < 0 { frontier.insert(other) }
                    }
                }
            }
        }
        placeLeftovers(graph, request, &parts, &loads, capacity)
        return Partition(parts: parts, count: count)
    }

    /// The most load that a part takes in one round.
    package static func quota(capacity: Int, share: Double = GrowPartitioner().roundShare) -> Int {
        max(1, Int(Double(capacity) * share))
    }

    /// Distinct seeds, drawn by degree without replacement, two hops apart while that is cheap.
    private func seeds(_ graph: Graph, _ count: Int, _ seed: UInt64) -> [Int] {
        // The smallest of u / weight are, up to the curve of the logarithm near one, a weighted sample
        // without replacement; division is exact on every engine, a logarithm is not.
        let ranked = (0..<graph.nodeCount).map { node -> (key: Double, node: Int) in
            let draw = Double(GraphRandom.hash(node, seed, 1) >> 11)
            return (draw / Double(1000 * graph.degree(of: node) + 1), node)
        }.sorted { ($0.key, $0.node) < ($1.key, $1.node) }
        let candidates = ranked.prefix(count * Self.seedCandidates).map(\.node)
        return Self.seeds(among: candidates, count: count) { graph.neighbors(of: $0) }
    }

    /// How many nodes are looked at for every seed.
    package static let seedCandidates = 8

    /// Of ranked candidates those that are no neighbours of one chosen before, then the first others.
    package static func seeds(
        among candidates: [Int],
        count: Int,
        neighbors: (Int) -> [Int]
    ) -> [Int] {
        var chosen: [Int] = []
        var near = Set<Int>()
        for node in candidates where chosen.count < count && !near.contains(node) {
            chosen.append(node)
            near.insert(node)
            near.formUnion(neighbors(node))
        }
        let taken = Set(chosen)
        chosen += candidates.filter { !taken.contains($0) }.prefix(count - chosen.count)
        return chosen
    }

    /// How often the smallest label spreads among nodes that no region reached.
    package static let labelRounds = 8

    /// Puts what no region reached into the lightest parts, group by group, largest first.
    ///
    /// A group is what the smallest node number reaches in a few steps: a small component, or a piece
    /// of a larger one.
    private func placeLeftovers(
        _ graph: Graph,
        _ request: PartitionRequest,
        _ parts: inout [Int32],
        _ loads: inout [Int],
        _ capacity: Int
    ) {
        let nodes = parts.indices.filter { parts[$0] < 0 }
        guard !nodes.isEmpty else { return }
        var labels = Array(parts.indices)
        for _ in 0..<Self.labelRounds {
            let before = labels
            for node in nodes {
                for entry in graph.entries(of: node) {
                    let other = Int(graph.targets[entry])
                    if parts[other] < 0 { labels[node] = min(labels[node], before[other]) }
                }
            }
            guard labels != before else { break }
        }
        let groups = Dictionary(grouping: nodes) { labels[$0] }
            .sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        for (_, group) in groups {
            var part = Self.lightest(loads)
            for node in group {
                let load = request.load(node)
                if loads[part] + load > capacity { part = Self.lightest(loads) }
                parts[node] = Int32(part)
                loads[part] += load
            }
        }
    }

    private static func lightest(_ loads: [Int]) -> Int {
        loads.indices.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
    }

    /// Where the members of groups go, counted in their order, when every node weighs one.
    ///
    /// - Parameters:
    ///   - sizes: The size of every group, largest first.
    ///   - loads: The loads of the parts; they grow.
    ///   - capacity: The most load of a part.
    /// - Returns: For every group, ranges of its members and their parts.
    package static func places(
        _ sizes: [Int],
        _ loads: inout [Int],
        _ capacity: Int
    ) -> [(group: Int, members: Range<Int>, part: Int)] {
        var places: [(group: Int, members: Range<Int>, part: Int)] = []
        for (group, size) in sizes.enumerated() {
            var first = 0
            while first < size {
                let part = lightest(loads)
                let count = max(1, min(size - first, capacity - loads[part]))
                places.append((group, first..<first + count, part))
                loads[part] += count
                first += count
            }
        }
        return places
    }
}
