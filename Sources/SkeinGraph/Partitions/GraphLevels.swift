/// Which edges the border graph keeps.
public enum BorderMode: String, Sendable, CaseIterable {
    /// All edges among border nodes.
    case induced
    /// Only edges between two parts.
    case cut
}

/// How a graph is divided again and again.
public struct LevelOptions: Sendable {
    /// The most nodes one worker embeds.
    public var maximumNodes = 1_000_000
    /// The most edges one worker embeds.
    public var maximumEdges = 1 << 33
    /// How many parts the first level has; `nil` follows from `maximumNodes`.
    public var parts: Int?
    /// The most levels.
    public var maximumLevels = 4
    /// Which edges the border graph keeps.
    public var border = BorderMode.induced
    /// How much larger than the mean a part may be.
    public var imbalance = 0.1
    /// Whether parts are balanced on edges instead of nodes.
    public var balancesEdges = false
    /// The seed of the partition.
    public var seed: UInt64 = 1

    /// Creates the defaults.
    public init() {}
}

/// One level: a graph, its nodes' places in the whole, and how it is divided.
public struct GraphLevel: Sendable {
    /// The level's graph.
    public var graph: Graph
    /// The whole graph's number of every node, ascending.
    public var nodes: [Int32]
    /// How the level is divided.
    public var partition: Partition
    /// What the division costs.
    public var statistics: PartitionStatistics

    /// The subgraph of one part, with its nodes' numbers in this level.
    ///
    /// - Parameter nodes: The members of the part.
    /// - Returns: The induced subgraph.
    func subgraph(_ nodes: [Int32]) -> Graph {
        guard partition.count > 1 || nodes.count != graph.nodeCount else { return graph }
        var places = [Int32](repeating: -1, count: graph.nodeCount)
        return graph.subgraph(on: nodes, places: &places)
    }
}

/// A graph, the graph of its border nodes, the border of that, and so on.
///
/// - Paper: Lin 2021, arXiv:2106.10620, section 3 as far as its front page tells.
public struct GraphLevels: Sendable {
    /// The levels, the whole graph first.
    public var levels: [GraphLevel]
    /// Whether edges between the last level's parts are left unseen.
    public var dropsLastBorder: Bool

    /// Divides a graph until the rest fits one worker.
    ///
    /// - Parameters:
    ///   - graph: The whole graph.
    ///   - partitioner: What divides each level.
    ///   - options: When to stop.
    ///   - previous: Of each level the part of every node of the whole graph in an earlier run, −1 for
    ///     none; kept, and completed for new nodes.
    public init(
        _ graph: Graph,
        partitioner: any Partitioner,
        options: LevelOptions,
        previous: [Partition] = []
    ) {
        var levels: [GraphLevel] = []
        var current = graph
        var nodes = (0..<graph.nodeCount).map { Int32($0) }
        var target = max(options.maximumNodes / 2, 1)
        var fits = options.maximumNodes
        if let parts = options.parts {
            target = max((graph.nodeCount + parts - 1) / max(parts, 1), 1)
            fits = Int(Double(target) * (1 + options.imbalance))
        }
        var drops = false
        while true {
            let level = levels.count
            let isSmall = current.nodeCount <= fits && current.edgeCount <= options.maximumEdges
            let byNodes = (current.nodeCount + target - 1) / target
            let byEdges = (2 * current.edgeCount - 1) / max(options.maximumEdges, 1) + 1
            var request = PartitionRequest(
                parts: isSmall ? 1 : max(byNodes, min(byEdges, current.nodeCount), 2),
                imbalance: options.imbalance,
                seed: options.seed &+ UInt64(level)
            )
            if options.balancesEdges {
                request.loads = (0..<current.nodeCount).map { current.degree(of: $0) + 1 }
            }
            let partition: Partition
            if isSmall {
                partition = .whole(nodeCount: current.nodeCount)
            } else if level < previous.count, previous[level].count > 1 {
                let (old, count) = (previous[level].parts, previous[level].count)
                partition = Partition(parts: nodes.map { old[Int($0)] }, count: count)
                    .completed(current, request)
            } else {
                partition = partitioner.partition(current, request)
            }
            levels.append(
                GraphLevel(
                    graph: current,
                    nodes: nodes,
                    partition: partition,
                    statistics: partition.statistics(of: current)
                )
            )
            guard partition.count > 1 else { break }
            let border = partition.border(of: current)
            guard !border.isEmpty else { break }
            // Where nearly all nodes are border nodes, their induced graph would be the same again; the cut
            // edges alone still get fewer.
            let isStuck =
                Double(border.count) > 0.95 * Double(current.nodeCount) && border.count > fits
            let cutEdges = levels[level].statistics.cutEdges
            guard levels.count < options.maximumLevels,
                !isStuck || Double(cutEdges) <= 0.95 * Double(current.edgeCount)
            else {
                drops = true
                break
            }
            var places = [Int32](repeating: -1, count: current.nodeCount)
            let parts = partition.parts
            current = current.subgraph(on: border, places: &places) {
                options.border == .induced && !isStuck || parts[$0] != parts[$1]
            }
            nodes = border.map { nodes[Int($0)] }
        }
        self.levels = levels
        dropsLastBorder = drops
    }
}
