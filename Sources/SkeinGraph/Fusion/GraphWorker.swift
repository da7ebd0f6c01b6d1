internal import SkeinCore
public import SkeinTensor

/// Embeds parts that come as lines of text, one line a node; what runs on the machines of a cluster.
///
/// A line is `level`, `part`, `dimensions`, `node`, `targets` and, for weighted graphs, `weights`,
/// separated by tabs; lists are separated by commas. The lines of a part follow each other with their
/// nodes ascending. For every line comes one of `level`, `part`, `dimensions`, `node` and the vector.
/// Vectors are the same bits that the whole run on one machine gets, because the same method starts from
/// the same seed.
public struct GraphWorker {
    private let method: any SubgraphEmbedder
    private let seed: UInt64
    private let isWeighted: Bool
    private let compute: GraphCompute
    private var part: Key?
    private var nodes: [Int64] = []
    private var targets: [[Int64]] = []
    private var weights: [[Float]] = []
    private var line = 0

    private struct Key: Equatable {
        var level: Int
        var part: Int
        var dimensions: Int
    }

    /// Creates a worker.
    ///
    /// - Parameters:
    ///   - method: What embeds a part.
    ///   - seed: The run's seed.
    ///   - isWeighted: Whether lines have weights.
    ///   - processor: Where it runs.
    public init(
        method: any SubgraphEmbedder,
        seed: UInt64,
        isWeighted: Bool,
        processor: Processor
    ) {
        self.method = method
        self.seed = seed
        self.isWeighted = isWeighted
        compute = GraphCompute(processor)
    }

    /// Embeds all parts of a text.
    ///
    /// - Parameters:
    ///   - next: The next line; `nil` at the end.
    ///   - write: Takes text that ends with a whole line.
    /// - Throws: `SkeinError.Code.syntax` that names the line, or an error of the method.
    public mutating func run(
        next: () throws -> String?,
        write: (String) throws -> Void
    ) throws {
        while let text = try next() {
            line += 1
            let fields = text.split(separator: "\t", omittingEmptySubsequences: false)
            guard fields.count == (isWeighted ? 6 : 5), let level = Int(fields[0]),
                let number = Int(fields[1]), let dimensions = Int(fields[2]),
                let node = Int64(fields[3]), level >= 0, number >= 0, dimensions > 0
            else {
                throw failure(
                    "found \"\(text.prefix(80))\", expected level, part, dimensions, node, targets"
                        + (isWeighted ? " and weights" : "")
                )
            }
            let key = Key(level: level, part: number, dimensions: dimensions)
            if key != part {
                try embed(write)
                part = key
            }
            if let last = nodes.last, last >= node {
                throw failure("found node \(node) after \(last), expected ascending nodes")
            }
            nodes.append(node)
            targets.append(try list(fields[4], "a node"))
            if isWeighted {
                weights.append(try list(fields[5], "a weight"))
                guard weights.last?.count == targets.last?.count,
                    weights.last?.allSatisfy({ $0 > 0 && $0.isFinite }) == true
                else { throw failure("expected one positive weight for every target") }
            }
        }
        try embed(write)
    }

    private func list<Value: LosslessStringConvertible>(
        _ text: Substring,
        _ what: String
    ) throws -> [Value] {
        try text.split(separator: ",").map { item in
            guard let value = Value(String(item)) else {
                throw failure("found \"\(item.prefix(40))\", expected \(what)")
            }
            return value
        }
    }

    private func failure(_ message: String) -> SkeinError {
        SkeinError(.syntax, "worker, line \(line): \(message)")
    }

    /// Embeds the part whose lines have come, and forgets them.
    private mutating func embed(_ write: (String) throws -> Void) throws {
        guard let key = part else { return }
        let matrix = try method.embed(
            try graph(key),
            dimensions: key.dimensions,
            seed: SubgraphSeed(seed, level: key.level, part: key.part),
            compute: compute
        )
        let prefix = "\(key.level)\t\(key.part)\t\(key.dimensions)\t"
        var text = ""
        for (row, node) in nodes.enumerated() {
            text += "\(prefix)\(node)\t"
            for column in 0..<key.dimensions {
                if column > 0 { text += "," }
                text += "\(matrix[row, column])"
            }
            text += "\n"
            if text.utf8.count > 1 << 20 {
                try write(text)
                text = ""
            }
        }
        try write(text)
        nodes.removeAll(keepingCapacity: true)
        targets.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
    }

    /// The graph of the lines; a line that is missing shows as an edge without its other half.
    private func graph(_ key: Key) throws -> Graph {
        let lookup = NodeIDs.Lookup(nodes)
        var offsets: [Int64] = [0]
        var entries: [Int32] = []
        var values: [Float] = []
        for (row, list) in targets.enumerated() {
            let order = list.indices.sorted { list[$0] < list[$1] }
            for index in order {
                guard NodeIDs.index(of: list[index], in: nodes) != nil else {
                    throw failure(
                        "level \(key.level), part \(key.part): node \(nodes[row]) has neighbour "
                            + "\(list[index]), which has no line"
                    )
                }
                entries.append(lookup[list[index]])
                if isWeighted { values.append(weights[row][index]) }
            }
            offsets.append(Int64(entries.count))
        }
        let graph = Graph(offsets: offsets, targets: entries, weights: isWeighted ? values : nil)
        for node in 0..<graph.nodeCount {
            var last: Int32 = -1
            for entry in graph.entries(of: node) {
                let other = graph.targets[entry]
                guard other > last, Int(other) != node, graph.hasEdge(Int(other), node) else {
                    throw failure(
                        "level \(key.level), part \(key.part): nodes \(nodes[node]) and "
                            + "\(nodes[Int(other)]) are not joined once in both lines"
                    )
                }
                last = other
            }
        }
        return graph
    }
}
