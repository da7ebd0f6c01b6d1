public import SkeinTensor

/// What a run will need, before it runs.
public struct EmbeddingForecast: Sendable {
    /// The most memory at one time, in bytes.
    public var bytes: Int
    /// How long the embedding takes.
    public var time: Duration

    /// Forecasts a run by timing the method on a small piece of it.
    ///
    /// - Parameters:
    ///   - levels: The levels.
    ///   - shares: Their dimensions.
    ///   - method: What embeds a subgraph.
    ///   - processor: Where it will run.
    ///   - lineCount: How many lines were read as text; zero for a mapped graph.
    /// - Throws: What the method throws on the piece.
    public init(
        _ levels: GraphLevels,
        shares: [Int],
        method: any SubgraphEmbedder,
        processor: Processor,
        lineCount: Int
    ) throws {
        let whole = levels.levels[0].graph
        // Reading keeps both ends as words, sorts all ends, and sorts directed entries.
        let reading = lineCount * (16 + 16 + 16) + whole.entryCount * 16 + whole.nodeCount * 32
        var bytes = Self.rowBytes(whole)
        for level in levels.levels.dropFirst() { bytes += Self.rowBytes(level.graph) }
        let width = max(shares.reduce(0, +), 8)
        var largest = 0
        var work = 0.0
        for (level, dimensions) in zip(levels.levels, shares) where dimensions > 0 {
            let members = level.partition.members
            let concurrent = members.count > 1 ? min(processor.pool.threads, members.count) : 1
            let share = Double(concurrent) / Double(members.count)
            let nodes = Int(Double(level.graph.nodeCount) * share)
            let entries = Int(Double(level.graph.entryCount) * share)
            largest = max(largest, method.scratchBytes(nodes, entries, dimensions, concurrent))
            if members.count > 1 { largest += Int(Double(Self.rowBytes(level.graph)) * share) }
            bytes += 2 * 4 * level.graph.nodeCount * Self.padded(dimensions)
            let speedup = members.count > 1 ? Double(concurrent) : 1
            let edges = level.graph.edgeCount - level.statistics.cutEdges
            work += method.work(level.graph.nodeCount, edges, dimensions) / speedup
        }
        bytes += 4 * whole.nodeCount * Self.padded(width)
        // Text output and the program itself.
        bytes += 24 << 20
        self.bytes = max(bytes + largest, reading + Self.rowBytes(whole) + (12 << 20))
        time = .seconds(work / (try Self.speed(levels, shares, method, processor)))
    }

    private static func padded(_ dimensions: Int) -> Int { (dimensions + 7) / 8 * 8 }

    private static func rowBytes(_ graph: Graph) -> Int {
        8 * (graph.nodeCount + 1) + graph.entryCount * (graph.weights == nil ? 4 : 8)
    }

    /// Work per second, measured on a piece of the largest part.
    private static func speed(
        _ levels: GraphLevels,
        _ shares: [Int],
        _ method: any SubgraphEmbedder,
        _ processor: Processor
    ) throws -> Double {
        let level = levels.levels[0]
        let nodes = level.partition.members.max { $0.count < $1.count } ?? []
        let piece = level.subgraph(Array(nodes.prefix(3000)))
        let dimensions = max(shares[0], 8)
        let clock = ContinuousClock()
        let start = clock.now
        _ = try method.sampled().embed(
            piece,
            dimensions: dimensions,
            seed: SubgraphSeed(0),
            compute: GraphCompute(processor)
        )
        let seconds = Double((clock.now - start) / .milliseconds(1)) / 1000
        // Nodes that the cut left without edges cost nothing.
        let active = (0..<piece.nodeCount).count { piece.degree(of: $0) > 0 }
        let done = method.sampled().work(active, piece.edgeCount, dimensions)
        return done / max(seconds, 1e-4)
    }
}

extension SubgraphEmbedder {
    /// A cheaper version whose work per second is the same.
    fileprivate func sampled() -> any SubgraphEmbedder {
        if var walks = self as? WalkEmbedder {
            walks.walks = 1
            walks.epochs = 1
            return walks
        }
        if var line = self as? LineEmbedder {
            line.samplesPerEdge = 5
            return line
        }
        return self
    }

    /// How much there is to do, in a unit of the method's own.
    fileprivate func work(_ nodes: Int, _ edges: Int, _ dimensions: Int) -> Double {
        let width = Double(dimensions + 16)
        if let walks = self as? WalkEmbedder {
            let steps = Double(walks.walks * walks.epochs * walks.length * (walks.window + 1))
            return Double(nodes) * steps * width
        }
        if let line = self as? LineEmbedder { return Double(edges * line.samplesPerEdge) * width }
        if self is NetMFEmbedder { return Double(nodes) * Double(nodes) * width }
        return (Double(edges) + 4 * Double(nodes)) * width
    }

    /// The memory of one level's parts that are embedded at the same time.
    fileprivate func scratchBytes(
        _ nodes: Int,
        _ entries: Int,
        _ dimensions: Int,
        _ concurrent: Int
    ) -> Int {
        let row = (dimensions + 7) / 8 * 8 * 4
        if let walks = self as? WalkEmbedder {
            let walkBytes = concurrent * 4096 * (4 * walks.length + 8)
            return nodes * (row + 48) + walkBytes
        }
        if self is NetMFEmbedder { return 3 * nodes * nodes * 4 / max(concurrent, 1) + nodes * row }
        if self is LineEmbedder { return nodes * row + entries * 28 }
        return nodes * (row + 72) * 8 + entries * 16
    }
}
