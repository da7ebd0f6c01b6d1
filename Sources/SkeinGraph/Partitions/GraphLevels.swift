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

    /// Joins what another engine found.
    package init(
        graph: Graph,
        nodes: [Int32],
        partition: Partition,
        statistics: PartitionStatistics
    ) {
        self.graph = graph
        self.nodes = nodes
        self.partition = partition
        self.statistics = statistics
    }

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
        let rules = LevelRules(options, nodeCount: graph.nodeCount)
        var levels: [GraphLevel] = []
        var current = graph
        var nodes = (0..<graph.nodeCount).map { Int32($0) }
        var drops = false
        while true {
            var request = rules.request(
                level: levels.count,
                nodeCount: current.nodeCount,
                edgeCount: current.edgeCount
            )
            if options.balancesEdges {
                request.loads = (0..<current.nodeCount).map { current.degree(of: $0) + 1 }
            }
            let level = levels.count
            let partition: Partition
            if request.parts == 1 {
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
            let crowding = LevelRules.Crowding(
                nodeCount: current.nodeCount,
                edgeCount: current.edgeCount,
                borderNodes: border.count,
                cutEdges: levels[level].statistics.cutEdges
            )
            drops = rules.ends(level: level, crowding)
            guard !drops else { break }
            var places = [Int32](repeating: -1, count: current.nodeCount)
            let (parts, isCut) = (partition.parts, rules.keepsCutEdgesAlone(crowding))
            current = current.subgraph(on: border, places: &places) {
                !isCut || parts[$0] != parts[$1]
            }
            nodes = border.map { nodes[Int($0)] }
        }
        self.levels = levels
        dropsLastBorder = drops
    }

    /// The numbers in a level of the nodes of the next one, ascending.
    func border(of level: Int) -> [Int32] {
        guard level + 1 < levels.count else { return [] }
        var (border, own): ([Int32], Int) = ([], 0)
        for node in levels[level + 1].nodes {
            while levels[level].nodes[own] != node { own += 1 }
            border.append(Int32(own))
        }
        return border
    }

    /// Joins levels that another engine divided.
    package init(levels: [GraphLevel], dropsLastBorder: Bool) {
        self.levels = levels
        self.dropsLastBorder = dropsLastBorder
    }
}

/// How many parts a level gets and when levels end; the same for every engine.
package struct LevelRules: Sendable {
    private let options: LevelOptions
    private let target: Int
    private let fits: Int

    /// Takes the options and the size of the whole graph.
    package init(_ options: LevelOptions, nodeCount: Int) {
        self.options = options
        if let parts = options.parts {
            target = max((nodeCount + parts - 1) / max(parts, 1), 1)
            fits = Int(Double(target) * (1 + options.imbalance))
        } else {
            target = max(options.maximumNodes / 2, 1)
            fits = options.maximumNodes
        }
    }

    /// What the partitioner is asked for; one part when the level fits a worker.
    package func request(level: Int, nodeCount: Int, edgeCount: Int) -> PartitionRequest {
        let isSmall = nodeCount <= fits && edgeCount <= options.maximumEdges
        let byNodes = (nodeCount + target - 1) / target
        let byEdges = (2 * edgeCount - 1) / max(options.maximumEdges, 1) + 1
        return PartitionRequest(
            parts: isSmall ? 1 : max(byNodes, min(byEdges, nodeCount), 2),
            imbalance: options.imbalance,
            seed: options.seed &+ UInt64(level)
        )
    }

    /// How much of a divided level lies at its border.
    package struct Crowding: Sendable {
        var nodeCount: Int, edgeCount: Int, borderNodes: Int, cutEdges: Int

        /// Takes the level's sizes.
        package init(nodeCount: Int, edgeCount: Int, borderNodes: Int, cutEdges: Int) {
            (self.nodeCount, self.edgeCount) = (nodeCount, edgeCount)
            (self.borderNodes, self.cutEdges) = (borderNodes, cutEdges)
        }
    }

    /// Whether nearly all nodes are border nodes, so that their induced graph would be the same again.
    private func isStuck(_ level: Crowding) -> Bool {
        Double(level.borderNodes) > 0.95 * Double(level.nodeCount) && level.borderNodes > fits
    }

    /// Whether a divided level with a border is the last one all the same.
    package func ends(level: Int, _ crowding: Crowding) -> Bool {
        level + 1 >= options.maximumLevels
            || isStuck(crowding) && Double(crowding.cutEdges) > 0.95 * Double(crowding.edgeCount)
    }

    /// Whether the next level has only the edges between two parts; those alone still get fewer where
    /// nearly all nodes are border nodes.
    package func keepsCutEdgesAlone(_ crowding: Crowding) -> Bool {
        options.border == .cut || isStuck(crowding)
    }
}
