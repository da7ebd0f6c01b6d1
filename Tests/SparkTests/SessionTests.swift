import Foundation
import SkeinCore
import SkeinSpark
import SkeinTestSupport
import Testing

/// The client against a real server, where one runs.
@Suite(.serialized) struct SessionTests {
    @Test func `queries settings and tables go both ways`() async throws {
        guard let session = try await SparkServer.session() else { return }
        #expect(session.version.hasPrefix("4."))
        try await session.set(["spark.sql.shuffle.partitions": "3"])
        #expect(try await session.setting("spark.sql.shuffle.partitions") == "3")
        try await session.unset("spark.sql.shuffle.partitions")
        let table = SparkTable([
            SparkColumn("id", .integers([5, -1, 7]), nulls: [false, true, false]),
            SparkColumn("w", .floats([0.1, 2, -3])),
            SparkColumn("t", .strings(["", "tür", "a\tb"])),
            SparkColumn(
                "v",
                .lists(ends: [2, 2, 3], elements: SparkColumn("element", .floats([1, 2, 3])))
            ),
        ])
        try await session.upload(table, as: "skein_round_trip")
        let back = try await session.query(
            "SELECT id, w, t, v FROM skein_round_trip ORDER BY w"
        ).filter { $0.rowCount > 0 }
        let all = try #require(back.first)
        #expect(back.count == 1)
        #expect(try all.floats("w") == [-3, 0.1, 2])
        #expect(try all.strings("t") == ["a\tb", "", "tür"])
        #expect(all.columns[0].nulls == [false, false, true])
        #expect(
            all.columns[3].values
                == .lists(ends: [1, 3, 3], elements: SparkColumn("element", .floats([3, 1, 2])))
        )
        let sums = try await session.query(
            "SELECT sum(id) AS s, CAST(1.5 AS DOUBLE) AS d, named_struct('a', 1, 'b', 'x') AS p,"
                + " X'00FF' AS b, true AS f FROM range(100000)"
        )
        let row = try #require(sums.first { $0.rowCount > 0 })
        #expect(try row.integers("s") == [4_999_950_000])
        #expect(row.columns[1].values == .doubles([1.5]))
        #expect(row.columns[3].values == .bytes([[0, 255]]))
        #expect(row.columns[4].values == .booleans([true]))
        await session.close()
    }

    @Test func `a large result comes in many batches in order`() async throws {
        guard let session = try await SparkServer.session() else { return }
        let tables = try await session.query("SELECT id, repeat('x', 40) AS t FROM range(300000)")
        #expect(tables.count > 1)
        #expect(try tables.flatMap { try $0.integers("id") } == Array(0..<300_000))
        await session.close()
    }

    @Test func `checkpoints keep rows and let go of them`() async throws {
        guard let session = try await SparkServer.session() else { return }
        let kept = try await session.checkpoint(
            "SELECT id * 2 AS n FROM range(5)",
            as: "skein_kept"
        )
        let rows = try await session.query("SELECT n FROM skein_kept ORDER BY n")
        #expect(try rows.flatMap { try $0.integers("n") } == [0, 2, 4, 6, 8])
        try await session.drop(kept)
        await session.close()
    }

    @Test func `what is wrong with a query is said`() async throws {
        guard let session = try await SparkServer.session() else { return }
        for (query, part) in [
            ("SELECT * FROM no_such_table_here", "no_such_table_here"),
            ("SELEC 1", "PARSE_SYNTAX_ERROR"),
            ("SELECT 1 / (id - 3) AS x FROM range(9)", "DIVIDE_BY_ZERO"),
            ("SELECT DATE'2020-01-01' AS day", "column day has Arrow type 8"),
        ] {
            let error = await #expect(throws: SkeinError.self) {
                _ = try await session.query(query)
            }
            #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
            #expect(error?.code == (part.contains("Arrow") ? .sparkResult : .sparkFailure))
        }
        // The session outlives its errors.
        #expect(try await session.query("SELECT 1 AS x").isEmpty == false)
        await session.close()
    }

    @Test func `a program's exit code and words come back`() async throws {
        guard let session = try await SparkServer.session() else { return }
        let error = await #expect(throws: SkeinError.self) {
            _ = try await session.query(
                // Spark reads the words on a thread of its own and does not wait for it.
                "SELECT TRANSFORM(id) USING 'cat >/dev/null; echo out of cheese >&2; sleep 1; exit 3' "
                    + "AS (x STRING) FROM range(3)"
            )
        }
        #expect(error?.message.contains("status 3") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("out of cheese") == true)
        await session.close()
    }

    @Test func `interrupting ends a query`() async throws {
        guard let session = try await SparkServer.session() else { return }
        let query = Task {
            try await session.query(
                "SELECT count(*) AS n FROM range(1000000000000) WHERE id % 7 = rand() * 3"
            )
        }
        var stopped: [String] = []
        for _ in 0..<100 where stopped.isEmpty {
            try await Task.sleep(for: .milliseconds(200))
            stopped = try await session.interruptAll()
        }
        #expect(stopped.count == 1)
        let error = await #expect(throws: SkeinError.self) { _ = try await query.value }
        #expect(error?.code == .sparkInterrupted, "\(error?.message ?? "")")
        // Cancelling the task stops the server's work too.
        let other = Task {
            try await session.query(
                "SELECT count(*) AS n FROM range(1000000000000) WHERE id % 7 = rand() * 3"
            )
        }
        try await Task.sleep(for: .seconds(1))
        other.cancel()
        await #expect(throws: (any Error).self) { _ = try await other.value }
        await session.close()
    }

    @Test func `a file is found on the executors of a cluster`() async throws {
        guard let session = try await SparkServer.session("cluster") else { return }
        let path = NSTemporaryDirectory() + "skein-file-\(UUID().uuidString)"
        try "#!/bin/sh\nsed 's/^/got /'\n".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let name = "skein-echo-\(UUID().uuidString.prefix(8))"
        try await session.addFile(path, as: name)
        let format = "ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t'"
        let rows = try await session.query(
            "SELECT TRANSFORM(id) \(format) USING './*/\(name)' AS (x STRING) \(format) "
                + "FROM (SELECT /*+ REPARTITION(4) */ id FROM range(8))"
        )
        let found = try rows.flatMap { try $0.strings("x") }.sorted()
        #expect(found == (0..<8).map { "got \($0)" })
        await session.close()
    }
}
