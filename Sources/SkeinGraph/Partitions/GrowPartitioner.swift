internal import Foundation

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
        var gains = PartGains(count: count)
        let quota = max(1, Int(Double(capacity) * roundShare))
        while !frontier.isEmpty {
            var wishes = [[(gain: Float, hash: UInt64, node: Int)]](repeating: [], count: count)
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

    /// Distinct seeds, drawn by degree without replacement, two hops apart while that is cheap.
    private func seeds(_ graph: Graph, _ count: Int, _ seed: UInt64) -> [Int] {
        // The largest of log(u) / weight are a weighted sample without replacement.
        let keyed = (0..<graph.nodeCount).map { node -> (key: Double, node: Int) in
            let unit = (Double(GraphRandom.hash(node, seed, 1) >> 11) + 0.5) * 0x1p-53
            return (log(unit) / (Double(graph.degree(of: node)) + 1e-3), node)
        }.sorted { ($1.key, $0.node) < ($0.key, $1.node) }
        var chosen: [Int] = []
        var near = Set<Int>()
        for (_, node) in keyed.prefix(count * 8) where chosen.count < count {
            guard !near.contains(node) else { continue }
            chosen.append(node)
            near.insert(node)
            for other in graph.neighbors(of: node).prefix(1000) { near.insert(other) }
        }
        let taken = Set(chosen)
        for (_, node) in keyed where chosen.count < count && !taken.contains(node) {
            chosen.append(node)
        }
        return chosen
    }

    /// Puts what no region reached into the lightest parts, component by component, largest first.
    private func placeLeftovers(
        _ graph: Graph,
        _ request: PartitionRequest,
        _ parts: inout [Int32],
        _ loads: inout [Int],
        _ capacity: Int
    ) {
        var components: [[Int]] = []
        var isSeen = parts.map { $0 >= 0 }
        for start in 0..<graph.nodeCount where !isSeen[start] {
            var component = [start]
            isSeen[start] = true
            var head = 0
            while head < component.count {
                for entry in graph.entries(of: component[head]) {
                    let other = Int(graph.targets[entry])
                    guard !isSeen[other] else { continue }
                    isSeen[other] = true
                    component.append(other)
                }
                head += 1
            }
            components.append(component)
        }
        components.sort { ($1.count, $0[0]) < ($0.count, $1[0]) }
        for component in components {
            var part = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
            for node in component {
                let load = request.load(node)
                if loads[part] + load > capacity {
                    part = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
                }
                parts[node] = Int32(part)
                loads[part] += load
            }
        }
    }
}
