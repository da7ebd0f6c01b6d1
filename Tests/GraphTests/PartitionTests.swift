import SkeinCore
import SkeinGraph
import SkeinTestSupport
import Testing

@Suite struct PartitionTests {
    static let partitioners: [(String, any Partitioner)] = [
        ("grow", GrowPartitioner()), ("refine", RefinePartitioner()), ("hash", HashPartitioner()),
        ("multilevel", MultilevelPartitioner(coarseNodes: 12)),
    ]

    @Test func `agrees with networkx on borders and cuts`() throws {
        let golden = try GraphSamples.golden()
        for name in ["karate", "weighted"] {
            let entry = try #require(golden[name])
            let graph = GraphSamples.graph(entry)
            let degrees = entry["degrees"]?.array?.compactMap(\.int)
            #expect((0..<graph.nodeCount).map { graph.degree(of: $0) } == degrees)
            let partition = Partition(
                parts: (0..<graph.nodeCount).map { Int32($0 % 3) },
                count: 3
            )
            let border = entry["border_of_mod_3"]?.array?.compactMap(\.int)
            #expect(partition.border(of: graph).map { Int($0) } == border)
            let statistics = partition.statistics(of: graph)
            #expect(statistics.cutEdges == entry["cut_edges"]?.int)
            #expect(statistics.borderNodes == border?.count)
        }
    }

    @Test func `parts are even complete and repeatable on random graphs`() {
        var random = SplitMix64(seed: 3)
        for turn in 0..<2500 {
            let graph = GraphSamples.random(&random)
            let parts = Int.random(in: 1...min(6, graph.nodeCount), using: &random)
            let request = PartitionRequest(parts: parts, seed: UInt64(turn))
            let capacity = request.capacity(nodeCount: graph.nodeCount)
            for (name, partitioner) in Self.partitioners {
                let partition = partitioner.partition(graph, request)
                #expect(partition.parts.count == graph.nodeCount, "\(name)")
                #expect(partition.parts.allSatisfy { $0 >= 0 && $0 < parts }, "\(name) \(turn)")
                #expect(partition.sizes.allSatisfy { $0 <= capacity }, "\(name) \(turn)")
                #expect(partitioner.partition(graph, request) == partition)
            }
        }
    }

    @Test func `levels keep exactly the border and cut is inside induced`() {
        var random = SplitMix64(seed: 5)
        for turn in 0..<400 {
            let graph = GraphSamples.random(&random)
            var options = LevelOptions()
            options.maximumNodes = 8
            options.seed = UInt64(turn)
            let induced = GraphLevels(graph, partitioner: GrowPartitioner(), options: options)
            options.border = .cut
            let cut = GraphLevels(graph, partitioner: GrowPartitioner(), options: options)
            guard induced.levels.count > 1, cut.levels.count > 1 else { continue }
            let parts = induced.levels[0].partition.parts
            let border = Set(
                (0..<graph.nodeCount).flatMap { a in
                    graph.neighbors(of: a).filter { parts[$0] != parts[a] }.flatMap { [a, $0] }
                }
            )
            #expect(Set(induced.levels[1].nodes.map { Int($0) }) == border)
            #expect(cut.levels[1].nodes == induced.levels[1].nodes)
            let (whole, crossing) = (induced.levels[1].graph, cut.levels[1].graph)
            for node in 0..<crossing.nodeCount {
                let own = parts[Int(cut.levels[1].nodes[node])]
                for other in crossing.neighbors(of: node) {
                    #expect(whole.hasEdge(node, other))
                    #expect(parts[Int(cut.levels[1].nodes[other])] != own)
                }
            }
            #expect(crossing.edgeCount == induced.levels[0].statistics.cutEdges)
        }
    }

    @Test func `refining finds blocks that hashing does not`() {
        let graph = GraphSamples.blocks(nodes: 2000, blocks: 4, inner: 8, outer: 1, seed: 1)
        let request = PartitionRequest(parts: 4)
        let costs = Self.partitioners.map { $0.1.partition(graph, request).statistics(of: graph) }
        #expect(costs[1].cutEdges < costs[2].cutEdges / 2)
        #expect(costs[3].cutEdges < costs[2].cutEdges / 2)
        #expect(costs[1].cutEdges <= costs[0].cutEdges)
    }

    @Test func `a star's hub and edge balance are survived`() {
        let star = Graph(
            nodeCount: 101,
            sources: .init(repeating: 0, count: 100),
            destinations: (1...100).map { Int32($0) }
        )
        for (name, partitioner) in Self.partitioners {
            var request = PartitionRequest(parts: 4)
            #expect(partitioner.partition(star, request).sizes.allSatisfy { $0 <= 28 }, "\(name)")
            request.loads = (0..<101).map { star.degree(of: $0) }
            #expect(partitioner.partition(star, request).parts.count == 101, "\(name)")
        }
    }

    @Test func `dimensions sum up for any counts`() throws {
        var random = SplitMix64(seed: 9)
        for _ in 0..<2000 {
            let counts = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                Int.random(in: 0...1000, using: &random)
            }
            let dimensions = 4 * Int.random(in: 2...64, using: &random)
            let shares = DimensionSplit.proportional(dimensions: dimensions, nodeCounts: counts)
            #expect(shares.reduce(0, +) == dimensions)
            #expect(shares.allSatisfy { $0 == 0 || $0 >= 8 && $0 % 4 == 0 })
        }
        #expect(DimensionSplit.proportional(dimensions: 128, nodeCounts: [300, 100]) == [96, 32])
        #expect(throws: SkeinError.self) { try DimensionSplit.fixed([6], levels: 2) }
        #expect(throws: SkeinError.self) { try DimensionSplit.fixed([8, 8, 8], levels: 2) }
    }
}
