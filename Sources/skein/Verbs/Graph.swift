internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinGraph
internal import SkeinTensor

/// `skein graph`: vectors for the nodes of a graph.
struct GraphVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph",
        abstract: "Divide graphs, embed their nodes, and look at the vectors.",
        subcommands: [
            GraphPartition.self, GraphEmbed.self, GraphEval.self, GraphNeighbors.self,
            GraphPlan.self, GraphCompile.self, GraphImport.self, GraphExport.self,
            GraphWorkerVerb.self,
        ]
    )
}

/// Which graph, and on how many threads.
struct GraphInput: ParsableArguments {
    @Argument(help: "The graph: a text of edges, or a file that `graph partition --save` wrote.")
    var graph: String

    @Option(help: "How the text is written: edges or adjacency.")
    var format = "edges"

    @Option(help: "How many lines come before the edges.")
    var headerLines = 0

    @Option(help: "Threads; all cores.")
    var threads: Int?

    @Option(help: "The seed of every draw.")
    var seed: UInt64 = 1

    func validate() throws {
        guard headerLines >= 0 else { throw ValidationError("--header-lines must not be negative") }
        guard (threads ?? 1) > 0 else { throw ValidationError("--threads must be positive") }
    }

    func load() throws -> LoadedGraph {
        if GraphStore.isStore(graph) { return try GraphStore.map(graph) }
        return try GraphFileReader.read(
            graph,
            format: try textFormat(),
            headerLines: headerLines,
            compute: GraphCompute(try processor())
        )
    }

    func textFormat() throws -> GraphFormat {
        guard let format = GraphFormat(rawValue: format) else {
            throw SkeinError(
                .invalidArgument,
                "--format is \"\(format)\", expected edges or adjacency"
            )
        }
        return format
    }

    func processor() throws -> Processor { try Processor(threads: threads) }
}

/// How a graph is divided.
struct DivisionFlags: ParsableArguments {
    @Option(help: "How to divide: grow, refine, hash or multilevel.")
    var partitioner = "refine"

    @Option(help: "How many parts the first level has; as --max-nodes says.")
    var parts: Int?

    @Option(help: "The most nodes that are embedded as one.")
    var maxNodes = 1_000_000

    @Option(help: "The most levels.")
    var maxLevels = 4

    @Option(help: "Which edges a border graph keeps: induced or cut.")
    var border = "induced"

    @Option(help: "How much larger than the mean a part may be.")
    var imbalance = 0.1

    @Flag(help: "Balance parts on edges instead of nodes.")
    var balanceEdges = false

    func validate() throws {
        guard (parts ?? 1) > 0, maxNodes > 0, maxLevels > 0 else {
            throw ValidationError("--parts, --max-nodes and --max-levels must be positive")
        }
        guard imbalance >= 0, imbalance.isFinite else {
            throw ValidationError("--imbalance must not be negative")
        }
    }

    func divide(
        _ graph: Graph,
        seed: UInt64,
        previous: [Partition] = []
    ) throws -> GraphLevels {
        GraphLevels(
            graph,
            partitioner: try method(),
            options: try options(seed: seed),
            previous: previous
        )
    }

    func options(seed: UInt64) throws -> LevelOptions {
        guard let border = BorderMode(rawValue: border) else {
            throw SkeinError(.invalidArgument, "--border is \"\(border)\", expected induced or cut")
        }
        var options = LevelOptions()
        options.parts = parts
        options.maximumNodes = maxNodes
        options.maximumLevels = maxLevels
        options.border = border
        options.imbalance = imbalance
        options.balancesEdges = balanceEdges
        options.seed = seed
        return options
    }

    private func method() throws -> any Partitioner {
        switch partitioner {
        case "grow": GrowPartitioner()
        case "refine": RefinePartitioner()
        case "hash": HashPartitioner()
        case "multilevel": MultilevelPartitioner()
        default:
            throw SkeinError(
                .invalidArgument,
                "--partitioner is \"\(partitioner)\", expected grow, refine, hash or multilevel"
            )
        }
    }

    /// Everything that decides the division, as text.
    var settings: String {
        "\(partitioner) \(parts ?? 0) \(maxNodes) \(maxLevels) \(border) \(imbalance) \(balanceEdges)"
    }
}

/// How subgraphs are embedded and fused.
struct EmbeddingFlags: ParsableArguments {
    @Option(help: "The embedder: deepwalk, node2vec, line, netmf or prone.")
    var method = "deepwalk"

