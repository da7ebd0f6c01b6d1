internal import ArgumentParser
internal import SkeinCore
internal import SkeinGraph
internal import SkeinTensor

/// `skein graph eval`: how good vectors are.
struct GraphEval: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Measure link prediction, node classification or recommendation."
    )

    @OptionGroup var input: GraphInput
    @OptionGroup var division: DivisionFlags
    @OptionGroup var embedding: EmbeddingFlags

    @Option(help: "What to measure: links, labels or recommendation.")
    var task = "links"

    @Option(help: "The labels: node label …")
    var labels: String?

    @Flag(help: "The labels' lines list nodes, one line a label.")
    var communities = false

    @Option(help: "Measure these vectors instead of embedding; for labels only.")
    var vectors: String?

    @Option(help: "The share of labelled nodes to train on.")
    var trainShare = 0.5

    @Option(help: "How many splits, from consecutive seeds.")
    var repeats = 3

    @Option(help: "Features of a pair: hadamard, l1, l2, average or cosine.")
    var feature = "hadamard"

    @Flag(help: "Let columns count only where both nodes lie in one subgraph.")
    var mask = false

    @Option(name: .short, help: "How many items are recommended.")
    var k = 10

    func run() throws {
        guard repeats > 0, k > 0, trainShare > 0, trainShare < 1 else {
            throw SkeinError(
                .invalidArgument,
                "--repeats and -k must be positive, --train-share between 0 and 1"
            )
        }
        let loaded = try input.load()
        let processor = try input.processor()
        switch task {
        case "links": try links(loaded, processor)
        case "labels": try classify(loaded, processor)
        case "recommendation": try recommend(loaded, processor)
        default:
            throw SkeinError(
                .invalidArgument,
                "--task is \"\(task)\", expected links, labels or recommendation"
            )
        }
    }

    private func embed(
        _ graph: Graph,
        _ processor: Processor,
        seed: UInt64
    ) throws -> (GraphEmbedding, GraphLevels) {
        let levels = try division.divide(graph, seed: seed)
        let embedder = GraphEmbedder(
            method: try embedding.embedder(),
            options: try embedding.options(seed: seed),
            processor: processor
        )
        return (try embedder.embed(levels), levels)
    }

    private func links(_ loaded: LoadedGraph, _ processor: Processor) throws {
        guard let feature = PairFeature(rawValue: feature) else {
            throw SkeinError(
                .invalidArgument,
                "--feature is \"\(feature)\", expected hadamard, l1, l2, average or cosine"
            )
        }
        var results: [LinkPrediction] = []
        for turn in 0..<repeats {
            let seed = input.seed &+ UInt64(turn)
            let split = EdgeSplit(loaded.graph, seed: seed)
            let (vectors, levels) = try embed(split.graph, processor, seed: seed)
            results.append(
                LinkPrediction(split, vectors, feature: feature, levels: levels, isMasked: mask)
            )
        }
        var object = JSONObject()
        object["auc"] = Self.mean(results.map(\.areaUnderCurve))
        object["average_precision"] = Self.mean(results.map(\.averagePrecision))
        object["auc_same_part"] = Self.mean(results.map(\.samePart))
        object["auc_cross_part"] = Self.mean(results.map(\.crossPart))
        Environment.out(JSON.object(object).text() + "\n")
    }

    private func classify(_ loaded: LoadedGraph, _ processor: Processor) throws {
        guard let labels else {
            throw SkeinError(.invalidArgument, "--task labels needs --labels")
        }
        let known = try NodeLabels(path: labels, for: loaded, isCommunities: communities)
        var matrix = NodeMatrix(rows: loaded.graph.nodeCount, dimensions: embedding.dimensions)
        if let vectors {
            let file = try VectorFile(path: vectors)
            matrix = NodeMatrix(rows: loaded.graph.nodeCount, dimensions: file.vectors.dimensions)
            for (row, id) in file.ids.enumerated() {
                if let node = loaded.node(id: id) { matrix[node] = file.vectors[row] }
            }
        } else {
            matrix = try embed(loaded.graph, processor, seed: input.seed).0.vectors
        }
        let result = NodeClassification(
            matrix,
            known,
            trainShare: trainShare,
            repeats: repeats,
            seed: input.seed,
            processor: processor
        )
        var object = JSONObject()
        object["micro_f1"] = .double(result.micro)
        object["macro_f1"] = .double(result.macro)
        object["labelled_nodes"] = .int(known.labelledCount)
        object["labels"] = .int(known.names.count)
        Environment.out(JSON.object(object).text() + "\n")
    }

    private func recommend(_ loaded: LoadedGraph, _ processor: Processor) throws {
        var results: [Recommendation] = []
        for turn in 0..<repeats {
            let seed = input.seed &+ UInt64(turn)
            let split = EdgeSplit(loaded.graph, seed: seed)
            let vectors = try embed(split.graph, processor, seed: seed).0.vectors
            results.append(Recommendation(split, vectors, k: k, processor: processor))
        }
        var object = JSONObject()
        object["recall"] = Self.mean(results.map(\.recall))
        object["ndcg"] = Self.mean(results.map(\.normalizedGain))
        object["k"] = .int(k)
        object["nodes"] = .int(results[0].nodes)
        Environment.out(JSON.object(object).text() + "\n")
    }

    /// The mean, or null when a value is not a number.
    private static func mean(_ values: [Double]) -> JSON {
        let mean = values.reduce(0, +) / Double(values.count)
        return mean.isFinite ? .double(mean) : .null
    }
}
