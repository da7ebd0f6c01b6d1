internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinGraph
internal import SkeinGraphSpark
internal import SkeinSpark
internal import SkeinTensor

/// `skein graph embed`: one vector a node.
struct GraphEmbed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Turn the nodes of a graph into vectors."
    )

    @OptionGroup var input: GraphInput
    @OptionGroup var division: DivisionFlags
    @OptionGroup var embedding: EmbeddingFlags
    @OptionGroup var cluster: SparkFlags

    @Option(
        name: [.short, .long],
        help: "Where vectors.txt, vectors.skv, levels.json and report.html go."
    )
    var output: String

    @Option(help: "Labels to colour the report's picture by: node label …")
    var labels: String?

    @Flag(help: "The labels' lines list nodes, one line a label.")
    var communities = false

    @Flag(help: "Leave the parts that are finished in the output directory, for a later run.")
    var keep = false

    @Flag(
        help:
            "Divide as the run before in this directory did, and embed only parts with other edges."
    )
    var update = false

    @Flag(help: "No progress line.")
    var quiet = false

    func validate() throws {
        guard !update || cluster.spark == nil else {
            throw ValidationError("--update works on one machine only, not with --spark")
        }
    }

    func run() async throws {
        let session = try await cluster.session()
        do {
            try await run(session)
        } catch {
            await session?.close()
            throw error
        }
        await session?.close()
    }

    /// Runs on this machine, or in a session.
    private func run(_ session: SparkSession?) async throws {
        let clock = ContinuousClock()
        let start = clock.now
        let engine = try await cluster.engine(session, self)
        let isRemote = engine != nil && SparkFlags.isRemote(input.graph)
        let loaded: LoadedGraph
        if isRemote, let engine {
            loaded = try await engine.read(SparkFlags.source(input.graph))
        } else {
            loaded = try input.load()
            try await engine?.take(loaded)
        }
        let before = output + "/parts/division.skd"
        let earlier = update ? try DivisionFile(path: before, for: loaded) : nil
        let levels: GraphLevels
        if let engine {
            levels = try await engine.divide()
        } else {
            levels = try division.divide(
                loaded.graph,
                seed: input.seed,
                previous: earlier?.levels ?? []
            )
        }
        let settings = try settings(
            engine == nil ? nil : loaded.fingerprint + (isRemote ? input.graph : "")
        )
        var embedder = GraphEmbedder(
            method: try embedding.embedder(),
            options: try embedding.options(seed: input.seed),
            processor: try input.processor()
        )
        if let earlier, embedder.options.fusion == .concat,
            earlier.shares.count == levels.levels.count,
            earlier.shares.reduce(0, +) == embedder.options.dimensions
        {
            // A few nodes more must not change how long the vectors of all parts are.
            embedder.options.fusion = .concatFixed(earlier.shares)
        }
        let shares = try embedder.shares(of: levels)
        try Self.makeDirectory(output)
        let store = try PartStore(directory: output + "/parts", settings: settings)
        if let engine {
            try await engine.embed(embedder.jobs(of: levels), of: levels, into: store)
            embedder.method = DeliveredVectors(name: embedder.method.name, from: store)
        } else {
            embedder.store = store
            try DivisionFile.write(levels, shares, ids: loaded.ids, to: before)
        }
        if engine == nil, !quiet {
            embedder.progress = { done, total, wasKept in
                let kept = wasKept ? ", kept from before" : ""
                Environment.error("\r\u{1b}[Kpart \(done) of \(total)\(kept), \(clock.now - start)")
            }
        }
        let (begin, cpu) = (clock.now, Self.processorSeconds)
        let result = try embedder.embed(levels)
        let (spent, worked) = (clock.now - begin, Self.processorSeconds - cpu)
        if !quiet { Environment.error("\n") }
        let file = VectorFile(ids: loaded.ids, vectors: result.vectors)
        let compute = GraphCompute(try input.processor())
        try file.writeText(to: output + "/vectors.txt", compute: compute)
        try file.writeBinary(to: output + "/vectors.skv")
        var summary = GraphReport.levels(levels, shares: shares)
        summary["settings"] = .string(settings)
        summary["division"] = .string(division.settings)
        summary["graph"] = .string(loaded.fingerprint)
        summary["embedding_seconds"] = .double(spent / .seconds(1))
        summary["embedding_processor_seconds"] = .double(worked)
        summary["seed"] = .string("\(input.seed)")
        summary["blocks"] = .array(
            result.blocks.map { .array([.int($0.lowerBound), .int($0.upperBound)]) }
        )
        try Self.write(JSON.object(summary).text() + "\n", to: output + "/levels.json")
        let colours = try labels.map {
            try NodeLabels(path: $0, for: loaded, isCommunities: communities)
        }
        let page = GraphReport.page(
            title: (input.graph as NSString).lastPathComponent,
            loaded,
            levels,
            shares,
            result,
            colours,
            try input.processor()
        )
        try Self.write(page, to: output + "/report.html")
        if let path = cluster.parquet, let session {
            try await SparkVectors.write(file, to: path, session)
        }
        if !keep, !update { try? FileManager.default.removeItem(atPath: store.directory) }
        Environment.out(
            GraphTables.loading(loaded) + GraphTables.levels(levels)
                + "\(result.vectors.dimensions) dimensions as \(shares), \(clock.now - start), "
                + "peak \(Environment.peakMemory >> 20) MiB\n"
        )
    }

    /// Every setting that the vectors of a given subgraph depend on; with a graph's name, also which
    /// subgraphs there are.
    private func settings(_ graph: String?) throws -> String {
        let own = "\(input.seed) \(embedding.settings) \(try input.processor().instructionSet)"
        return graph.map { "\($0) \(division.settings) \(own)" } ?? own
    }

    /// What all threads have worked so far.
    private static var processorSeconds: Double {
        Double(Foundation.clock()) / Double(CLOCKS_PER_SEC)
    }

    private static func makeDirectory(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw SkeinError(.ioFailure, "cannot make \(path): \(error.localizedDescription)")
        }
    }

    private static func write(_ text: String, to path: String) throws {
        do {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw SkeinError(.ioFailure, "cannot write \(path): \(error.localizedDescription)")
        }
    }
}
