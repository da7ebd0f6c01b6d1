/// Which part every node belongs to.
public struct Partition: Sendable, Equatable {
    /// The part of every node, `0 ..< count`.
    public var parts: [Int32]
    /// How many parts there are.
    public var count: Int

    /// Joins assignments with the number of parts.
    public init(parts: [Int32], count: Int) {
        self.parts = parts
        self.count = count
    }

    /// Everything in one part.
    public static func whole(nodeCount: Int) -> Partition {
        Partition(parts: .init(repeating: 0, count: nodeCount), count: 1)
    }

    /// How many nodes each part has.
    public var sizes: [Int] {
        var sizes = [Int](repeating: 0, count: count)
        for part in parts { sizes[Int(part)] += 1 }
        return sizes
    }

    /// The nodes of every part, ascending.
    public var members: [[Int32]] {
        var members = sizes.map { size -> [Int32] in
            var list: [Int32] = []
            list.reserveCapacity(size)
            return list
        }
        for (node, part) in parts.enumerated() { members[Int(part)].append(Int32(node)) }
        return members
    }

    /// The nodes with an edge into another part, ascending.
    public func border(of graph: Graph) -> [Int32] {
        (0..<graph.nodeCount).filter { node in
            graph.entries(of: node).contains { parts[Int(graph.targets[$0])] != parts[node] }
        }.map { Int32($0) }
    }

    /// What a partition costs.
    ///
    /// - Parameter graph: The graph that it divides.
    /// - Returns: Cut edges, border nodes and sizes.
    public func statistics(of graph: Graph) -> PartitionStatistics {
        var entries = 0
        var weight = 0.0
        var border = 0
        for node in 0..<graph.nodeCount {
            var isBorder = false
            for entry in graph.entries(of: node)
            where parts[Int(graph.targets[entry])] != parts[node] {
                isBorder = true
                entries += 1
                weight += Double(graph.weight(entry))
            }
            if isBorder { border += 1 }
        }
        return PartitionStatistics(
            sizes: sizes,
            cutEdges: entries / 2,
            cutWeight: weight / 2,
            borderNodes: border,
            nodeCount: graph.nodeCount,
            edgeCount: graph.edgeCount
        )
    }
}

/// What a partition costs.
public struct PartitionStatistics: Sendable, Equatable {
    /// How many nodes each part has.
    public var sizes: [Int]
    /// How many edges join two parts.
    public var cutEdges: Int
    /// The weight of those edges.
    public var cutWeight: Double
    /// How many nodes have such an edge.
    public var borderNodes: Int
    /// How many nodes were divided.
    public var nodeCount: Int
    /// How many edges the graph has.
    public var edgeCount: Int

    package init(
        sizes: [Int],
        cutEdges: Int,
        cutWeight: Double,
        borderNodes: Int,
        nodeCount: Int,
        edgeCount: Int
    ) {
        self.sizes = sizes
        self.cutEdges = cutEdges
        self.cutWeight = cutWeight
        self.borderNodes = borderNodes
        self.nodeCount = nodeCount
        self.edgeCount = edgeCount
    }

    /// Border nodes over all nodes.
    public var borderRatio: Double { nodeCount > 0 ? Double(borderNodes) / Double(nodeCount) : 0 }
    /// The largest part over the mean one.
    public var imbalance: Double {
        guard nodeCount > 0 else { return 1 }
        return Double(sizes.max() ?? 0) * Double(sizes.count) / Double(nodeCount)
    }
}
