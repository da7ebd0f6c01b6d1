public import SkeinTensor

/// What a run will need, before it runs.
///
/// Memory follows from sizes alone. Time comes from doing a small share of the work on the largest
/// part itself, so that its vectors miss the caches as they will.
public struct EmbeddingForecast: Sendable {
    /// The most memory at one time, in bytes.
    public var bytes: Int
    /// How long the embedding takes.
    public var time: Duration

    /// The program, its libraries and its stacks.
    private static let programBytes = 36 << 20

    /// Forecasts a run.
    ///
    /// - Parameters:
    ///   - levels: The levels.
    ///   - shares: Their dimensions.
    ///   - method: What embeds a subgraph.
    ///   - alignment: How parts are aligned.
    ///   - processor: Where it will run.
    ///   - lineCount: How many lines were read as text; zero for a mapped graph.
    /// - Throws: What the method throws on the part that is timed.
    public init(
        _ levels: GraphLevels,
        shares: [Int],
        method: any SubgraphEmbedder,
        alignment: Alignment = .none,
        processor: Processor,
        lineCount: Int
    ) throws {
        bytes = Self.bytes(levels, shares, method, processor.pool.threads, lineCount)
        let level = levels.levels[0]
        let members = level.partition.members
        let part = level.subgraph(members.max { $0.count < $1.count } ?? [])
        let dimensions = max(shares[0], 8)
        let seconds = try method.seconds(
            on: part,
            dimensions,
            GraphCompute(processor, isParallel: members.count == 1)
        )
        let unit = method.work(part.nodeCount, part.edgeCount, dimensions)
        var work = 0.0
        for (index, level) in levels.levels.enumerated() {
            let edges = level.graph.edgeCount - level.statistics.cutEdges
            // Turned onto the deeper level, a level is also embedded at all shallower levels' lengths.
            let first = alignment == .procrustes ? 0 : index
            for dimensions in Set(shares[first...index]) where dimensions > 0 {
                let concurrent = min(processor.pool.threads, level.partition.count)
                work += method.work(level.graph.nodeCount, edges, dimensions) / Double(concurrent)
            }
        }
        time = .seconds(seconds * work / max(unit, 1))
    }

    /// The peak of reading, of the embedding of each level, and of putting levels together.
    static func bytes(
        _ levels: GraphLevels,
        _ shares: [Int],
        _ method: any SubgraphEmbedder,
        _ threads: Int,
        _ lineCount: Int
    ) -> Int {
        let whole = levels.levels[0].graph
        let (nodes, entries) = (whole.nodeCount, whole.entryCount)
        var kept = programBytes + 8 * nodes
        for level in levels.levels {
            kept += rowBytes(level.graph.nodeCount, level.graph.entryCount, level.graph)
        }
        // Both directions of every line, the numbers a node has while rows are made, and the pieces of
        // text that are being parsed.
        var peak = 0
        if lineCount > 0 {
            let rows = max(16 * lineCount, 8 * entries)
            peak = programBytes + rows + rowBytes(nodes, entries, whole) + 44 * nodes
            peak += min(6 << 20, 40 * lineCount) * 4 * threads
        }
        let vectors = levels.levels.count > 1 ? 4 * nodes * padded(shares.reduce(0, +)) : 0
        for (level, dimensions) in zip(levels.levels, shares).reversed() where dimensions > 0 {
            let sizes = level.partition.sizes
            let concurrent = sizes.count > 1 ? min(threads, sizes.count) : 1
            let share = Double(sizes.max() ?? 0) / Double(max(level.graph.nodeCount, 1))
            let part = Int(share * Double(level.graph.entryCount))
            let own = 4 * level.graph.nodeCount * padded(dimensions)
            var scratch = method.scratchBytes(sizes.max() ?? 0, part, dimensions, level.graph)
            if sizes.count > 1 { scratch += rowBytes(sizes.max() ?? 0, part, level.graph) }
            let during = scratch * concurrent + (sizes.count > 1 ? own : 0)
            peak = max(peak, kept + vectors + max(during, 2 * own))
            kept += own
        }
        return peak
    }

    private static func padded(_ dimensions: Int) -> Int { (dimensions + 7) / 8 * 8 }

    /// The rows of a graph or of a part of it.
    static func rowBytes(_ nodes: Int, _ entries: Int, _ graph: Graph) -> Int {
        8 * (nodes + 1) + entries * (graph.weights == nil ? 4 : 8)
    }
}

