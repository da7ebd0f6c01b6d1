import Foundation
import SkeinCore
import SkeinTestSupport
import Testing

import SkeinGraph

/// The worker that a cluster's machines run.
@Suite struct WorkerTests {
    private func method() -> WalkEmbedder {
        var method = WalkEmbedder()
        method.walks = 3
        method.length = 12
        method.window = 3
        return method
    }

    /// The lines that a cluster sends for a part.
    private func lines(
        _ level: GraphLevel,
        _ index: Int,
        _ part: Int,
        _ dimensions: Int
    ) -> [String] {
        let parts = level.partition.parts
        return level.partition.members[part].map { node in
            let entries = level.graph.entries(of: Int(node)).filter {
                parts[Int(level.graph.targets[$0])] == part
            }
            let targets = entries.map { "\(level.nodes[Int(level.graph.targets[$0])])" }
            var line = "\(index)\t\(part)\t\(dimensions)\t\(level.nodes[Int(node)])\t"
            line += targets.joined(separator: ",")
            if level.graph.weights != nil {
                line += "\t" + entries.map { "\(level.graph.weight($0))" }.joined(separator: ",")
            }
            return line
        }
    }

    private func run(_ lines: [String], isWeighted: Bool = false) throws -> [String] {
        var worker = GraphWorker(
            method: method(),
            seed: 9,
            isWeighted: isWeighted,
            processor: try GraphSamples.processor()
        )
        var rest = lines[...]
        var output = ""
        try worker.run(next: { rest.popFirst() }) { output += $0 }
        return output.split(separator: "\n").map(String.init)
    }

    @Test(arguments: [false, true])
    func `vectors are the whole run's bit for bit`(isWeighted: Bool) throws {
        let plain = GraphSamples.blocks(nodes: 240, blocks: 3, inner: 4, outer: 1, seed: 2)
        var (sources, destinations, weights): ([Int32], [Int32], [Float]) = ([], [], [])
        for node in 0..<plain.nodeCount {
            for other in plain.neighbors(of: node) where other > node {
                sources.append(Int32(node))
                destinations.append(Int32(other))
                weights.append(isWeighted ? Float(1 + (node * 7 + other) % 5) * 0.3 : 1)
            }
        }
        let graph = Graph(
            nodeCount: 241,
            sources: sources,
            destinations: destinations,
            weights: weights
        )
        var options = LevelOptions()
        options.parts = 3
        let levels = GraphLevels(graph, partitioner: RefinePartitioner(), options: options)
        #expect(levels.levels.count > 1)
        var settings = EmbeddingOptions()
        settings.dimensions = 32
        settings.seed = 9
        settings.alignment = .procrustes
        let embedder = GraphEmbedder(
            method: method(),
            options: settings,
            processor: try GraphSamples.processor(2)
        )
        let whole = try embedder.embed(levels)
        // The same run, with every part by the worker and none by the method.
        let directory = FileManager.default.temporaryDirectory.path + "/\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = try PartStore(directory: directory, settings: "worker")
        for job in try embedder.jobs(of: levels) {
            let level = levels.levels[job.key.level]
            let text = lines(level, job.key.level, job.key.part, job.key.dimensions)
            let answer = try run(text, isWeighted: isWeighted)
            let matrix = NodeMatrix(rows: job.nodeCount, dimensions: job.key.dimensions)
            #expect(answer.count == job.nodeCount)
            for (row, line) in answer.enumerated() {
                let fields = line.split(separator: "\t")
                #expect(
                    Int(fields[3])
                        == Int(level.nodes[Int(level.partition.members[job.key.part][row])])
                )
                matrix[row] = fields[4].split(separator: ",").compactMap { Float(String($0)) }
            }
            try store.save(matrix, job.key)
        }
        var remote = embedder
        remote.method = DeliveredVectors(name: "worker", from: store)
        let bare = GraphLevels(
            levels: levels.levels.map {
                GraphLevel(
                    graph: Graph(nodeCount: $0.graph.nodeCount, sources: [], destinations: []),
                    nodes: $0.nodes,
                    partition: $0.partition,
                    statistics: $0.statistics
                )
            },
            dropsLastBorder: levels.dropsLastBorder
        )
        #expect(try remote.embed(bare).vectors.hasSameBits(as: whole.vectors))
        // A part that is gone is an error, not a row of zeros.
        try FileManager.default.removeItem(
            atPath: directory + "/level0-part1-dim\(try embedder.shares(of: levels)[0]).skp"
        )
        let error = #expect(throws: SkeinError.self) { try remote.embed(bare) }
        #expect(error?.message.contains("level 0, part 1") == true)
    }

    @Test(arguments: [
        ("0\t0\t8\t1", "line 1: found"), ("0\t0\t8\tx\t2", "line 1: found"),
        ("0\t0\t8\t1\t2,y\n", "expected a node"), ("0\t0\t0\t1\t", "line 1: found"),
        ("0\t0\t8\t2\t\n0\t0\t8\t1\t", "line 2: found node 1 after 2"),
        ("0\t0\t8\t1\t2", "node 1 has neighbour 2, which has no line"),
        ("0\t0\t8\t1\t2\n0\t0\t8\t2\t", "not joined once"),
        ("0\t0\t8\t1\t2,2\n0\t0\t8\t2\t1", "not joined once"), ("0\t0\t8\t1\t1", "not joined once"),
    ])
    func `bad lines are named`(text: String, part: String) {
        let error = #expect(throws: SkeinError.self) {
            try run(text.split(separator: "\n").map(String.init))
        }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test func `bad weights are named and lone nodes and empty input pass`() throws {
        for weights in ["", "0", "-1", "nan", "inf", "x", "1,1"] {
            let lines = ["0\t0\t8\t1\t2\t\(weights)", "0\t0\t8\t2\t1\t1"]
            #expect(throws: SkeinError.self) { try run(lines, isWeighted: true) }
        }
        #expect(try run([]).isEmpty)
        let zeros = Array(repeating: "0.0", count: 8).joined(separator: ",")
        #expect(try run(["1\t2\t8\t70000000000\t"]) == ["1\t2\t8\t70000000000\t\(zeros)"])
    }

    @Test func `leftovers placed as ranges are those placed one by one`() {
        var random = SplitMix64(seed: 4)
        for _ in 0..<200 {
            let sizes = (0..<Int.random(in: 1...9, using: &random)).map { _ in
                Int.random(in: 1...12, using: &random)
            }.sorted(by: >)
            var loads = (0..<4).map { _ in Int.random(in: 0...6, using: &random) }
            let capacity = (sizes.reduce(0, +) + loads.reduce(0, +)) / 4 + 3
            var single = loads
            var expected: [Int] = []
            for size in sizes {
                var part = single.indices.min { (single[$0], $0) < (single[$1], $1) } ?? 0
                for _ in 0..<size {
                    if single[part] + 1 > capacity {
                        part = single.indices.min { (single[$0], $0) < (single[$1], $1) } ?? 0
                    }
                    single[part] += 1
                    expected.append(part)
                }
            }
            let places = GrowPartitioner.places(sizes, &loads, capacity)
            #expect(
                places.flatMap { [Int](repeating: $0.part, count: $0.members.count) } == expected
            )
            #expect(loads == single)
        }
    }
}
