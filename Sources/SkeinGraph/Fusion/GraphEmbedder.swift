internal import SkeinCore
public import SkeinTensor
internal import Synchronization

/// Embeds every part of every level on its own, and fuses what a node got at each.
///
/// - Paper: Lin 2021, arXiv:2106.10620.
/// - Deviation: the paper's inner method, its aggregation and its constants are not public; the default
///   here is DeepWalk, unit vectors side by side, and dimensions in proportion to node counts.
public struct GraphEmbedder: Sendable {
    /// What embeds a subgraph.
    public var method: any SubgraphEmbedder
    /// How vectors are fused and aligned.
    public var options: EmbeddingOptions
    /// Where finished parts are kept.
    public var store: PartStore?
    /// Called with every finished part: parts done, parts in all, whether it was kept already.
    public var progress: (@Sendable (_ done: Int, _ total: Int, _ wasKept: Bool) -> Void)?
    private let processor: Processor

    /// Creates an embedder.
    public init(
        method: any SubgraphEmbedder,
        options: EmbeddingOptions = EmbeddingOptions(),
        processor: Processor
    ) {
        self.method = method
        self.options = options
        self.processor = processor
    }

    /// The dimensions of every level.
    ///
    /// - Parameter levels: The levels.
    /// - Returns: One number a level.
    /// - Throws: `SkeinError.Code.invalidArgument` when given dimensions do not fit.
    public func shares(of levels: GraphLevels) throws -> [Int] {
        let counts = levels.levels.map(\.graph.nodeCount)
        switch options.fusion {
        case .sum:
            return counts.map { _ in options.dimensions }
        case .concatFixed(let shares):
            return try DimensionSplit.fixed(shares, levels: counts.count)
        case .concat:
            guard options.dimensions > 0, options.dimensions % 4 == 0 || counts.count == 1 else {
                throw SkeinError(
                    .invalidArgument,
                    "found \(options.dimensions) dimensions, expected a positive multiple of 4"
                )
            }
            return DimensionSplit.proportional(
                dimensions: options.dimensions,
                nodeCounts: counts,
                minimum: options.minimumDimensions
            )
        }
    }

    /// Embeds a divided graph.
    ///
    /// - Parameter levels: The levels.
    /// - Returns: One vector a node of the whole graph.
    /// - Throws: `SkeinError` of the method or of the store.
    public func embed(_ levels: GraphLevels) throws -> GraphEmbedding {
        let shares = try shares(of: levels)
        let work = Work(
            total: zip(levels.levels, shares).reduce(0) {
                $0 + ($1.1 > 0 ? $1.0.partition.count : 0)
            }
        )
        let nodeCount = levels.levels.first?.graph.nodeCount ?? 0
        let isSum = options.fusion == .sum
        let width = isSum ? options.dimensions : shares.reduce(0, +)
        var blocks: [Range<Int>] = []
        var vectors = NodeMatrix(rows: nodeCount, dimensions: width)
        var known: [Int: NodeMatrix] = [:]
        for index in levels.levels.indices.reversed() where shares[index] > 0 {
            let matrix = try vectorsOf(level: index, shares[index], levels, work, &known)
            let first = isSum ? 0 : shares[..<index].reduce(0, +)
            if isSum {
                if blocks.isEmpty { blocks.append(0..<width) }
            } else {
                blocks.insert(first..<first + shares[index], at: 0)
            }
            guard levels.levels.count > 1 else {
                vectors = matrix
                continue
            }
            let unit = matrix.copy()
            unit.normalizeRows()
            let weight = index < options.levelWeights.count ? options.levelWeights[index] : 1
            for (row, node) in levels.levels[index].nodes.enumerated() {
                for column in 0..<shares[index] {
                    vectors[Int(node), first + column] += weight * unit[row, column]
                }
            }
        }
        guard vectors.isFinite else {
            throw SkeinError(
                .notFinite,
                "the \(method.name) vectors hold numbers that are not finite"
            )
        }
        return GraphEmbedding(vectors: vectors, blocks: blocks)
    }

    /// What is done of a run.
    private final class Work: Sendable {
        let total: Int
        let done = Atomic<Int>(0)
        init(total: Int) { self.total = total }
    }

    /// The vectors of a level in its own rows, its parts aligned if asked.
    private func vectorsOf(
        level index: Int,
        _ dimensions: Int,
        _ levels: GraphLevels,
        _ work: Work,
        _ known: inout [Int: NodeMatrix]
    ) throws -> NodeMatrix {
        let key = index << 20 | dimensions
        if let matrix = known[key] { return matrix }
        let level = levels.levels[index]
        let compute = GraphCompute(processor)
        let members = level.partition.members
        let isAnchored = options.alignment == .anchors && members.count > 1
        let anchors = isAnchored ? Self.hubs(level.graph, options.anchors) : []
        let parts = try embedParts(level, index, members, anchors, dimensions, work)
        let matrix = NodeMatrix(rows: level.graph.nodeCount, dimensions: dimensions)
        var turned = parts
        if isAnchored {
            turned = Self.alignedOnAnchors(parts, members, anchors, compute)
        } else if options.alignment == .procrustes, members.count > 1,
            index + 1 < levels.levels.count
        {
            let deeper = try vectorsOf(level: index + 1, dimensions, levels, work, &known)
            let border = levels.border(of: index)
            turned = Self.alignedOnBorder(parts, members, deeper, border, level, compute)
        }
        for (part, nodes) in zip(turned, members) {
            for (row, node) in nodes.enumerated() {
                (matrix.base + Int(node) * matrix.stride)
                    .update(from: part.base + row * part.stride, count: matrix.stride)
            }
        }
        known[key] = matrix
        return matrix
    }

    /// Embeds all parts of a level; parts run side by side, a single part gets all threads.
    private func embedParts(
        _ level: GraphLevel,
        _ index: Int,
        _ members: [[Int32]],
        _ anchors: [Int32],
        _ dimensions: Int,
        _ work: Work
    ) throws -> [NodeMatrix] {
        let results = Mutex<[Result<NodeMatrix, any Error>?]>(
            .init(repeating: nil, count: members.count)
        )
        let order = members.indices.sorted { (members[$1].count, $0) < (members[$0].count, $1) }
        let runner = GraphCompute(processor)
        let inner = GraphCompute(processor, isParallel: members.count == 1)
        let task: @Sendable (Int) -> Void = { position in
            let part = order[position]
            let result = Result { () throws -> NodeMatrix in
                let own = members[part]
                let inside = anchors.isEmpty ? [] : Set(own)
                let nodes = own + anchors.filter { !inside.contains($0) }
                let graph = level.subgraph(nodes)
                let key = PartStore.Key(
                    level: index,
                    part: part,
                    dimensions: dimensions,
                    content: store == nil ? 0 : graph.contentHash
                )
                var matrix = store?.load(key, rows: nodes.count)
                let wasKept = matrix != nil
                if matrix == nil {
                    let fresh = try method.embed(
                        graph,
                        dimensions: dimensions,
                        seed: SubgraphSeed(options.seed, level: index, part: part),
                        compute: inner
                    )
                    try store?.save(fresh, key)
                    matrix = fresh
                }
                let done = work.done.wrappingAdd(1, ordering: .relaxed).newValue
                progress?(done, max(work.total, done), wasKept)
                return matrix ?? NodeMatrix(rows: nodes.count, dimensions: dimensions)
            }
            results.withLock { $0[part] = result }
        }
        if members.count == 1 { task(0) } else { runner.run(tasks: members.count, task) }
        return try results.withLock { try $0.compactMap { try $0?.get() } }
    }
}