    @Option(name: [.customLong("dim"), .customLong("dimensions")], help: "The length of a vector.")
    var dimensions = 128

    @Option(help: "The fewest dimensions of a level.")
    var minDim = 8

    @Option(help: "How levels become one: concat, sum, or dimensions such as 96,32.")
    var fusion = "concat"

    @Option(help: "How parts are aligned: none, procrustes or anchors.")
    var align = "none"

    @Option(help: "How many hubs anchor the parts.")
    var anchors = 256

    @Option(help: "What each level is multiplied by, such as 1,0.5.")
    var levelWeights: String?

    @Option(help: "Walks from every node.")
    var walks = 10

    @Option(help: "Nodes of a walk.")
    var walkLength = 80

    @Option(help: "The farthest context of a walk, and the window of netmf.")
    var window = 10

    @Option(help: "Negative samples.")
    var negatives = 5

    @Option(help: "Passes over the walks.")
    var epochs = 1

    @Option(help: "The return parameter of node2vec.")
    var p: Float = 1

    @Option(help: "The in-out parameter of node2vec.")
    var q: Float = 1

    @Option(help: "Samples of each edge and order, for line.")
    var samples = 1000

    @Flag(help: "Let threads race on one subgraph: faster, and different from run to run.")
    var racing = false

    func validate() throws {
        guard dimensions > 0, walks > 0, walkLength > 0, window > 0, negatives > 0, epochs > 0,
            samples > 0,
            anchors > 0, minDim >= 0
        else { throw ValidationError("dimensions, walks and samples must be positive") }
    }

    func embedder() throws -> any SubgraphEmbedder {
        switch method {
        case "deepwalk", "node2vec":
            var embedder = WalkEmbedder()
            embedder.walks = walks
            embedder.length = walkLength
            embedder.window = window
            embedder.negatives = negatives
            embedder.epochs = epochs
            embedder.p = p
            embedder.q = q
            embedder.isRacing = racing
            return embedder
        case "line":
            var embedder = LineEmbedder()
            embedder.negatives = negatives
            embedder.samplesPerEdge = samples
            return embedder
        case "netmf":
            var embedder = NetMFEmbedder()
            embedder.window = window
            return embedder
        case "prone": return ProNEEmbedder()
        default:
            throw SkeinError(
                .invalidArgument,
                "--method is \"\(method)\", expected deepwalk, node2vec, line, netmf or prone"
            )
        }
    }

    func options(seed: UInt64) throws -> EmbeddingOptions {
        guard let alignment = Alignment(rawValue: align) else {
            throw SkeinError(
                .invalidArgument,
                "--align is \"\(align)\", expected none, procrustes or anchors"
            )
        }
        var options = EmbeddingOptions()
        options.dimensions = dimensions
        options.minimumDimensions = minDim
        options.alignment = alignment
        options.anchors = anchors
        options.seed = seed
        switch fusion {
        case "concat": options.fusion = .concat
        case "sum": options.fusion = .sum
        default:
            options.fusion = .concatFixed(
                try Self.numbers(fusion, "--fusion", expected: "concat, sum or dimensions")
            )
        }
        if let levelWeights {
            options.levelWeights = try Self.numbers(
                levelWeights,
                "--level-weights",
                expected: "numbers"
            )
        }
        return options
    }

    private static func numbers<Number: LosslessStringConvertible>(
        _ text: String,
        _ flag: String,
        expected: String
    ) throws -> [Number] {
        let parts = text.split(separator: ",")
        let values = parts.compactMap { Number(String($0)) }
        guard !values.isEmpty, values.count == parts.count else {
            throw SkeinError(.invalidArgument, "\(flag) is \"\(text)\", expected \(expected)")
        }
        return values
    }

    /// The flags that tell a worker which method to run.
    var methodArguments: [String] {
        [
            "--method", method, "--walks", "\(walks)", "--walk-length", "\(walkLength)",
            "--window", "\(window)", "--negatives", "\(negatives)", "--epochs", "\(epochs)",
            "--p", "\(p)", "--q", "\(q)", "--samples", "\(samples)",
        ]
    }

    /// Everything that decides the vectors, as text.
    var settings: String {
        "\(method) \(dimensions) \(minDim) \(fusion) \(align) \(anchors) \(levelWeights ?? "") "
            + "\(walks) \(walkLength) \(window) \(negatives) \(epochs) \(p) \(q) "
            + "\(samples) \(racing)"
    }
}
