internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinGraph
internal import SkeinGraphSpark
internal import SkeinSpark
internal import SkeinTensor

/// Where the work goes when one machine is too small.
struct SparkFlags: ParsableArguments {
    @Option(help: "Divide and embed on Spark: sc://host:port, or env for SPARK_REMOTE.")
    var spark: String?

    @Option(help: "The binary for the executors; this one. They need nothing else installed.")
    var sparkWorker: String?

    @Option(help: "A directory of the cluster for checkpoints; else the executors keep them.")
    var sparkCheckpoints: String?

    @Option(help: "How many pieces Spark's shuffles make; as the server says.")
    var sparkPartitions: Int?

    @Option(help: "Where the cluster writes the vectors as Parquet: id, vector.")
    var parquet: String?

    func validate() throws {
        guard parquet == nil || spark != nil else {
            throw ValidationError(
                "--parquet is written by Spark; pass --spark, or graph export later"
            )
        }
        guard (sparkPartitions ?? 1) > 0 else {
            throw ValidationError("--spark-partitions must be positive")
        }
    }

    func session() async throws -> SparkSession? {
        guard let spark else { return nil }
        let session = try await Self.connect(spark)
        if let sparkPartitions {
            try await session.set(["spark.sql.shuffle.partitions": "\(sparkPartitions)"])
        }
        return session
    }

    /// The engine for a run with the same meaning as on this machine.
    func engine(_ session: SparkSession?, _ run: GraphEmbed) async throws -> SparkGraphEngine? {
        guard let session else { return nil }
        guard !run.embedding.racing else {
            throw SkeinError(.unsupported, "--racing works on one machine only")
        }
        var options = SparkRunOptions()
        options.partitioner = run.division.partitioner
        options.levels = try run.division.options(seed: run.input.seed)
        options.worker = sparkWorker ?? Self.ownBinary
        options.environment = [
            "SKEIN_ISA=\(try run.input.processor().instructionSet)"
        ]
        options.arguments =
            ["graph", "worker", "--seed", "\(run.input.seed)"] + run.embedding.methodArguments
        options.checkpoints = sparkCheckpoints
        if !run.quiet {
            options.report = { Environment.error("\r\u{1b}[K\($0)") }
        }
        return try await SparkGraphEngine(session, options: options)
    }

    /// Whether the graph is something that the cluster reads.
    static func isRemote(_ graph: String) -> Bool {
        graph.hasPrefix("parquet:") || graph.lowercased().hasPrefix("select ")
    }

    /// What the cluster reads: a path without its prefix, or a query.
    static func source(_ graph: String) -> String {
        graph.hasPrefix("parquet:") ? String(graph.dropFirst(8)) : graph
    }

    static func connect(_ address: String?) async throws -> SparkSession {
        guard
            let text = address == "env" || address == nil
                ? Environment.value("SPARK_REMOTE") : address
        else {
            throw SkeinError(
                .invalidArgument,
                "found no address of a Spark server, expected --spark or SPARK_REMOTE",
                hint: "such as sc://localhost:15002; make spark starts one"
            )
        }
        return try await SparkSession.connect(SparkURL(text))
    }

    private static var ownBinary: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            ?? CommandLine.arguments[0]
    }
}

/// `skein graph worker`: what runs on the executors.
struct GraphWorkerVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Embed parts that come as lines on standard input; Spark's executors run this.",
        shouldDisplay: false
    )

    @OptionGroup var embedding: EmbeddingFlags

    @Option(help: "The run's seed.")
    var seed: UInt64 = 1

    @Flag(help: "Lines have weights.")
    var weighted = false

    @Option(help: "Threads; one, because every core has a task of its own.")
    var threads = 1

    func run() throws {
        var worker = GraphWorker(
            method: try embedding.embedder(),
            seed: seed,
            isWeighted: weighted,
            processor: try Processor(threads: threads)
        )
        let output = FileHandle.standardOutput
        do {
            try worker.run(next: { readLine() }) { text in
                do {
                    try output.write(contentsOf: Data(text.utf8))
                } catch {
                    throw SkeinError(
                        .ioFailure,
                        "worker: cannot write: \(error.localizedDescription)"
                    )
                }
            }
        } catch let error as SkeinError {
            // Spark reads these words on a thread of its own, and does not wait for it once the program has
            // ended: without the pause its own error is sometimes all that the user sees.
            Environment.error("skein: \(error.message)\n")
            Thread.sleep(forTimeInterval: 0.5)
            throw ExitCode(70)
        }
    }
}

/// `skein graph import`: edges from Parquet, or from any query, into a file.
struct GraphImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Read edges through Spark: columns src, dst and perhaps w."
    )

    @Argument(help: "A Parquet path as the cluster names it, or a query that starts with SELECT.")
    var source: String

    @Option(name: [.short, .long], help: "The graph file to write.")
    var output: String

    @Option(help: "The server: sc://host:port; SPARK_REMOTE.")
    var spark: String?

    func run() async throws {
        let session = try await SparkFlags.connect(spark)
        let loaded = try await SparkVectors.graph(SparkFlags.source(source), session)
        try GraphStore.write(loaded, to: output)
        await session.close()
        Environment.out(GraphTables.loading(loaded))
    }
}

/// `skein graph export`: vectors as Parquet.
struct GraphExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write vectors as Parquet through Spark: columns id and vector."
    )

    @Argument(help: "Vectors that graph embed wrote, as text or binary.")
    var vectors: String

    @Argument(help: "Where to, as the cluster names it; what is there is replaced.")
    var destination: String

    @Option(help: "The server: sc://host:port; SPARK_REMOTE.")
    var spark: String?

    func run() async throws {
        let file = try VectorFile(path: vectors)
        let session = try await SparkFlags.connect(spark)
        try await SparkVectors.write(file, to: destination, session)
        await session.close()
        Environment.out("\(file.ids.count) vectors\n")
    }
}
