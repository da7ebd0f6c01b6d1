package import SkeinGraph
package import SkeinSpark
internal import Synchronization

/// Graphs and vectors in files that the cluster reads and writes.
package enum SparkVectors {
    /// Reads edges into this machine's memory.
    ///
    /// - Parameters:
    ///   - source: A Parquet path, or a query, with `src`, `dst` and perhaps `w`.
    ///   - session: An open session.
    /// - Returns: The graph.
    /// - Throws: `SkeinError.Code.syntax` for missing columns, missing ids and bad weights.
    package static func graph(_ source: String, _ session: SparkSession) async throws -> LoadedGraph
    {
        let tables = SparkTables(session, directory: nil, copies: 1)
        let raw = try await SparkEdges(session, tables).checked(SparkEdges.query(source))
        let rows = Mutex<(sources: [Int64], destinations: [Int64], weights: [Float])>(([], [], []))
        try await session.stream("SELECT src, dst, w FROM \(raw.view)") { table in
            let (a, b) = (try table.integers("src"), try table.integers("dst"))
            let w = raw.isWeighted ? try table.floats("w") : []
            rows.withLock {
                $0.sources += a
                $0.destinations += b
                $0.weights += w
            }
        }
        try await tables.drop("raw")
        let found = rows.withLock { $0 }
        var report = LoadingReport()
        report.lines = found.sources.count
        return try LoadedGraph(
            sources: found.sources,
            destinations: found.destinations,
            weights: raw.isWeighted ? found.weights : nil,
            report: report
        )
    }

    /// Writes vectors as Parquet: `id BIGINT, vector ARRAY<FLOAT>`.
    ///
    /// - Parameters:
    ///   - file: The vectors.
    ///   - path: Where to, as the cluster names it; what is there is replaced.
    ///   - session: An open session.
    /// - Throws: `SkeinError`.
    package static func write(
        _ file: VectorFile,
        to path: String,
        _ session: SparkSession
    ) async throws {
        let tables = SparkTables(session, directory: nil, copies: 1)
        let (rows, width) = (file.vectors.rows, file.vectors.dimensions)
        let size = max(1, (16 << 20) / (4 * max(width, 1) + 16))
        var pieces: [String] = []
        for first in stride(from: 0, to: max(rows, 1), by: size) {
            let range = first..<min(rows, first + size)
            let view = tables.name("vectors\(pieces.count)")
            try await session.upload(
                SparkTable([
                    SparkColumn("id", .integers(Array(file.ids[range]))),
                    SparkColumn(
                        "vector",
                        .lists(
                            ends: range.indices.map { ($0 - first + 1) * width },
                            elements: SparkColumn(
                                "element",
                                .floats(range.flatMap { file.vectors[$0] })
                            )
                        )
                    ),
                ]),
                as: view
            )
            pieces.append(view)
        }
        try await session.run(
            "INSERT OVERWRITE DIRECTORY \(SparkSQL.literal(path)) USING parquet "
                + pieces.map { "SELECT id, vector FROM \($0)" }.joined(separator: " UNION ALL ")
        )
        for view in pieces { try await session.run("DROP VIEW IF EXISTS \(view)") }
    }
}
