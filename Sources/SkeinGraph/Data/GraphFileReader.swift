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
    /// - Returns: The graph and its ids.
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure`, or `.syntax` that names the line.
    public static func read(
        _ path: String,
        format: GraphFormat = .edges,
        headerLines: Int = 0
    ) throws -> LoadedGraph {
        let file = try MappedFile(path: path)
        file.advise(.sequential)
        return try file.withUnsafeBytes {
            try read($0, path: path, format: format, headerLines: headerLines)
        }
    }

    /// Reads a text of edges from memory.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - path: Its name in messages.
    ///   - format: How it is written.
    ///   - headerLines: How many lines come before the edges.
    /// - Returns: The graph and its ids.
    /// - Throws: `SkeinError.Code.syntax` that names the line.
    public static func read(
        _ bytes: UnsafeRawBufferPointer,
        path: String = "memory",
        format: GraphFormat = .edges,
        headerLines: Int = 0
    ) throws -> LoadedGraph {
        var scanner = LineScanner(bytes: bytes, path: path)
        scanner.skip(lines: headerLines)
        var sources: [Int64] = []
        var destinations: [Int64] = []
        var weights: [Float] = []
        var loners: [Int64] = []
        var report = LoadingReport()
        while scanner.nextLine() {
            report.lines += 1
            guard let source = try scanner.integer("a node id") else { continue }
            guard let first = try scanner.integer("a node id") else {
                guard format == .adjacency else {
                    throw scanner.failure("found 1 column, expected 2 or 3")
                }
                loners.append(source)
                continue
            }
            sources.append(source)
            destinations.append(first)
            if format == .edges {
                if let weight = try scanner.weight() {
                    if weights.isEmpty { weights = .init(repeating: 1, count: sources.count - 1) }
                    weights.append(weight)
                } else if !weights.isEmpty {
                    weights.append(1)
                }
                if scanner.field() != nil {
                    throw scanner.failure(
                        "found more than 3 columns, expected source, destination and weight",
                        hint: "pass --format adjacency when a line lists all neighbours of a node"
                    )
                }
            } else {
                while let next = try scanner.integer("a node id") {
                    sources.append(source)
                    destinations.append(next)
                }
            }
        }
        guard !sources.isEmpty else {
            throw SkeinError(.syntax, "\(path) has no edges in \(scanner.line) lines")
        }
        return try LoadedGraph(
            sources: sources,
            destinations: destinations,
            weights: weights.isEmpty ? nil : weights,
            loners: loners,
            report: report
        )
    }
}

extension LoadedGraph {
    /// Builds a graph from edges between ids.
    ///
    /// - Parameters:
    ///   - sources: One end of every edge.
    ///   - destinations: The other ends.
    ///   - weights: A positive weight an edge, or `nil`.
    ///   - loners: Ids of nodes that may have no edge.
    ///   - report: What is known of the text so far.
    /// - Throws: `SkeinError.Code.unsupported` for 2³¹ nodes or more.
    package init(
        sources: [Int64],
        destinations: [Int64],
        weights: [Float]?,
        loners: [Int64] = [],
        report: LoadingReport = LoadingReport()
    ) throws {
        let ids = try NodeIDs.distinct(sources, destinations, loners)
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