extension SubgraphEmbedder {
    /// How long embedding a graph will take, from a share of it.
    fileprivate func seconds(
        on graph: Graph,
        _ dimensions: Int,
        _ compute: GraphCompute
    ) throws -> Double {
        let clock = ContinuousClock()
        func timed(_ method: any SubgraphEmbedder, _ graph: Graph) throws -> Double {
            let start = clock.now
            _ = try method.embed(
                graph,
                dimensions: dimensions,
                seed: SubgraphSeed(0),
                compute: compute
            )
            return max(Double((clock.now - start) / .microseconds(1)) * 1e-6, 1e-6)
        }
        // The first run meets fresh memory, as the real one will. What more work adds is the difference of
        // two that do not.
        func extrapolated(
            _ less: any SubgraphEmbedder,
            _ more: any SubgraphEmbedder,
            _ times: Double
        ) throws -> Double {
            let first = try timed(less, graph)
            let least = try timed(less, graph)
            return first + max(try timed(more, graph) - least, 0) * times
        }
        if var walks = self as? WalkEmbedder {
            let total = Double((0..<graph.nodeCount).count { graph.degree(of: $0) > 0 })
            let rounds = Double(walks.walks * walks.epochs)
            (walks.walks, walks.epochs) = (1, 1)
            guard total > 3000 else { return try timed(walks, graph) * rounds }
            walks.maximumStarts = 100
            let few = walks
            walks.maximumStarts = 3000
            return try extrapolated(few, walks, (total * rounds - 100) / 2900)
        }
        if var line = self as? LineEmbedder {
            let samples = Double(line.samplesPerEdge)
            line.samplesPerEdge = 1
            let few = line
            line.samplesPerEdge = 5
            return try extrapolated(few, line, max(samples - 1, 0) / 4)
        }
        if var prone = self as? ProNEEmbedder {
            // One power iteration and the shortest series; what each adds is the rest. A term is two
            // products of an iteration's two, narrower and without a factorisation.
            let (iterations, order) = (prone.iterations, prone.order)
            (prone.iterations, prone.order) = (0, 2)
            let least = prone
            prone.iterations = 1
            let terms = max(min(prone.seriesTerms(order: order), order) - 2, 0)
            return try extrapolated(least, prone, Double(iterations) + 0.6 * Double(terms))
        }
        let piece = (0..<Int32(min(graph.nodeCount, 1500))).map { $0 }
        var places = [Int32](repeating: -1, count: graph.nodeCount)
        let ratio = Double(graph.nodeCount) / Double(max(piece.count, 1))
        return try timed(self, graph.subgraph(on: piece, places: &places)) * ratio * ratio
    }

    /// How much there is to do, in a unit of the method's own.
    fileprivate func work(_ nodes: Int, _ edges: Int, _ dimensions: Int) -> Double {
        let width = Double(dimensions + 16)
        if self is WalkEmbedder { return Double(nodes) * width }
        if self is LineEmbedder { return Double(edges) * width }
        if self is NetMFEmbedder { return Double(nodes) * Double(nodes) * width }
        return (Double(edges) + 4 * Double(nodes)) * width
    }

    /// The memory that embedding a part takes besides the part and its result.
    fileprivate func scratchBytes(
        _ nodes: Int,
        _ entries: Int,
        _ dimensions: Int,
        _ graph: Graph
    ) -> Int {
        let row = (dimensions + 7) / 8 * 8 * 4
        if let walks = self as? WalkEmbedder {
            // Contexts and positions, the noise, the starts in two orders, slots of weighted edges.
            let slots = graph.weights == nil ? 0 : 8 * entries
            return nodes * (2 * row + 40) + slots + 4096 * (4 * walks.length + 8)
        }
        if self is NetMFEmbedder { return 3 * nodes * nodes * 4 + nodes * row }
        if self is LineEmbedder { return nodes * 2 * row + entries * 28 }
        guard let prone = self as? ProNEEmbedder else { return nodes * row * 4 }
        let wide = (dimensions + 17) / 8 * 8 * 4
        func halves(_ row: Int) -> Int { nodes * row > prone.halvesAbove ? nodes * row / 2 : 0 }
        let grouped = EmbeddingForecast.rowBytes(nodes, entries, graph) + 8 * nodes
        let factors = 2 * nodes * wide + halves(wide) + 8 * entries + 8 * nodes
        let series = 4 * nodes * row + 2 * halves(row) + 16 * nodes
        return grouped + max(factors, series)
    }
}
