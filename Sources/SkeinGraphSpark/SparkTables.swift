internal import Foundation
internal import SkeinCore
package import SkeinSpark

/// The views of a run: computed once, kept on the executors or in files, and dropped at the end.
///
/// Without a directory, rows are kept by the executors, twice where there are several; an executor that
/// dies takes no more than one copy along. With one, they are Parquet files there, which outlive all.
package actor SparkTables {
    package let session: SparkSession
    private let prefix: String
    private let directory: String?
    private let copies: Int
    private var kept: [String: (view: String, checkpoint: SparkCheckpoint?)] = [:]
    private var count = 0

    package init(_ session: SparkSession, directory: String?, copies: Int) {
        self.session = session
        self.directory = directory
        self.copies = copies
        prefix = "skein_" + session.id.replacingOccurrences(of: "-", with: "") + "_"
    }

    /// The full name of a view that is only defined.
    package nonisolated func name(_ view: String) -> String { prefix + view }

    /// The full name of the rows that were kept last under a name.
    package func kept(_ view: String) -> String? { kept[view]?.view }

    /// Computes a query, keeps its rows and names them; rows of the same name before are let go of.
    ///
    /// - Returns: The view's full name.
    package func keep(_ view: String, _ query: String) async throws -> String {
        count += 1
        let name = "\(name(view))_\(count)"
        var checkpoint: SparkCheckpoint?
        if let directory {
            let path = "\(directory)/\(name)"
            try await session.run(
                "INSERT OVERWRITE DIRECTORY \(SparkSQL.literal(path)) USING parquet \(query)"
            )
            try await session.run(
                "CREATE OR REPLACE TEMPORARY VIEW \(name) AS "
                    + "SELECT * FROM parquet.\(SparkSQL.quoted(path))"
            )
        } else {
            // A checkpoint forgets how its rows were made, but not how many bytes Spark once guessed they
            // could be: the product of all sides of all joins, a number whose digits double every round
            // until planning does nothing but multiply. Cached rows have the size that they have.
            checkpoint = try await session.checkpoint(
                query,
                as: name,
                copies: copies,
                isEager: false
            )
            let level = copies > 1 ? "MEMORY_AND_DISK_2" : "MEMORY_AND_DISK"
            try await session.run("CACHE TABLE \(name) OPTIONS ('storageLevel' '\(level)')")
        }
        try await drop(view)
        kept[view] = (name, checkpoint)
        return name
    }

    /// Names a query without computing it.
    package func define(_ view: String, _ query: String) async throws -> String {
        let name = name(view)
        try await session.run("CREATE OR REPLACE TEMPORARY VIEW \(name) AS \(query)")
        return name
    }

    /// Lets go of kept rows.
    package func drop(_ view: String) async throws {
        guard let (name, checkpoint) = kept.removeValue(forKey: view) else { return }
        if checkpoint != nil { try await session.run("UNCACHE TABLE IF EXISTS \(name)") }
        try await session.run("DROP VIEW IF EXISTS \(name)")
        if let checkpoint { try await session.drop(checkpoint) }
    }

    /// The rows of a query as whole numbers, column by column.
    package func integers(_ query: String) async throws -> [[Int]] {
        var columns: [[Int]] = []
        for table in try await session.query(query) {
            if columns.isEmpty { columns = .init(repeating: [], count: table.columns.count) }
            for (index, column) in table.columns.enumerated() {
                columns[index] += try table.integers(column.name).map { Int($0) }
            }
        }
        return columns
    }

    /// The single row of a query, nulls as zero.
    package func row(_ query: String) async throws -> [Int] {
        let columns = try await integers(query)
        return columns.map { $0.first ?? 0 }
    }
}
