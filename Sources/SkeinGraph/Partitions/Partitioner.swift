/// What a partitioner is asked for.
public struct PartitionRequest: Sendable {
    /// How many parts.
    public var parts: Int
    /// How much larger than the mean a part may be.
    public var imbalance: Double
    /// The seed of every draw.
    public var seed: UInt64
    /// What every node adds to its part's load; `nil` for one each.
    public var loads: [Int]?

    /// Creates a request.
    public init(parts: Int, imbalance: Double = 0.1, seed: UInt64 = 1, loads: [Int]? = nil) {
        self.parts = parts
        self.imbalance = imbalance
        self.seed = seed
        self.loads = loads
    }

    /// The load of a node.
    func load(_ node: Int) -> Int { loads?[node] ?? 1 }

    /// The most load a part may take: ⌈(1 + ε) · total / k⌉, and never less than one node needs.
    public func capacity(nodeCount: Int) -> Int {
        let total = loads?.reduce(0, +) ?? nodeCount
        let even = (Double(total) * (1 + imbalance) / Double(max(parts, 1))).rounded(.up)
        return max(Int(even), loads?.max() ?? 1)
    }
}

/// Divides the nodes of a graph into even parts with few nodes at the border.
///
/// Draws are hashes of the node, the round and the seed, so that any engine finds the same parts.
public protocol Partitioner: Sendable {
    /// Divides a graph.
    ///
    /// - Parameters:
    ///   - graph: The graph.
    ///   - request: How many parts, and how even.
    /// - Returns: The part of every node; with unit loads no part exceeds the capacity.
    func partition(_ graph: Graph, _ request: PartitionRequest) -> Partition
}

/// The part of a node is its hash: the control, with the largest border.
public struct HashPartitioner: Partitioner {
    /// Creates the partitioner.
    public init() {}

    /// Divides a graph by hashes, then moves what exceeds the capacity.
    public func partition(_ graph: Graph, _ request: PartitionRequest) -> Partition {
        var partition = Partition(
            parts: (0..<graph.nodeCount).map {
                Int32(GraphRandom.hash($0, request.seed) % UInt64(max(request.parts, 1)))
            },
            count: max(request.parts, 1)
        )
        partition.fit(graph, request)
        return partition
    }
}

extension Partition {
    /// Moves nodes out of parts that exceed the capacity, those that lose least first.
    mutating func fit(_ graph: Graph, _ request: PartitionRequest) {
        let capacity = request.capacity(nodeCount: graph.nodeCount)
        var loads = self.loads(request)
        guard loads.contains(where: { $0 > capacity }) else { return }
        var gains = PartGains(graph, count: count)
        for part in 0..<count where loads[part] > capacity {
            let nodes = parts.indices.filter { Int(parts[$0]) == part }
            let ranked = nodes.map { node -> (loss: Int64, hash: UInt64, node: Int) in
                gains.collect(graph, node, parts)
                var best: Int64 = 0
                for other in gains.touched where other != part { best = max(best, gains[other]) }
                let loss = gains[part] - best
                return (loss, GraphRandom.hash(node, request.seed), node)
            }.sorted { ($0.loss, $0.hash, $0.node) < ($1.loss, $1.hash, $1.node) }
            for (_, _, node) in ranked where loads[part] > capacity {
                gains.collect(graph, node, parts)
                let load = request.load(node)
                let room = (0..<count).filter { $0 != part && loads[$0] + load <= capacity }
                guard
                    let target = room.max(by: {
                        (gains[$0], loads[$1], $1) < (gains[$1], loads[$0], $0)
                    })
                else { continue }
                parts[node] = Int32(target)
                loads[part] -= load
                loads[target] += load
            }
        }
    }

    /// The load of every part.
    func loads(_ request: PartitionRequest) -> [Int] {
        var loads = [Int](repeating: 0, count: count)
        for (node, part) in parts.enumerated() where part >= 0 {
            loads[Int(part)] += request.load(node)
        }
        return loads
    }
}

/// Weights as integers, so that sums are the same in any order and on any engine.
package struct WeightTicks: Sendable {
    /// What a weight is multiplied by before it is rounded: a power of two that brings the largest to
    /// 24 bits; `nil` when all weights are one.
    package let scale: Double?

    /// Takes the largest weight of a graph; `nil` when all are one.
    package init(largest: Float?) {
        scale = largest.map { Double(sign: .plus, exponent: 23 - Int($0.exponent), significand: 1) }
    }

    init(_ graph: Graph) {
        guard let weights = graph.weights else {
            self.init(largest: nil)
            return
        }
        self.init(largest: (0..<graph.entryCount).reduce(Float(0)) { max($0, weights[$1]) })
    }

    /// A weight's ticks, at least one.
    @inline(__always) func callAsFunction(_ weight: Float) -> Int64 {
        guard let scale else { return 1 }
        return max(1, Int64((Double(weight) * scale + 0.5).rounded(.down)))
    }
}

/// The ticks between one node and each part; only touched parts are cleared.
struct PartGains {
    private let ticks: WeightTicks
    private var gains: [Int64]
    private(set) var touched: [Int] = []
    private(set) var total: Int64 = 0

    init(_ graph: Graph, count: Int) {
        ticks = WeightTicks(graph)
        gains = .init(repeating: 0, count: count)
    }

    subscript(part: Int) -> Int64 { gains[part] }

    /// Sums the ticks of a node's edges by the part of the other end; parts below zero are nobody's.
    mutating func collect(_ graph: Graph, _ node: Int, _ parts: [Int32]) {
        for part in touched { gains[part] = 0 }
        touched.removeAll(keepingCapacity: true)
        total = 0
        for entry in graph.entries(of: node) {
            let weight = ticks(graph.weight(entry))
            total += weight
            let part = Int(parts[Int(graph.targets[entry])])
            guard part >= 0 else { continue }
            if gains[part] == 0 { touched.append(part) }
            gains[part] += weight
        }
    }
}
