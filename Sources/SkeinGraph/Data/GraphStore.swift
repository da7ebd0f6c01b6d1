internal import SkeinCore
internal import SkeinTensor

/// The package's own file of a graph: a header and four arrays, mapped instead of read.
///
/// Layout, little-endian: `SKEINGR1`, nodes, entries, weighted (three Int64), then ids Int64[n],
/// offsets Int64[n + 1], targets Int32[e] padded to eight bytes, weights Float32[e] if weighted.
public enum GraphStore {
    static let magic = Array("SKEINGR1".utf8)
    static let headerBytes = 32

    /// Writes a graph.
    ///
    /// - Parameters:
    ///   - graph: The graph and its ids.
    ///   - path: Where to.
    /// - Throws: `SkeinError.Code.ioFailure`.
    public static func write(_ graph: LoadedGraph, to path: String) throws {
        let (nodes, entries) = (graph.graph.nodeCount, graph.graph.entryCount)
        try BinaryFile.write(path) { file in
            try file.append(magic)
            let header = [nodes, entries, graph.graph.weights == nil ? 0 : 1].map { Int64($0) }
            try file.append(header)
            try file.append(graph.ids)
            try file.append(graph.graph.offsets, count: nodes + 1)
            try file.append(graph.graph.targets, count: entries)
            if entries % 2 == 1 { try file.append([Int32(0)]) }
            if let weights = graph.graph.weights { try file.append(weights, count: entries) }
        }
    }

    /// Whether a file starts like one of these.
    public static func isStore(_ path: String) -> Bool {
        (try? MappedFile(path: path).prefix(8)) == magic
    }

    /// Maps a graph; the pages are read when they are used.
    ///
    /// - Parameter path: The file.
    /// - Returns: The graph and its ids.
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure` or `.corruptFile`.
    public static func map(_ path: String) throws -> LoadedGraph {
        let file = try MappedFile(path: path)
        func corrupt(_ what: String) -> SkeinError { SkeinError(.corruptFile, "\(path): \(what)") }
        guard file.count >= headerBytes, file.prefix(8) == magic else {
            throw corrupt("found \(file.count) bytes without the header of a graph")
        }
        return try file.withUnsafeBytes { bytes in
            let header = (1...3).map { bytes.load(fromByteOffset: 8 * $0, as: Int64.self) }
            guard header[0] >= 0, header[0] < Int32.max, header[1] >= 0, header[1] < 1 << 40,
                header[2] == 0 || header[2] == 1
            else { throw corrupt("found \(header[0]) nodes and \(header[1]) entries") }
            let (nodes, entries) = (Int(header[0]), Int(header[1]))
            let offsetsAt = headerBytes + 8 * nodes
            let targetsAt = offsetsAt + 8 * (nodes + 1)
            let weightsAt = targetsAt + 4 * (entries + entries % 2)
            let expected = weightsAt + (header[2] == 1 ? 4 * entries : 0)
            guard file.count == expected, let base = bytes.baseAddress else {
                throw corrupt("found \(file.count) bytes, expected \(expected)")
            }
            let offsets = (base + offsetsAt).assumingMemoryBound(to: Int64.self)
            let targets = (base + targetsAt).assumingMemoryBound(to: Int32.self)
            guard offsets[0] == 0, offsets[nodes] == Int64(entries),
                (0..<nodes).allSatisfy({ offsets[$0] <= offsets[$0 + 1] }),
                (0..<entries).allSatisfy({ targets[$0] >= 0 && targets[$0] < Int32(nodes) })
            else { throw corrupt("a row or a neighbour lies outside the graph") }
            let graph = Graph(
                nodeCount: nodes,
                entryCount: entries,
                offsets: offsets,
                targets: targets,
                weights: header[2] == 1
                    ? (base + weightsAt).assumingMemoryBound(to: Float.self) : nil,
                owner: file
            )
            let ids = (base + headerBytes).assumingMemoryBound(to: Int64.self)
            return LoadedGraph(
                graph: graph,
                ids: Array(UnsafeBufferPointer(start: ids, count: nodes))
            )
        }
    }
}
