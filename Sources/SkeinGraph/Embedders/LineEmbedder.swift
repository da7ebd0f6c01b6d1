/// LINE: first-order and second-order proximity from sampled edges, side by side.
///
/// - Paper: Tang et al. 2015, "LINE: large-scale information network embedding", eq. 3 and 7.
public struct LineEmbedder: SubgraphEmbedder {
    /// Samples for each edge of the graph and each order.
    public var samplesPerEdge = 1000
    /// Negative samples an edge.
    public var negatives = 5
    /// The learning rate at the start; it falls linearly to a ten-thousandth.
    public var learningRate: Float = 0.025

    /// Creates the embedder with its usual settings.
    public init() {}

    /// The method's name in reports.
    public var name: String { "line" }

    /// Embeds a graph by its edges.
    public func embed(
        _ graph: Graph,
        dimensions: Int,
        seed: SubgraphSeed,
        compute: GraphCompute
    ) throws -> NodeMatrix {
        let result = NodeMatrix(rows: graph.nodeCount, dimensions: dimensions)
        guard graph.entryCount > 0 else { return result }
        let widths = [dimensions - dimensions / 2, dimensions / 2]
        let halves = widths.enumerated().map { order, width in
            half(graph, width: width, isFirst: order == 0, seed, compute)
        }
        for (half, offset) in zip(halves, [0, widths[0]]) {
            half.normalizeRows()
            for node in 0..<graph.nodeCount {
                for column in 0..<half.dimensions {
                    result[node, offset + column] = half[node, column]
                }
            }
        }
        return result
    }

    private func half(
        _ graph: Graph,
        width: Int,
        isFirst: Bool,
        _ seed: SubgraphSeed,
        _ compute: GraphCompute
    ) -> NodeMatrix {
        let input = NodeMatrix(rows: graph.nodeCount, dimensions: width)
        guard width > 0 else { return input }
        for node in 0..<graph.nodeCount where graph.degree(of: node) > 0 {
            var random = seed.random(.start, at: node, lane: isFirst ? 1 : 2)
            for column in 0..<width { input[node, column] = (random.unit() - 0.5) / Float(width) }
        }
        let output = isFirst ? input : NodeMatrix(rows: graph.nodeCount, dimensions: width)
        let owners = (0..<graph.nodeCount).flatMap { node in
            [Int32](repeating: Int32(node), count: graph.degree(of: node))
        }
        let edges = AliasTable((0..<graph.entryCount).map { Double(graph.weight($0)) })
        let noise = AliasTable(
            (0..<graph.nodeCount).map { node in
                let root = graph.strength(of: node).squareRoot()
                return root * root.squareRoot()
            }
        )
        let samples = samplesPerEdge * graph.edgeCount
        let negatives = min(negatives, max(graph.nodeCount - 2, 0))
        var random = seed.random(.edges, lane: isFirst ? 1 : 2)
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: negatives + 2) { list in
            noise.slots.withUnsafeBufferPointer { noise in
                guard let list = list.baseAddress else { return }
                for sample in 0..<samples {
                    let entry = edges.draw(&random)
                    // The context sits before the outputs, so that no negative equals it either.
                    list[0] = owners[entry]
                    list[1] = graph.targets[entry]
                    let count = Self.draw(negatives, list, noise, &random)
                    let rate = learningRate * max(1 - Float(sample) / Float(samples), 1e-4)
                    compute.skipgram(
                        input,
                        output,
                        contexts: list,
                        1,
                        outputs: list + 1,
                        count - 1,
                        rate: rate
                    )
                }
            }
        }
        return input
    }

    /// Draws negatives after a context and a positive; the length of the whole list.
    private static func draw(
        _ negatives: Int,
        _ list: UnsafeMutablePointer<Int32>,
        _ noise: UnsafeBufferPointer<UInt64>,
        _ random: inout GraphRandom
    ) -> Int {
        var count = 2
        var tries = 4 * negatives
        while count < negatives + 2, tries > 0 {
            tries -= 1
            let node = Int32(truncatingIfNeeded: AliasTable.draw(noise, &random))
            guard !(0..<count).contains(where: { list[$0] == node }) else { continue }
            list[count] = node
            count += 1
        }
        return count
    }
}
