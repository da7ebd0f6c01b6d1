internal import SkeinCore
internal import SkeinTensor

/// Which part every node had at every level of an earlier run, under the file's ids.
///
/// Layout, little-endian: `SKEINDV1`, the number of levels, then of each the number of nodes, of parts
/// and of dimensions (Int64), the nodes' ids (Int64), ascending, and their parts (Int32).
public struct DivisionFile: Sendable {
    private static let magic = Array("SKEINDV1".utf8)
    /// Of every level the part of every node of a graph, −1 where it had none, and how many parts.
    public var levels: [Partition]
    /// The dimensions of every level.
    public var shares: [Int]

    /// Writes the division of a graph.
    ///
    /// - Parameters:
    ///   - levels: The levels.
    ///   - shares: Their dimensions.
    ///   - ids: The id of every node.
    ///   - path: Where to.
    /// - Throws: `SkeinError.Code.ioFailure`.
    public static func write(
        _ levels: GraphLevels,
        _ shares: [Int],
        ids: [Int64],
        to path: String
    ) throws {
        precondition(shares.count == levels.levels.count)
        try BinaryFile.write(path) { file in
            try file.append(magic)
            try file.append([Int64(levels.levels.count)])
            for (level, dimensions) in zip(levels.levels, shares) {
                let sizes = [level.nodes.count, level.partition.count, dimensions]
                try file.append(sizes.map { Int64($0) })
                try file.append(level.nodes.map { ids[Int($0)] })
                try file.append(level.partition.parts)
            }
        }
    }

    /// Reads a division for a graph, which may have lost or won nodes since.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - graph: The graph.
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure` or `.corruptFile`.
    public init(path: String, for graph: LoadedGraph) throws {
        let file = try MappedFile(path: path)
        func corrupt() -> SkeinError {
            SkeinError(
                .corruptFile,
                "\(path) is no division of a graph, or \(file.count) bytes of one"
            )
        }
        var shares: [Int] = []
        levels = try file.withUnsafeBytes { bytes in
            var position = 8
            func number() throws -> Int {
                guard position + 8 <= bytes.count else { throw corrupt() }
                defer { position += 8 }
                return Int(bytes.loadUnaligned(fromByteOffset: position, as: Int64.self))
            }
            guard bytes.prefix(8).elementsEqual(Self.magic) else { throw corrupt() }
            let count = try number()
            guard (0...64).contains(count) else { throw corrupt() }
            return try (0..<count).map { _ in
                let (nodes, parts, dimensions) = (try number(), try number(), try number())
                guard (0..<1 << 31).contains(nodes), (1...max(nodes, 1)).contains(parts),
                    (0..<1 << 16).contains(dimensions), position + 12 * nodes <= bytes.count
                else { throw corrupt() }
                var partition = Partition(
                    parts: .init(repeating: -1, count: graph.graph.nodeCount),
                    count: parts
                )
                for row in 0..<nodes {
                    let at = position + 8 * row
                    let id = bytes.loadUnaligned(fromByteOffset: at, as: Int64.self)
                    let partAt = position + 8 * nodes + 4 * row
                    let part = bytes.loadUnaligned(fromByteOffset: partAt, as: Int32.self)
                    guard (0..<Int32(parts)).contains(part) else { throw corrupt() }
                    if let node = graph.node(id: id) { partition.parts[node] = part }
                }
                position += 12 * nodes
                shares.append(dimensions)
                return partition
            }
        }
        self.shares = shares
    }
}
