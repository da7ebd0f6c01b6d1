internal import Foundation
internal import SkeinCore
internal import SkeinTensor

extension GraphStore {
    /// Turns a text of edges into the file that is mapped, with memory for ids, row starts and one band
    /// of rows at a time.
    ///
    /// The text is passed over twice, and once more for every band.
    ///
    /// - Parameters:
    ///   - text: The file of edges.
    ///   - path: Where to.
    ///   - format: How the text is written.
    ///   - headerLines: How many lines come before the edges.
    ///   - memory: The bytes of a band's entries; a node with more gets a band of its own.
    ///   - compute: Where the text is parsed.
    /// - Returns: What the text held, and how many nodes, edges and bands there are.
    /// - Throws: `SkeinError` of the text, or `.ioFailure`.
    @discardableResult
    public static func compile(
        _ text: String,
        to path: String,
        format: GraphFormat = .edges,
        headerLines: Int = 0,
        memory: Int = 1 << 30,
        compute: GraphCompute = GraphCompute()
    ) throws -> CompiledGraph {
        try GraphFileReader.withEdges(text, format, headerLines, compute) { ids, builder, report in
            var result = CompiledGraph(nodes: ids.count, report: report)
            try BinaryFile.write(path) { file in
                try file.append(magic)
                try file.append([Int64](repeating: 0, count: 3))
                try file.append(ids)
                try file.append([Int64](repeating: 0, count: ids.count + 1))
                let side = path + ".weights"
                defer { unlink(side) }
                var rows = RowWriter(targets: file)
                try BinaryFile.write(side) { weights in
                    try builder.forEachBand(entries: max(memory / 8, 1)) { band in
                        result.bands += 1
                        try rows.append(band, weights: weights)
                    }
                }
                let entries = rows.offsets[ids.count]
                if entries % 2 == 1 { try file.append([Int32(0)]) }
                if !rows.isUniform {
                    try MappedFile(path: side).withUnsafeBytes { try file.append($0) }
                }
                let header = [Int64(ids.count), entries, rows.isUniform ? 0 : 1]
                try file.overwrite(header, at: 8)
                try file.overwrite(rows.offsets, at: headerBytes + 8 * ids.count)
                result.edges = Int(entries) / 2
            }
            result.report.repeats -= result.edges
            return result
        }
    }

    /// Writes bands behind each other.
    private struct RowWriter {
        let targets: BinaryFile
        var offsets: [Int64] = [0]
        var isUniform = true
        private var first: Float?

        init(targets: BinaryFile) { self.targets = targets }

        mutating func append(_ band: GraphBuilder.Band, weights: BinaryFile) throws {
            var (names, values): ([Int32], [Float]) = ([], [])
            for (row, length) in band.lengths.enumerated() {
                for index in band.starts[row]..<band.starts[row] + length {
                    let entry = band.entries.base[index]
                    names.append(entry.target)
                    values.append(entry.weight)
                    if entry.weight != first ?? entry.weight { isUniform = false }
                    first = first ?? entry.weight
                }
                offsets.append((offsets.last ?? 0) + Int64(length))
                if names.count > 1 << 18 || row + 1 == band.lengths.count {
                    try targets.append(names)
                    try weights.append(values)
                    names.removeAll(keepingCapacity: true)
                    values.removeAll(keepingCapacity: true)
                }
            }
        }
    }
}

/// What became of a text that was compiled.
public struct CompiledGraph: Sendable, Equatable {
    /// How many nodes the graph has.
    public var nodes: Int
    /// How many edges.
    public var edges = 0
    /// How many bands its rows were made in.
    public var bands = 0
    /// What the text held.
    public var report: LoadingReport
}
