internal import Foundation
internal import SkeinCore
package import SkeinGraph
internal import SkeinSpark
internal import SkeinTensor

extension SparkGraphEngine {
    /// Embeds parts on the executors and keeps their vectors here.
    ///
    /// - Parameters:
    ///   - jobs: The parts; those that the store has are left out.
    ///   - divided: The levels that `divide()` gave.
    ///   - store: Where vectors are kept.
    /// - Throws: `SkeinError`, also when a node got no vector.
    package func embed(
        _ jobs: [PartJob],
        of divided: GraphLevels,
        into store: PartStore
    ) async throws {
        let open = jobs.filter { store.load($0.key, rows: $0.nodeCount) == nil }
        guard !open.isEmpty else { return }
        let query = try await rows(open)
        let collector = PartCollector(open, divided, store, report: options.report)
        let report = options.report
        try await session.stream(
            query,
            progress: { done, total in report("embedding: \(done) of \(total) tasks") },
            { try collector.take($0) }
        )
        try collector.finish()
    }

    /// The query that sends every part through the worker, each in a task of its own.
    private func rows(_ jobs: [PartJob]) async throws -> String {
        let tasks = min(jobs.count, 4096)
        try await session.set([
            "spark.sql.shuffle.partitions": "\(tasks)",
            "spark.sql.adaptive.coalescePartitions.enabled": "false",
        ])
        // Numbers whose hash leads to each partition in turn.
        let slots = try await tables.integers(
            """
            SELECT CAST(pmod(hash(CAST(id AS INT)), \(tasks)) AS BIGINT) AS p, min(id) AS slot
            FROM range(\(64 * tasks + 4096)) GROUP BY 1 ORDER BY 1
            """
        )
        let order = tasks == slots[0].count ? slots[1] : Array(0..<tasks)
        let table = SparkSQL.rows(
            jobs.enumerated().map { index, job in
                [
                    "\(job.key.level)", "\(job.key.part)", "\(job.key.dimensions)",
                    "CAST(\(order[index % tasks]) AS INT)",
                ]
            },
            "level",
            "part",
            "dimensions",
            "slot"
        )
        let lists = Set(jobs.map(\.key.level)).sorted().map { index in
            """
            SELECT \(index) AS level, p.part, n.whole AS node, coalesce(l.list, array()) AS list
            FROM \(levels[index].nodes) n JOIN \(levels[index].parts) p ON p.node = n.node LEFT JOIN (
              SELECT e.s, array_sort(collect_list(struct(x.whole AS d, e.w AS w))) AS list
              FROM \(levels[index].edges) e JOIN \(levels[index].parts) a ON a.node = e.s
                JOIN \(levels[index].parts) b ON b.node = e.d JOIN \(levels[index].nodes) x ON x.node = e.d
              WHERE a.part = b.part GROUP BY e.s) l ON l.s = n.node
            """
        }.joined(separator: " UNION ALL ")
        let weights =
            isWeighted
            ? ", concat_ws(',', transform(r.list, v -> CAST(v.w AS STRING))) AS weights" : ""
        let format = "ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t'"
        return """
            SELECT TRANSFORM(level, part, dimensions, node, targets\(isWeighted ? ", weights" : ""))
              \(format) USING \(SparkSQL.literal(try await command()))
              AS (level INT, part INT, dimensions INT, node BIGINT, vec STRING) \(format)
            FROM (
              SELECT r.level, r.part, j.dimensions, r.node, j.slot,
                concat_ws(',', transform(r.list, v -> CAST(v.d AS STRING))) AS targets\(weights)
              FROM (\(lists)) r JOIN \(table) j ON j.level = r.level AND j.part = r.part
              DISTRIBUTE BY slot SORT BY slot, level, part, dimensions, node)
            """
    }

    /// What the executors run: the binary where it is, or the copy that the session brings.
    private func command() async throws -> String {
        var path = options.worker
        if !isLocal {
            // Executors keep what earlier sessions brought; a name that two had would be two words.
            let name = "skein-worker-\(session.id)-\(try Self.fingerprint(path))"
            do {
                try await session.addFile(path, as: name)
            } catch let error as SkeinError where error.message.contains("ARTIFACT_ALREADY_EXISTS")
            {
                // This session brought it before.
            }
            path = "./*/" + name
        } else {
            path = Self.shell(path)
        }
        var words = options.environment + [path] + options.arguments.map(Self.shell)
        if isWeighted { words.append("--weighted") }
        return words.joined(separator: " ")
    }

    private static func shell(_ word: String) -> String {
        "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }

    /// A hash of a file, so that a session may bring another binary later.
    private static func fingerprint(_ path: String) throws -> String {
        let file = try MappedFile(path: path)
        let hash = file.withUnsafeBytes { bytes -> UInt64 in
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            for offset in stride(from: 0, to: bytes.count - 7, by: 8) {
                hash =
                    (hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                    &* 0x100_0000_01b3
                hash ^= hash >> 29
            }
            return hash ^ UInt64(bytes.count)
        }
        return String(hash, radix: 16)
    }
}
