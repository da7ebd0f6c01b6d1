internal import SkeinCore
internal import SkeinTensor

/// The labels of nodes: none, one or several a node.
public struct NodeLabels: Sendable {
    /// The sorted label numbers of every node.
    public var labels: [[Int]]
    /// The names the numbers stand for.
    public var names: [Int64]

    /// How many nodes have a label.
    public var labelledCount: Int { labels.count { !$0.isEmpty } }

    /// Reads labels for a graph's nodes.
    ///
    /// A line is `node label …`, or, for communities, all nodes of the label that is the line's number.
    /// Nodes that the graph lacks are left out.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - graph: The graph whose ids the file uses.
    ///   - isCommunities: Whether a line lists nodes rather than labels.
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure`, or `.syntax` that names the line.
    public init(path: String, for graph: LoadedGraph, isCommunities: Bool = false) throws {
        var pairs: [(node: Int, label: Int64)] = []
        try MappedFile(path: path).withUnsafeBytes { bytes in
            var scanner = LineScanner(bytes: bytes, path: path)
            while scanner.nextLine() {
                if isCommunities {
                    while let id = try scanner.integer("a node id") {
                        if let node = graph.node(id: id) {
                            pairs.append((node, Int64(scanner.line)))
                        }
                    }
                    continue
                }
                guard let id = try scanner.integer("a node id") else { continue }
                while let label = try scanner.integer("a label") {
                    if let node = graph.node(id: id) { pairs.append((node, label)) }
                }
            }
        }
        guard !pairs.isEmpty else {
            throw SkeinError(.syntax, "\(path) labels none of the graph's \(graph.ids.count) nodes")
        }
        names = NodeIDs.distinct(pairs.map(\.label))
        let lookup = NodeIDs.Lookup(names)
        labels = .init(repeating: [], count: graph.ids.count)
        for (node, label) in pairs { labels[node].append(Int(lookup[label])) }
        labels = labels.map { Array(Set($0)).sorted() }
    }

    /// Takes labels by number.
    public init(labels: [[Int]], names: [Int64]) {
        self.labels = labels
        self.names = names
    }
}
