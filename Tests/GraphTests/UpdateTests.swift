import Foundation
import SkeinCore
import SkeinGraph
import SkeinTensor
import SkeinTestSupport
import Synchronization
import Testing

/// Divisions that are kept, and graphs that are awkward to divide.
@Suite struct UpdateTests {
    private final class Counter: Sendable {
        let kept = Atomic<Int>(0)
        let all = Atomic<Int>(0)
    }

    private func loaded(_ graph: Graph) -> LoadedGraph {
        LoadedGraph(graph: graph, ids: (0..<graph.nodeCount).map { Int64(10 * $0) })
    }

    private func options() -> LevelOptions {
        var options = LevelOptions()
        options.parts = 4
        return options
    }

    private func embed(
        _ levels: GraphLevels,
        store: String?
    ) throws -> (vectors: NodeMatrix, kept: Int, all: Int) {
        var embedder = GraphEmbedder(
            method: ProNEEmbedder(),
            processor: try GraphSamples.processor(2)
        )
        embedder.options.dimensions = 32
        if let store { embedder.store = try PartStore(directory: store, settings: "prone 32") }
        let counter = Counter()
        embedder.progress = { _, _, wasKept in
            counter.all.add(1, ordering: .relaxed)
            if wasKept { counter.kept.add(1, ordering: .relaxed) }
        }
        let vectors = try embedder.embed(levels).vectors
        return (
            vectors, counter.kept.load(ordering: .relaxed), counter.all.load(ordering: .relaxed)
        )
    }

    @Test func `only parts with other edges are embedded again`() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let graph = GraphSamples.blocks(nodes: 800, blocks: 4, inner: 5, outer: 1, seed: 2)
        let first = GraphLevels(graph, partitioner: RefinePartitioner(), options: options())
        #expect(first.levels.count > 1)
        _ = try embed(first, store: folder)
        let shares = [Int](repeating: 8, count: first.levels.count)
        try DivisionFile.write(first, shares, ids: loaded(graph).ids, to: folder + "/division")
        // One more edge inside a part, between nodes of no border, and one more node tied to it.
        let border = Set(first.levels[1].nodes.map { Int($0) })
        let parts = first.levels[0].partition.parts
        let home = parts[0]
        let inside = (0..<800).filter { parts[$0] == home && !border.contains($0) }
        let (a, b) = try #require(
            inside.lazy.flatMap { a in inside.lazy.map { (a, $0) } }
                .first { $0.0 < $0.1 && !graph.hasEdge($0.0, $0.1) }
        )
        var (sources, destinations) = ([Int32(a), 800], [Int32(b), Int32(a)])
        var weights: [Float] = [1, 1]
        for node in 0..<800 {
            for (index, other) in graph.neighbors(of: node).enumerated() where other > node {
                sources.append(Int32(node))
                destinations.append(Int32(other))
                weights.append(graph.weight(graph.entries(of: node).lowerBound + index))
            }
        }
        let changed = Graph(
            nodeCount: 801,
            sources: sources,
            destinations: destinations,
            weights: weights
        )
        let division = try DivisionFile(path: folder + "/division", for: loaded(changed))
        let second = GraphLevels(
            changed,
            partitioner: RefinePartitioner(),
            options: options(),
            previous: division.levels
        )
        #expect(division.shares == shares)
        #expect(second.levels[0].partition.parts[..<800] == parts[...])
        #expect(second.levels[0].partition.parts[800] == home)
        let updated = try embed(second, store: folder)
        #expect(updated.kept == updated.all - 1, "\(updated.kept) of \(updated.all)")
        let fresh = try embed(second, store: nil)
        #expect(updated.vectors.hasSameBits(as: fresh.vectors))
        let same = try embed(second, store: folder)
        #expect(same.kept == same.all)
    }

    @Test func `damaged divisions are refused`() throws {
        let path = FileManager.default.temporaryDirectory.path + "/\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let graph = GraphSamples.blocks(nodes: 90, blocks: 3, inner: 4, outer: 1, seed: 2)
        let levels = GraphLevels(graph, partitioner: HashPartitioner(), options: options())
        let shares = [Int](repeating: 8, count: levels.levels.count)
        try DivisionFile.write(levels, shares, ids: loaded(graph).ids, to: path)
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        var (random, refused) = (SplitMix64(seed: 1), 0)
        for _ in 0..<500 {
            var damaged = bytes
            damaged[Int.random(in: 0..<bytes.count, using: &random)] ^= 0x80
            if Bool.random(using: &random) { damaged.removeLast(9) }
            try Data(damaged).write(to: URL(filePath: path))
            do {
                let read = try DivisionFile(path: path, for: loaded(graph))
                #expect(read.levels.allSatisfy { $0.parts.count == 90 })
            } catch let error as SkeinError {
                #expect(error.code == .corruptFile)
                refused += 1
            }
        }
        #expect(refused > 200)
    }

    @Test func `a star and scattered pieces are divided and embedded`() throws {
        let star = Graph(
            nodeCount: 400,
            sources: .init(repeating: 0, count: 399),
            destinations: (1..<400).map { Int32($0) }
        )
        // Forty rings of ten nodes, and forty nodes alone.
        let ends = (0..<400).map { node -> Int32 in
            let next = (node + 1) % 10
            return Int32(node / 10 * 10 + next)
        }
        let rings = Graph(
            nodeCount: 440,
            sources: (0..<400).map { Int32($0) },
            destinations: ends
        )
        var walks = WalkEmbedder()
        walks.walks = 2
        walks.length = 10
        for graph in [star, rings] {
            for method in [walks, ProNEEmbedder()] as [any SubgraphEmbedder] {
                for alignment in Alignment.allCases {
                    let levels = GraphLevels(
                        graph,
                        partitioner: RefinePartitioner(),
                        options: options()
                    )
                    var embedder = GraphEmbedder(
                        method: method,
                        processor: try GraphSamples.processor(2)
                    )
                    embedder.options.dimensions = 16
                    embedder.options.anchors = 20
                    embedder.options.alignment = alignment
                    let result = try embedder.embed(levels)
                    #expect(result.vectors.rows == graph.nodeCount)
                    for node in 0..<graph.nodeCount where graph.degree(of: node) == 0 {
                        #expect(result.vectors[node].allSatisfy { $0 == 0 }, "\(method.name)")
                    }
                }
            }
        }
    }
}
