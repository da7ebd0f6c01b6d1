import Foundation
import SkeinCore
import SkeinSpark
import SkeinTensor
import SkeinTestSupport
import Synchronization
import Testing

import SkeinGraph
import SkeinGraphSpark

/// The graph wing on a real Spark, where one runs: the same results as on this machine.
@Suite(.serialized) struct SparkGraphTests {
    private func session(_ name: String) async throws -> SparkSession? {
        let file = Files.root.appending(path: ".spark/\(name).url")
        guard let address = try? String(contentsOf: file, encoding: .utf8) else {
            print("skipped: no Spark server called \(name) runs here; make spark starts it")
            return nil
        }
        let session = try await SparkSession.connect(
            SparkURL(address.trimmingCharacters(in: .whitespacesAndNewlines))
        )
        // Queries on a hundred rows cost more to compile than to run.
        try await session.set(["spark.sql.codegen.wholeStage": "false"])
        return session
    }

    /// The binary beside the tests.
    private func binary() -> String? {
        let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        let found = [folder, Files.root.appending(path: ".build/release")]
            .map { $0.appending(path: "skein") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        if found == nil { print("skipped: no skein binary beside the tests; swift build makes it") }
        return found?.resolvingSymlinksInPath().path
    }

    /// Blocks with some edges between them, and what no region reaches: pairs and lone nodes.
    private func graph(isWeighted: Bool, blocks: Int = 3) -> Graph {
        var random = SplitMix64(seed: 12)
        var (sources, destinations, weights): ([Int32], [Int32], [Float]) = ([], [], [])
        func add(_ a: Int, _ b: Int) {
            sources.append(Int32(a))
            destinations.append(Int32(b))
            weights.append(isWeighted ? Float.random(in: 0.1...3, using: &random) : 1)
        }
        for node in 0..<30 * blocks {
            for _ in 0..<3 { add(node, node / 30 * 30 + Int.random(in: 0..<30, using: &random)) }
            if node % 6 == 0 { add(node, Int.random(in: 0..<30 * blocks, using: &random)) }
        }
        let n = 30 * blocks
        for pair in 0..<3 { add(n + 2 * pair, n + 2 * pair + 1) }
        return Graph(
            nodeCount: n + 8,
            sources: sources,
            destinations: destinations,
            weights: weights
        )
    }

    private func loaded(_ graph: Graph) -> LoadedGraph {
        LoadedGraph(graph: graph, ids: (0..<graph.nodeCount).map { Int64($0) * 3 - 50 })
    }

    private func levelOptions(_ border: BorderMode = .induced) -> LevelOptions {
        var options = LevelOptions()
        options.parts = 3
        options.seed = 5
        options.border = border
        options.maximumLevels = 2
        return options
    }

    private func engine(
        _ session: SparkSession,
        _ partitioner: String,
        _ levels: LevelOptions,
        worker: String = "",
        checkpoints: String? = nil
    ) async throws -> SparkGraphEngine {
        var options = SparkRunOptions()
        options.partitioner = partitioner
        options.levels = levels
        options.worker = worker
        options.checkpoints = checkpoints
        options.environment = ["SKEIN_ISA=\(try Processor(threads: 1).instructionSet)"]
        options.arguments = [
            "graph", "worker", "--seed", "7", "--walks", "2", "--walk-length", "10", "--window",
            "3",
        ]
        return try await SparkGraphEngine(session, options: options)
    }

    private func same(_ a: GraphLevels, _ b: GraphLevels) {
        #expect(a.levels.count == b.levels.count)
        for (mine, other) in zip(a.levels, b.levels) {
            #expect(mine.nodes == other.nodes)
            #expect(mine.partition == other.partition)
            #expect(mine.statistics.cutEdges == other.statistics.cutEdges)
            #expect(mine.statistics.borderNodes == other.statistics.borderNodes)
            #expect(mine.statistics.edgeCount == other.statistics.edgeCount)
        }
    }

    @Test func `refined levels are the embedded engine's`() async throws {
        guard let session = try await session("local") else { return }
        let graph = graph(isWeighted: true)
        let engine = try await engine(session, "refine", levelOptions())
        try await engine.take(loaded(graph))
        let divided = try await engine.divide()
        same(
            divided,
            GraphLevels(graph, partitioner: RefinePartitioner(), options: levelOptions())
        )
        #expect(divided.levels.count == 2)
        await session.close()
    }

    @Test func `grown and hashed levels and cut borders are the embedded engine's`() async throws {
        guard let session = try await session("local") else { return }
        let graph = graph(isWeighted: false)
        for (name, method) in [("grow", GrowPartitioner()), ("hash", HashPartitioner())]
            as [(String, any Partitioner)]
        {
            var options = levelOptions(.cut)
            options.imbalance = 0.5
            let engine = try await engine(session, name, options)
            try await engine.take(loaded(graph))
            same(
                try await engine.divide(),
                GraphLevels(graph, partitioner: method, options: options)
            )
        }
        await session.close()
    }

    /// Divides and embeds on Spark, and here.
    private func vectors(
        _ session: SparkSession,
        worker: String,
        whileRunning: (@Sendable () -> Void)? = nil,
        checkpoints: String? = nil
    ) async throws -> (spark: NodeMatrix, here: NodeMatrix) {
        let graph = graph(isWeighted: true)
        var options = levelOptions()
        options.imbalance = 0.5
        let engine = try await engine(
            session,
            "hash",
            options,
            worker: worker,
            checkpoints: checkpoints
        )
        try await engine.take(loaded(graph))
        let levels = try await engine.divide()
        var method = WalkEmbedder()
        (method.walks, method.length, method.window) = (2, 10, 3)
        var settings = EmbeddingOptions()
        (settings.dimensions, settings.seed, settings.alignment) = (32, 7, .procrustes)
        var embedder = GraphEmbedder(
            method: method,
            options: settings,
            processor: try Processor(threads: 1)
        )
        let here = try embedder.embed(
            GraphLevels(graph, partitioner: HashPartitioner(), options: options)
        )
        let directory = FileManager.default.temporaryDirectory.path + "/\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = try PartStore(directory: directory, settings: "spark")
        whileRunning?()
        try await engine.embed(embedder.jobs(of: levels), of: levels, into: store)
        embedder.method = DeliveredVectors(name: "deepwalk", from: store)
        return (try embedder.embed(levels).vectors, here.vectors)
    }

    @Test func `vectors from one process are the embedded engine's bit for bit`() async throws {
        guard let session = try await session("local"), let binary = binary() else { return }
        let (spark, here) = try await vectors(session, worker: binary)
        #expect(spark.hasSameBits(as: here))
        await session.close()
    }

    @Test func `vectors from a cluster are the embedded engine's bit for bit`() async throws {
        guard let session = try await session("cluster"), let binary = binary() else { return }
        let (spark, here) = try await vectors(session, worker: binary)
        #expect(spark.hasSameBits(as: here))
        await session.close()
    }

    /// A script that stands in for the worker.
    private func script(_ text: String) throws -> String {
        let path = NSTemporaryDirectory() + "skein-script-\(UUID().uuidString)"
        try ("#!/bin/bash\n" + text + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }

    @Test func `a worker that fails or forgets rows is an error`() async throws {
        guard let session = try await session("local"), let binary = binary() else { return }
        for (text, part) in [
            ("cat >/dev/null; echo no memory >&2; exit 3", "status 3"),
            ("'\(binary)' \"$@\" | grep -v $'\\t7\\t'", "lacks 1 nodes"),
            ("'\(binary)' \"$@\" | sed 's/,[^,]*$//'", "finite numbers"),
            ("sed '2d' | '\(binary)' \"$@\"", "which has no line"),
        ] {
            let path = try script(text)
            defer { try? FileManager.default.removeItem(atPath: path) }
            let error = await #expect(throws: SkeinError.self) {
                _ = try await vectors(session, worker: path)
            }
            #expect(error?.message.contains(part) == true, "\(part): \(error?.message ?? "")")
        }
        await session.close()
    }

    @Test func `a killed executor costs a retry and no node`() async throws {
        guard let session = try await session("cluster"), let binary = binary() else { return }
        // The first worker that starts kills the executor above it, once.
        let mark = NSTemporaryDirectory() + "skein-mark-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: mark) }
        let path = try script(
            """
            if mkdir '\(mark)' 2>/dev/null; then
              up=$PPID
              while [ "$up" -gt 1 ] && [ "$(cat /proc/$up/comm)" != java ]; do
                up=$(awk '/^PPid/ {print $2}' /proc/$up/status)
              done
              [ "$up" -gt 1 ] && kill -9 "$up"
              exit 1
            fi
            exec '\(binary)' "$@"
            """
        )
        defer { try? FileManager.default.removeItem(atPath: path) }
        let directory = NSTemporaryDirectory() + "skein-checkpoints-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (spark, here) = try await vectors(session, worker: path, checkpoints: directory)
        #expect(FileManager.default.fileExists(atPath: mark))
        #expect(spark.hasSameBits(as: here))
        await session.close()
    }

    @Test func `Parquet goes in and out`() async throws {
        guard let session = try await session("local") else { return }
        let folder = NSTemporaryDirectory() + "skein-parquet-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Both directions, repeats, a self loop, negative ids and one beyond 2³¹.
        try await session.run(
            "INSERT OVERWRITE DIRECTORY '\(folder)/edges' USING parquet SELECT * FROM VALUES "
                + "(5L, -7L, 0.1F), (-7L, 5L, 0.2F), (5L, 9000000000L, 0.7F), (5L, 5L, 1F), "
                + "(5L, -7L, 0.3F), (2L, 9000000000L, 2F) AS t(src, dst, w)"
        )
        let text = "5 -7 .1\n-7 5 .2\n5 9000000000 .7\n5 5 1\n5 -7 .3\n2 9000000000 2\n"
        let expected = try Array(text.utf8).withUnsafeBytes { try GraphFileReader.read($0) }
        let graph = try await SparkVectors.graph(folder + "/edges", session)
        #expect(graph.fingerprint == expected.fingerprint)
        #expect(graph.report.selfLoops == 1 && graph.report.repeats == 2)
        let engine = try await engine(session, "grow", LevelOptions())
        let remote = try await engine.read(folder + "/edges")
        #expect(remote.ids == expected.ids)
        let view = try #require(await engine.tables.kept("edges0"))
        let edges = try await session.query(
            "SELECT s, d, w FROM \(view) WHERE s < d ORDER BY s, d"
        )
        var at = 0
        for table in edges {
            let (s, d, w) = (
                try table.integers("s"), try table.integers("d"), try table.floats("w")
            )
            for row in s.indices {
                let node = Int(s[row])
                let entry = expected.graph.entries(of: node).first {
                    expected.graph.targets[$0] == Int32(d[row])
                }
                #expect(entry.map { expected.graph.weight($0).bitPattern } == w[row].bitPattern)
                at += 1
            }
        }
        #expect(at == expected.graph.edgeCount)
        // Vectors out, and read back by Spark.
        let vectors = NodeMatrix(rows: 3, dimensions: 5)
        for row in 0..<3 { vectors[row] = (0..<5).map { Float(row) + Float($0) * 0.1 } }
        let file = VectorFile(ids: [4, -2, 9_000_000_000], vectors: vectors)
        try await SparkVectors.write(file, to: folder + "/vectors", session)
        let back = try await session.query(
            "SELECT id, vector FROM parquet.`\(folder)/vectors` ORDER BY id"
        ).filter { $0.rowCount > 0 }
        #expect(try back.flatMap { try $0.integers("id") } == [-2, 4, 9_000_000_000])
        guard case .lists(_, let elements) = back[0].columns[1].values else {
            Issue.record("no lists")
            return
        }
        #expect(elements.values == .floats(vectors[1] + vectors[0] + vectors[2]))
        await session.close()
    }

    @Test(arguments: [
        ("SELECT 1 AS a, 2 AS b", "expected src, dst"),
        ("SELECT 1L AS src, CAST(NULL AS BIGINT) AS dst", "missing src or dst"),
        ("SELECT 1L AS src, 2L AS dst, -1F AS w", "such as -1.0 from 1 to 2"),
        ("SELECT 1L AS src, 2L AS dst, CAST('NaN' AS FLOAT) AS w", "such as NaN"),
        ("SELECT 1L AS src, 2L AS dst, CAST(NULL AS FLOAT) AS w", "such as null"),
        ("SELECT 1L AS src, 2L AS dst WHERE false", "no rows"),
        ("/no/such/path/anywhere.parquet", "PATH_NOT_FOUND"),
    ])
    func `bad rows are counted and shown`(source: String, part: String) async throws {
        guard let session = try await session("local") else { return }
        let error = await #expect(throws: SkeinError.self) {
            _ = try await SparkVectors.graph(source, session)
        }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        await session.close()
    }
}
