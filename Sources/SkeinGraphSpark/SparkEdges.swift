internal import SkeinCore
internal import SkeinSpark

/// Checks edges that the cluster reads.
struct SparkEdges {
    private let session: SparkSession
    private let tables: SparkTables

    init(_ session: SparkSession, _ tables: SparkTables) {
        self.session = session
        self.tables = tables
    }

    /// A path or a query as a query.
    static func query(_ source: String) -> String {
        let words = source.split(whereSeparator: \.isWhitespace)
        guard words.count > 1, words[0].lowercased() == "select" else {
            return "SELECT * FROM parquet.\(SparkSQL.quoted(source))"
        }
        return source
    }

    /// A view of `src`, `dst` and `w` without missing ids or bad weights.
    func checked(_ query: String) async throws -> (view: String, isWeighted: Bool) {
        let columns = try await session.query("DESCRIBE QUERY \(query)")
        let names = try columns.flatMap { try $0.strings("col_name") }
        guard names.contains("src"), names.contains("dst") else {
            throw SkeinError(
                .syntax,
                "found the columns \(names.joined(separator: ", ")), expected src, dst and perhaps w",
                hint: "rename them: --query with SELECT a AS src, b AS dst FROM …"
            )
        }
        let isWeighted = names.contains("w")
        let view = try await tables.keep(
            "raw",
            """
            SELECT CAST(src AS BIGINT) AS src, CAST(dst AS BIGINT) AS dst,
              \(isWeighted ? "CAST(w AS FLOAT)" : "CAST(1 AS FLOAT)") AS w FROM (\(query))
            """
        )
        // A comparison alone would pass over a NaN: kept rows are skipped by their least and largest value.
        let isBad = "(w IS NULL OR isnan(w) OR w <= 0 OR w = CAST('Infinity' AS FLOAT))"
        let counts = try await tables.row(
            """
            SELECT count(*) AS n, count_if(src IS NULL OR dst IS NULL) AS ids,
              count_if(\(isBad)) AS weights
            FROM \(view)
            """
        )
        guard counts[0] > 0 else {
            throw SkeinError(.syntax, "found no rows, expected edges as src, dst and perhaps w")
        }
        guard counts[1] == 0 else {
            throw SkeinError(
                .syntax,
                "\(counts[1]) of \(counts[0]) rows have a missing src or dst, expected 64-bit integers"
            )
        }
        if counts[2] > 0 {
            let first = try await session.query(
                """
                SELECT CAST(src AS STRING) AS src, CAST(dst AS STRING) AS dst,
                  coalesce(CAST(w AS STRING), 'null') AS w
                FROM \(view) WHERE \(isBad)
                ORDER BY src, dst LIMIT 1
                """
            )
            let (a, b, w) = (
                try first.first?.strings("src").first ?? "",
                try first.first?.strings("dst").first ?? "",
                try first.first?.strings("w").first ?? ""
            )
            throw SkeinError(
                .syntax,
                "\(counts[2]) of \(counts[0]) rows have a weight that is not positive and finite, "
                    + "such as \(w) from \(a) to \(b)"
            )
        }
        return (view, isWeighted)
    }
}
