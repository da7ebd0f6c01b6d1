internal import SkeinCore
internal import SkeinTensor

/// How a text of edges is written.
public enum GraphFormat: String, Sendable, CaseIterable {
    /// `source destination [weight]` a line.
    case edges
    /// `source destination destination …` a line.
    case adjacency
}

/// What a text of edges held beside the graph.
public struct LoadingReport: Sendable, Equatable {
    /// Lines that held edges.
    public var lines = 0
    /// Entries that joined a node with itself; left out.
    public var selfLoops = 0
    /// Entries that repeated an edge, in either direction; summed.
    public var repeats = 0

    /// Creates an empty report.
    public init() {}
}

/// A graph with the names its file gave its nodes.
public struct LoadedGraph: Sendable {
    /// The graph over dense node numbers.
    public var graph: Graph
    /// The file's id of every node, ascending.
    public var ids: [Int64]
    /// What the text held.
    public var report = LoadingReport()

    /// Joins a graph with its ids.
    public init(graph: Graph, ids: [Int64], report: LoadingReport = LoadingReport()) {
        self.graph = graph
        self.ids = ids
        self.report = report
    }

    /// The dense number of an id; `nil` when the graph lacks it.
    ///
    /// - Parameter id: An id of the file.
    /// - Returns: The node's number.
    /// - Complexity: O(log n).
    public func node(id: Int64) -> Int? { NodeIDs.index(of: id, in: ids) }
}

/// Reads graphs from text.
public enum GraphFileReader {
    /// Reads a text of edges.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - format: How it is written.
    ///   - headerLines: How many lines come before the edges.
    ///   - compute: Where it is parsed.
    /// - Returns: The graph and its ids.
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure`, or `.syntax` that names the line.
    public static func read(
        _ path: String,
        format: GraphFormat = .edges,
        headerLines: Int = 0,
        compute: GraphCompute = GraphCompute()
    ) throws -> LoadedGraph {
        try withEdges(path, format, headerLines, compute) { try loaded($0, $1, $2) }
    }

    /// Reads a text of edges from memory.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - path: Its name in messages.
    ///   - format: How it is written.
    ///   - headerLines: How many lines come before the edges.
    ///   - compute: Where it is parsed.
    /// - Returns: The graph and its ids.
    /// - Throws: `SkeinError.Code.syntax` that names the line.
    public static func read(
        _ bytes: UnsafeRawBufferPointer,
        path: String = "memory",
        format: GraphFormat = .edges,
        headerLines: Int = 0,
        compute: GraphCompute = GraphCompute()
    ) throws -> LoadedGraph {
        let text = EdgeText(bytes: bytes, path: path, format: format, headerLines: headerLines)
        return try withEdges(text, compute) { try loaded($0, $1, $2) }
    }

    private static func loaded(
        _ ids: [Int64],
        _ builder: GraphBuilder,
        _ report: LoadingReport
    ) throws -> LoadedGraph {
        let (arrays, entries) = try Graph.Arrays.rows(of: builder)
        let graph = Graph(nodeCount: ids.count, entryCount: entries, arrays: arrays)
        var report = report
        report.repeats -= graph.edgeCount
        return LoadedGraph(graph: graph, ids: ids, report: report)
    }

    /// Opens a text and prepares to build its graph.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - format: How it is written.
    ///   - headerLines: How many lines come before the edges.
    ///   - compute: Where it is parsed.
    ///   - body: Takes the ids, the builder, and the report, whose `repeats` still count all edges.
    /// - Returns: What `body` returns.
    /// - Throws: `SkeinError` of the text, or what `body` throws.
    static func withEdges<Result>(
        _ path: String,
        _ format: GraphFormat,
        _ headerLines: Int,
        _ compute: GraphCompute,
        _ body: ([Int64], GraphBuilder, LoadingReport) throws -> Result
    ) throws -> Result {
        let file = try MappedFile(path: path)
        file.advise(.sequential)
        return try file.withUnsafeBytes { bytes in
            var text = EdgeText(bytes: bytes, path: path, format: format, headerLines: headerLines)
            text.release = { file.release(range: $0) }
            return try withEdges(text, compute, body)
        }
    }

    private static func withEdges<Result>(
        _ text: EdgeText,
        _ compute: GraphCompute,
        _ body: ([Int64], GraphBuilder, LoadingReport) throws -> Result
    ) throws -> Result {
        var (report, known, edgeCount) = (LoadingReport(), IDCollector(), 0)
        try text.forEach(compute, { $0 }) { pieces in
            for piece in pieces {
                report.lines += piece.lines
                edgeCount += piece.sources.count
                report.selfLoops += zip(piece.sources, piece.destinations).count { $0 == $1 }
                known.add(piece.sources)
                known.add(piece.destinations)
                known.add(piece.loners)
            }
        }
        guard edgeCount > 0 else {
            throw SkeinError(.syntax, "\(text.path) has no edges in \(text.lineCount) lines")
        }
        report.repeats = edgeCount - report.selfLoops
        let ids = try known.sorted()
        let lookup = NodeIDs.Lookup(ids)
        let builder = try GraphBuilder(nodeCount: ids.count, compute: compute) { body in
            let numbered: @Sendable (EdgeLines) -> GraphBuilder.Edges = { piece in
                GraphBuilder.Edges(
                    sources: piece.sources.map { lookup[$0] },
                    destinations: piece.destinations.map { lookup[$0] },
                    weights: piece.weights
                )
            }
            try text.forEach(compute, numbered, body)
        }
        return try body(ids, builder, report)
    }
}

extension LoadedGraph {
    /// Builds a graph from edges between ids.
    ///
    /// - Parameters:
    ///   - sources: One end of every edge.
    ///   - destinations: The other ends.
    ///   - weights: A positive weight an edge, or `nil`.
    ///   - report: What is known of the text so far.
    /// - Throws: `SkeinError.Code.unsupported` for 2³¹ nodes or more.
    package init(
        sources: [Int64],
        destinations: [Int64],
        weights: [Float]?,
        report: LoadingReport = LoadingReport()
    ) throws {
        var known = IDCollector()
        known.add(sources)
        known.add(destinations)
        let ids = try known.sorted()
        let lookup = NodeIDs.Lookup(ids)
        let graph = Graph(
            nodeCount: ids.count,
            sources: sources.map { lookup[$0] },
            destinations: destinations.map { lookup[$0] },
            weights: weights
        )
        var report = report
        report.selfLoops = zip(sources, destinations).count { $0 == $1 }
        report.repeats = sources.count - report.selfLoops - graph.edgeCount
        self.init(graph: graph, ids: ids, report: report)
    }
}
