import Foundation
import SkeinCore
import SkeinGraph
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct FusionTests {
    /// Rotations through single precision.
    static let rotationTolerance: Float = 1e-5

    private func levels(_ graph: Graph, parts: Int?) -> GraphLevels {
        var options = LevelOptions()
        options.parts = parts
        return GraphLevels(graph, partitioner: RefinePartitioner(), options: options)
    }

    private func method() -> WalkEmbedder {
        var method = WalkEmbedder()
        method.walks = 4
        method.length = 20
        method.window = 4
        return method
    }

    @Test func `one part is the plain embedder bit for bit`() throws {
        let graph = GraphSamples.blocks(nodes: 300, blocks: 3, inner: 4, outer: 1, seed: 2)
        let processor = try GraphSamples.processor(2)
        var options = EmbeddingOptions()
        options.dimensions = 32
        options.seed = 9
        let fused = try GraphEmbedder(method: method(), options: options, processor: processor)
            .embed(levels(graph, parts: nil))
        let plain = try method().embed(
            graph,
            dimensions: 32,
            seed: SubgraphSeed(9),
            compute: GraphCompute(processor)
        )
        #expect(fused.vectors.hasSameBits(as: plain))
    }

    @Test(arguments: [Alignment.none, .procrustes, .anchors], [Fusion.concat, .sum])
    func `threads and resuming change nothing`(alignment: Alignment, fusion: Fusion) throws {
        let graph = GraphSamples.blocks(nodes: 600, blocks: 3, inner: 4, outer: 1, seed: 2)
        let divided = levels(graph, parts: 3)
        #expect(divided.levels.count > 1)
        var options = EmbeddingOptions()
        options.dimensions = 32
        options.alignment = alignment
        options.fusion = fusion
        options.anchors = 32
        let directory = FileManager.default.temporaryDirectory.path + "/\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var results: [GraphEmbedding] = []
        for threads in [1, 3] {
            var embedder = GraphEmbedder(
                method: method(),
                options: options,
                processor: try GraphSamples.processor(threads)
            )
            embedder.store = try PartStore(directory: directory, settings: "a")
            results.append(try embedder.embed(divided))
            // The second run finds all parts but this one.
            try? FileManager.default.removeItem(atPath: directory + "/level0-part1-dim32.skp")
        }
        let fresh = try GraphEmbedder(
            method: method(),
            options: options,
            processor: try GraphSamples.processor(2)
        ).embed(divided)
        #expect(results[0].vectors.hasSameBits(as: results[1].vectors))
        #expect(results[0].vectors.hasSameBits(as: fresh.vectors))
    }

    @Test func `blocks are zero exactly where a node is absent`() throws {
        let graph = GraphSamples.blocks(nodes: 600, blocks: 3, inner: 4, outer: 1, seed: 2)
        let divided = levels(graph, parts: 3)
        var options = EmbeddingOptions()
        options.dimensions = 48
        let result = try GraphEmbedder(
            method: method(),
            options: options,
            processor: try GraphSamples.processor()
        ).embed(divided)
        #expect(result.blocks.map(\.count).reduce(0, +) == 48)
        let block = try #require(result.blocks.dropFirst().first)
        let border = Set(divided.levels[1].nodes.map { Int($0) })
        #expect(border.count < 600)
        for node in 0..<600 {
            let isZero = block.allSatisfy { result.vectors[node, $0] == 0 }
            #expect(isZero != border.contains(node))
        }
    }

    @Test func `a rotated copy is turned back`() throws {
        let compute = GraphCompute(try GraphSamples.processor())
        var random = SplitMix64(seed: 4)
        let x = NodeMatrix(rows: 50, dimensions: 6)
        for row in 0..<50 { x[row] = random.normals(6) }
        // A product of plane rotations, built apart from the code under test.
        let y = x.copy()
        for (a, b, c) in [(0, 1, Float(0.6)), (2, 5, 0.28), (1, 4, -0.8), (3, 0, 0.96)] {
            let s = (1 - c * c).squareRoot()
            for row in 0..<50 {
                let (u, v) = (y[row, a], y[row, b])
                y[row, a] = c * u - s * v
                y[row, b] = s * u + c * v
            }
        }
        let turned = Procrustes.turned(x, Procrustes.rotation(x, to: y, compute), compute)
        for row in 0..<50 {
            for column in 0..<6 {
                #expect(abs(turned[row, column] - y[row, column]) < Self.rotationTolerance)
            }
        }
    }

    @Test func `alignment raises cosines across parts`() throws {
        let graph = GraphSamples.blocks(nodes: 800, blocks: 8, inner: 6, outer: 1, seed: 6)
        let divided = levels(graph, parts: 2)
        var areas: [Double] = []
        for alignment in [Alignment.none, .procrustes] {
            var options = EmbeddingOptions()
            options.dimensions = 32
            options.fusion = .concatFixed([32])
            options.alignment = alignment
            let result = try GraphEmbedder(
                method: method(),
                options: options,
                processor: try GraphSamples.processor(2)
            ).embed(divided)
            let split = EdgeSplit(graph, seed: 1)
            areas.append(
                LinkPrediction(split, result, feature: .cosine, levels: divided).crossPart
            )
        }
        #expect(areas[1] > areas[0] + 0.05, "\(areas)")
    }
}
