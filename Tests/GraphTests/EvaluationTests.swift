import Foundation
import SkeinCore
import SkeinGraph
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct EvaluationTests {
    /// Doubles summed in another order.
    static let tolerance = 1e-9

    @Test func `metrics agree with scikit-learn`() throws {
        let golden = try #require(try GraphSamples.golden()["metrics"])
        let scores = golden["scores"]?.array?.compactMap(\.double).map { Float($0) } ?? []
        let truth = golden["truth"]?.array?.compactMap(\.int) ?? []
        let positives = zip(scores, truth).filter { $0.1 == 1 }.map(\.0)
        let negatives = zip(scores, truth).filter { $0.1 == 0 }.map(\.0)
        let auc = RankingMetrics.areaUnderCurve(positives: positives, negatives: negatives)
        let ap = RankingMetrics.averagePrecision(positives: positives, negatives: negatives)
        #expect(abs(auc - (golden["auc"]?.double ?? 0)) < Self.tolerance)
        #expect(abs(ap - (golden["ap"]?.double ?? 0)) < Self.tolerance)
        func sets(_ key: String) -> [[Int]] {
            golden[key]?.array?.map { $0.array?.compactMap(\.int) ?? [] } ?? []
        }
        let f1 = RankingMetrics.f1(
            predicted: sets("predicted"),
            actual: sets("actual"),
            labels: 6
        )
        #expect(abs(f1.micro - (golden["micro"]?.double ?? 0)) < Self.tolerance)
        #expect(abs(f1.macro - (golden["macro"]?.double ?? 0)) < Self.tolerance)
        let ranked = [0, 1, 2, 3, 4, 5]
        let gain = RankingMetrics.normalizedGain(ranked, relevant: [1, 3, 4], k: 4)
        #expect(abs(gain - (golden["ndcg"]?.double ?? 0)) < Self.tolerance)
        #expect(RankingMetrics.recall(ranked, relevant: [1, 3, 9], k: 2) == 1.0 / 3)
    }

    @Test func `hidden edges leave every node one and negatives are no edges`() {
        let graph = GraphSamples.blocks(nodes: 300, blocks: 3, inner: 2, outer: 1, seed: 4)
        let split = EdgeSplit(graph, share: 0.5, seed: 2)
        for node in 0..<300 where graph.degree(of: node) > 0 {
            #expect(split.graph.degree(of: node) > 0)
        }
        #expect(split.graph.edgeCount + split.testPositives.count == graph.edgeCount)
        #expect(split.testNegatives.count == split.testPositives.count)
        let negatives = split.trainNegatives + split.testNegatives
        #expect(negatives.allSatisfy { !graph.hasEdge($0.0, $0.1) })
        #expect(Set(negatives.map { $0.0 * 300 + $0.1 }).count == negatives.count)
    }

    @Test func `logistic regression ends where the gradient is zero`() {
        var random = SplitMix64(seed: 8)
        let x = NodeMatrix(rows: 200, dimensions: 5)
        for row in 0..<200 { x[row] = random.normals(5) }
        let labels = (0..<200).map { x[$0, 0] + 0.5 * x[$0, 3] + random.normals(1)[0] > 0.3 }
        let model = LogisticRegression(x, rows: Array(0..<200), isPositive: labels)
        func loss(_ column: Int, _ shift: Float) -> Double {
            var moved = model
            if column < 5 { moved.weights[column] += shift } else { moved.intercept += shift }
            let norm = moved.weights.reduce(0) { $0 + Double($1) * Double($1) } / 2
            return (0..<200).reduce(norm) { sum, row in
                let z = Double(moved.score(x, row)) * (labels[row] ? 1 : -1)
                return sum + log1p(exp(-z))
            }
        }
        for column in 0..<6 {
            let slope = (loss(column, 0.01) - loss(column, -0.01)) / 0.02
            #expect(abs(slope) < 0.05, "column \(column): \(slope)")
        }
    }

    @Test func `the index finds nearly all true neighbours`() {
        var random = SplitMix64(seed: 8)
        let x = NodeMatrix(rows: 2000, dimensions: 16)
        for row in 0..<2000 { x[row] = random.normals(16) }
        let index = NeighborIndex(x)
        var hits = 0
        for row in stride(from: 0, to: 2000, by: 40) {
            let exact = Set(NeighborIndex.exact(x, x[row], count: 10).map(\.node))
            let found = index.search(x[row], count: 10)
            #expect(found.first?.node == row)
            hits += found.count { exact.contains($0.node) }
        }
        #expect(hits > 475)
    }

    @Test func `an index survives its file and damage is refused`() throws {
        var random = SplitMix64(seed: 8)
        let x = NodeMatrix(rows: 300, dimensions: 12)
        for row in 0..<300 { x[row] = random.normals(12) }
        let path = FileManager.default.temporaryDirectory.path + "/\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let index = NeighborIndex(x, links: 4)
        try index.write(to: path)
        #expect(NeighborIndex.isIndex(path, of: x))
        let read = try NeighborIndex(path: path)
        for row in 0..<300 {
            #expect(read.search(x[row], count: 7) == index.search(x[row], count: 7))
        }
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        x[299, 11] += 1
        #expect(!NeighborIndex.isIndex(path, of: x))
        var refused = 0
        for turn in 0..<400 {
            var damaged = bytes
            // The header, the links, and the end.
            let place =
                turn % 2 == 0
                ? Int.random(in: 0..<56, using: &random)
                : Int.random(in: 56 + 300 * 48..<bytes.count, using: &random)
            damaged[place] ^= UInt8.random(in: 1...255, using: &random)
            if turn % 5 == 0 { damaged.removeLast(Int.random(in: 1..<bytes.count, using: &random)) }
            try Data(damaged).write(to: URL(filePath: path))
            do {
                let read = try NeighborIndex(path: path)
                #expect(read.search([Float](repeating: 1, count: 12), count: 3).count <= 3)
            } catch let error as SkeinError {
                #expect(error.code == .corruptFile)
                refused += 1
            }
        }
        #expect(refused > 200)
    }

    @Test func `blocks are learnt`() throws {
        let graph = GraphSamples.blocks(nodes: 600, blocks: 3, inner: 5, outer: 1, seed: 2)
        let labels = NodeLabels(labels: (0..<600).map { [$0 / 200] }, names: [0, 1, 2])
        let processor = try GraphSamples.processor(2)
        var walks = WalkEmbedder()
        walks.length = 20
        let methods: [any SubgraphEmbedder] = [
            walks, LineEmbedder(), NetMFEmbedder(), ProNEEmbedder(),
        ]
        for method in methods {
            let vectors = try method.embed(
                graph,
                dimensions: 16,
                seed: SubgraphSeed(1),
                compute: GraphCompute(processor)
            )
            let score = NodeClassification(vectors, labels, repeats: 2, processor: processor)
            #expect(score.micro > 0.8, "\(method.name): \(score.micro)")
        }
    }

    @Test func `only the other side is recommended in a bipartite graph`() throws {
        let star = Graph(
            nodeCount: 6,
            sources: [0, 0, 1, 1, 2, 2],
            destinations: [3, 4, 4, 5, 5, 3]
        )
        #expect(star.sides == [false, false, false, true, true, true])
        #expect(Graph(nodeCount: 3, sources: [0, 1, 2], destinations: [1, 2, 0]).sides == nil)
        let split = EdgeSplit(star, share: 0.3, seed: 1)
        let x = NodeMatrix(rows: 6, dimensions: 1)
        for row in 0..<6 { x[row, 0] = 1 }
        let result = Recommendation(split, x, k: 3, processor: try GraphSamples.processor())
        #expect(result.recall == 1)
        #expect(result.nodes > 0)
    }
}
