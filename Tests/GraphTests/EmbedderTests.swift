import Foundation
import SkeinCore
import SkeinGraph
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct EmbedderTests {
    /// Singular values from randomised iterations against LAPACK's.
    static let valueTolerance = 1e-4
    /// Single precision through ten sparse products.
    static let filterTolerance: Float = 2e-4

    static func methods() -> [any SubgraphEmbedder] {
        var walks = WalkEmbedder()
        walks.walks = 3
        walks.length = 20
        var biased = walks
        biased.p = 0.5
        biased.q = 2
        var line = LineEmbedder()
        line.samplesPerEdge = 20
        return [walks, biased, line, NetMFEmbedder(), ProNEEmbedder()]
    }

    @Test func `bits do not depend on the number of threads`() throws {
        let graph = GraphSamples.blocks(nodes: 700, blocks: 4, inner: 4, outer: 1, seed: 2)
        for method in Self.methods() {
            let one = try method.embed(
                graph,
                dimensions: 20,
                seed: SubgraphSeed(5),
                compute: GraphCompute(GraphSamples.processor(1))
            )
            let three = try method.embed(
                graph,
                dimensions: 20,
                seed: SubgraphSeed(5),
                compute: GraphCompute(GraphSamples.processor(3))
            )
            let other = try method.embed(
                graph,
                dimensions: 20,
                seed: SubgraphSeed(6),
                compute: GraphCompute(GraphSamples.processor(1))
            )
            #expect(one.hasSameBits(as: three), "\(method.name)")
            #expect(!one.hasSameBits(as: other), "\(method.name)")
            #expect(one.isFinite, "\(method.name)")
        }
    }

    @Test func `tiny and edgeless graphs are embedded`() throws {
        let compute = GraphCompute(try GraphSamples.processor())
        for (nodes, edges) in [(0, 0), (1, 0), (2, 1), (3, 1), (9, 8)] {
            let graph = Graph(
                nodeCount: nodes,
                sources: .init(repeating: 0, count: edges),
                destinations: (0..<edges).map { Int32($0 + 1) }
            )
            for method in Self.methods() {
                let matrix = try method.embed(
                    graph,
                    dimensions: 16,
                    seed: SubgraphSeed(1),
                    compute: compute
                )
                #expect(matrix.rows == nodes)
                #expect(matrix.isFinite, "\(method.name) on \(nodes) nodes")
            }
        }
    }

    @Test(arguments: ["karate", "weighted"])
    func `factorisations agree with dense references`(name: String) throws {
        let entry = try #require(try GraphSamples.golden()[name])
        let graph = GraphSamples.graph(entry)
        let compute = GraphCompute(try GraphSamples.processor())
        let netmf = try NetMFEmbedder().singularValues(
            graph,
            rank: 8,
            seed: SubgraphSeed(1),
            compute: compute
        )
        let prone = ProNEEmbedder().singularValues(
            graph,
            rank: 8,
            seed: SubgraphSeed(1),
            compute: compute
        )
        for (values, key) in [(netmf, "netmf_values"), (prone, "prone_values")] {
            let expected = entry[key]?.array?.compactMap(\.double) ?? []
            #expect(expected.count == 8)
            for (found, wanted) in zip(values, expected) {
                #expect(abs(found - wanted) < Self.valueTolerance * wanted, "\(key)")
            }
        }
    }

    @Test(arguments: ["karate", "weighted"])
    func `the spectral filter agrees with SciPy`(name: String) throws {
        let entry = try #require(try GraphSamples.golden()[name])
        let graph = GraphSamples.graph(entry)
        let features = NodeMatrix(rows: graph.nodeCount, dimensions: 4)
        for node in 0..<graph.nodeCount {
            for column in 0..<4 {
                features[node, column] = Float(cos(Double(node * (column + 1))))
            }
        }
        features.normalizeRows()
        let result = ProNEEmbedder().propagated(
            features,
            graph,
            GraphCompute(try GraphSamples.processor())
        )
        let expected = entry["filtered_products"]?.array?.compactMap(\.double) ?? []
        #expect(expected.count == graph.nodeCount)
        for (node, product) in expected.enumerated() {
            #expect(abs(result.dot(0, node) - Float(product)) < Self.filterTolerance)
        }
    }

    @Test func `half precision keeps the singular values and the cosines`() throws {
        let graph = GraphSamples.blocks(nodes: 900, blocks: 5, inner: 6, outer: 2, seed: 3)
        let compute = GraphCompute(try GraphSamples.processor(2))
        var (single, half) = (ProNEEmbedder(), ProNEEmbedder())
        (single.halvesAbove, half.halvesAbove) = (.max, 0)
        func values(_ method: ProNEEmbedder) -> [Double] {
            method.singularValues(graph, rank: 4, seed: SubgraphSeed(1), compute: compute)
        }
        for (a, b) in zip(values(single), values(half)) { #expect(abs(a - b) < 1e-3 * a) }
        func vectors(_ method: ProNEEmbedder) throws -> NodeMatrix {
            try method.embed(graph, dimensions: 4, seed: SubgraphSeed(1), compute: compute)
        }
        let (a, b) = (try vectors(single), try vectors(half))
        #expect(!a.hasSameBits(as: b))
        for node in 1..<900 { #expect(abs(a.dot(0, node) - b.dot(0, node)) < 0.02) }
    }

    @Test func `second-order steps have the probabilities of node2vec`() throws {
        let graph = GraphSamples.graph(try #require(try GraphSamples.golden()["karate"]))
        let walker = Walker(graph, p: 0.25, q: 4)
        var counts: [[Int: Int]: [Int: Int]] = [:]
        for lane in 0..<2000 {
            let walk = walker.walk(from: 0, length: 100, seed: SubgraphSeed(3), lane: lane)
            for index in 2..<walk.count {
                counts[[walk[index - 2]: walk[index - 1]], default: [:]][walk[index], default: 0] +=
                    1
            }
        }
        var (statistic, freedom) = (0.0, 0)
        for (pair, seen) in counts {
            guard let (from, at) = pair.first else { continue }
            let weights = graph.neighbors(of: at).map { next -> (Int, Double) in
                (next, next == from ? 4 : graph.hasEdge(next, from) ? 1 : 0.25)
            }
            let total = weights.reduce(0) { $0 + $1.1 }
            let steps = Double(seen.values.reduce(0, +))
            guard steps > 300 else { continue }
            for (next, weight) in weights {
                let expected = steps * weight / total
                statistic +=
                    (Double(seen[next] ?? 0) - expected) * (Double(seen[next] ?? 0) - expected)
                    / expected
            }
            freedom += weights.count - 1
        }
        // Mean and deviation of chi-square; 3.3 deviations is a p-value of about 0.0005.
        #expect(freedom > 200)
        #expect(statistic < Double(freedom) + 3.3 * (2 * Double(freedom)).squareRoot())
    }

    @Test func `dense factorisation refuses what does not fit`() throws {
        var method = NetMFEmbedder()
        method.maximumNodes = 10
        let graph = GraphSamples.blocks(nodes: 20, blocks: 2, inner: 3, outer: 1, seed: 1)
        let error = #expect(throws: SkeinError.self) {
            try method.embed(
                graph,
                dimensions: 8,
                seed: SubgraphSeed(1),
                compute: GraphCompute(GraphSamples.processor())
            )
        }
        #expect(error?.message.contains("found 20 nodes, expected at most 10") == true)
    }
}
