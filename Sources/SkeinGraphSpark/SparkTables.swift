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
    private var kept: [String: SparkCheckpoint] = [:]
    private var count = 0

    package init(_ session: SparkSession, directory: String?, copies: Int) {
        self.session = session
        self.directory = directory
        self.copies = copies
        prefix = "skein_" + session.id.replacingOccurrences(of: "-", with: "") + "_"
    }

    /// A view's full name.
    package nonisolated func name(_ view: String) -> String { prefix + view }

    /// Computes a query, keeps its rows and names them.
    ///
    /// - Returns: The view's full name.
    package func keep(_ view: String, _ query: String) async throws -> String {
        let name = name(view)
        let old = kept.removeValue(forKey: name)
        if let directory {
            count += 1
            let path = "\(directory)/\(name)_\(count)"
            try await session.run(
                "INSERT OVERWRITE DIRECTORY \(SparkSQL.literal(path)) USING parquet \(query)"
            )
            try await session.run(
                "CREATE OR REPLACE TEMPORARY VIEW \(name) AS "
                    + "SELECT * FROM parquet.\(SparkSQL.quoted(path))"
            )
        } else {
            kept[name] = try await session.checkpoint(query, as: name, copies: copies)
        }
        if let old { try await session.drop(old) }
        return name
    }

    /// Names a query without computing it.
    package func define(_ view: String, _ query: String) async throws -> String {
        let name = name(view)
        try await session.run("CREATE OR REPLACE TEMPORARY VIEW \(name) AS \(query)")
        return name
    }

    /// Lets go of a view's rows.
    package func drop(_ view: String) async throws {
        if let checkpoint = kept.removeValue(forKey: name(view)) {
            try await session.drop(checkpoint)
        }
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
