internal import Foundation
internal import SkeinCore
package import SkeinGraph
package import SkeinSpark

/// What a run on Spark needs to know.
package struct SparkRunOptions: Sendable {
    /// How a level is divided: grow, refine or hash.
    package var partitioner = "refine"
    /// When levels end.
    package var levels = LevelOptions()
    /// The binary that embeds on the executors.
    package var worker = ""
    /// Variables for the binary, as `NAME=value`.
    package var environment: [String] = []
    /// What the binary is told, without its path.
    package var arguments: [String] = []
    /// Where checkpoints go, as the cluster names it; on the executors otherwise.
    package var checkpoints: String?
    /// Takes a line about what is done.
    package var report: @Sendable (String) -> Void = { _ in }

    package init() {}
}

/// Divides a graph and embeds its parts on a Spark cluster, with the embedded engine's results.
///
/// - Paper: Lin 2021, arXiv:2106.10620, whose system runs on Spark throughout; here the levels are SQL
///   and the parts go through a program on the executors.
package final class SparkGraphEngine {
    let session: SparkSession
    package let tables: SparkTables
    let options: SparkRunOptions
    let isLocal: Bool
    private(set) var levels: [Level] = []
    private(set) var isWeighted = false

    /// The views of one level.
    struct Level {
        var edges: String
        /// `node`, its number in the level, and `whole`, its number in the whole graph.
        var nodes: String
        var parts: String
        var nodeCount: Int
        var edgeCount: Int
    }

    /// Prepares a session for a run.
    ///
    /// - Parameters:
    ///   - session: An open session; its settings are changed.
    ///   - options: What to do.
    /// - Throws: `SkeinError`.
    package init(_ session: SparkSession, options: SparkRunOptions) async throws {
        self.session = session
        self.options = options
        guard ["grow", "refine", "hash"].contains(options.partitioner) else {
            throw SkeinError(
                .unsupported,
                "--partitioner is \(options.partitioner), expected grow, refine or hash on Spark",
                hint: "multilevel coarsens on one machine"
            )
        }
        guard !options.levels.balancesEdges else {
            throw SkeinError(.unsupported, "--balance-edges works on one machine only")
        }
        // `local-cluster` has executors of its own; `local[n]` is one process.
        let master = try await session.setting("spark.master") ?? ""
        isLocal = master == "local" || master.hasPrefix("local[")
        tables = SparkTables(
            session,
            directory: options.checkpoints,
            copies: isLocal ? 1 : 2
        )
        try await session.set([
            // Hashes wrap around.
            "spark.sql.ansi.enabled": "false"
        ])
    }

    // MARK: The graph

    /// Takes a graph from this machine.
    ///
    /// - Parameter loaded: The graph.
    /// - Throws: `SkeinError`.
    package func take(_ loaded: LoadedGraph) async throws {
        let graph = loaded.graph
        isWeighted = graph.weights != nil
        var pieces: [String] = []
        var (sources, targets, weights): ([Int64], [Int64], [Float]) = ([], [], [])
        func send() async throws {
            let view = tables.name("piece\(pieces.count)")
            try await session.upload(
                SparkTable([
                    SparkColumn("s", .integers(sources)), SparkColumn("d", .integers(targets)),
                    SparkColumn("w", .floats(weights)),
                ]),
                as: view
            )
            pieces.append("SELECT s, d, w FROM \(view)")
            (sources, targets, weights) = ([], [], [])
        }
        for node in 0..<graph.nodeCount {
            for entry in graph.entries(of: node) where graph.targets[entry] > node {
                sources.append(Int64(node))
                targets.append(Int64(graph.targets[entry]))
                weights.append(graph.weight(entry))
                if sources.count == 1 << 20 { try await send() }
            }
        }
        if !sources.isEmpty || pieces.isEmpty { try await send() }
        options.report("\(graph.edgeCount) edges sent")
        let half = try await tables.keep("edges", pieces.joined(separator: " UNION ALL "))
        for index in pieces.indices {
            try await session.run("DROP VIEW IF EXISTS \(tables.name("piece\(index)"))")
        }
        let nodes = try await tables.define(
            "nodes0",
            "SELECT id AS node, id AS whole FROM range(\(graph.nodeCount))"
        )
        try await begin(half: half, nodes: nodes, graph.nodeCount)
    }

    /// Takes a graph that the cluster can read, and checks it.
    ///
    /// - Parameter source: A Parquet path, or a query, with `src`, `dst` and perhaps `w`.
    /// - Returns: The nodes' ids, with a graph that has no edges here.
    /// - Throws: `SkeinError.Code.syntax` for missing columns, missing ids and weights that are not
    ///   positive numbers.
    package func read(_ source: String) async throws -> LoadedGraph {
        let raw = try await SparkEdges(session, tables).checked(SparkEdges.query(source))
        isWeighted = raw.isWeighted
        let ids = try await tables.keep(
            "ids",
            "SELECT src AS id FROM \(raw.view) UNION SELECT dst AS id FROM \(raw.view)"
        )
        let (numbered, count) = try await number(ids, "id", "numbers")
        guard count < Int32.max else {
            throw SkeinError(.unsupported, "found \(count) nodes, expected fewer than 2³¹")
        }
        // Repeats are added in ascending order, as the embedded engine does, in single precision.
        let half = try await tables.keep(
            "edges",
            """
            SELECT s, d, aggregate(slice(l, 2, size(l)), l[0], (a, x) -> CAST(a + x AS FLOAT)) AS w
            FROM (
              SELECT least(a.node, b.node) AS s, greatest(a.node, b.node) AS d,
                array_sort(collect_list(e.w)) AS l
              FROM \(raw.view) e JOIN \(numbered) a ON a.id = e.src JOIN \(numbered) b ON b.id = e.dst
              WHERE e.src <> e.dst GROUP BY 1, 2)
            """
        )
        let nodes = try await tables.define(
            "nodes0",
            "SELECT id AS node, id AS whole FROM range(\(count))"
        )
        try await begin(half: half, nodes: nodes, count)
        var list: [Int64] = []
        for table in try await session.query("SELECT id FROM \(numbered) ORDER BY node") {
            list += try table.integers("id")
        }
        return LoadedGraph(
            graph: Graph(nodeCount: count, sources: [], destinations: []),
            ids: list
        )
    }

    /// Makes the first level of edges that are given once each.
    private func begin(half: String, nodes: String, _ nodeCount: Int) async throws {
        // As in the embedded engine, weights that are all the same are all one.
        let spread = try await tables.row(
            "SELECT CAST(coalesce(min(w) = max(w), true) AS INT) AS x FROM \(half)"
        )
        isWeighted = spread[0] == 0
        let weight = isWeighted ? "w" : "CAST(1 AS FLOAT)"
        let both =
            "SELECT s, d, \(weight) AS w FROM \(half) UNION ALL SELECT d, s, \(weight) FROM \(half)"
        try await add(edges: both, nodes: nodes, nodeCount)
        try await tables.drop("edges")
    }

    private func add(edges query: String, nodes: String, _ nodeCount: Int) async throws {
        let index = levels.count
        var scale: Double?
        if isWeighted {
            // A float is a whole number of bits; its text might not read back the same everywhere.
            let largest = try await session.query(
                "SELECT max(w) AS w FROM (\(query)) HAVING max(w) IS NOT NULL"
            )
            scale = WeightTicks(largest: try largest.first?.floats("w").first ?? 1).scale
        }
        let view = try await tables.keep(
            "edges\(index)",
            "SELECT s, d, w, \(SparkSQL.ticks("w", scale: scale)) AS t FROM (\(query))"
        )
        let entries = try await tables.row("SELECT count(*) AS n FROM \(view)")[0]
        levels.append(
            Level(
                edges: view,
                nodes: nodes,
                parts: "",
                nodeCount: nodeCount,
                edgeCount: entries / 2
            )
        )
    }

    /// Numbers distinct keys in ascending order without bringing them to one place.
    ///
    /// - Returns: A view of the key and `node`, and how many there are.
    private func number(_ view: String, _ key: String, _ name: String) async throws -> (String, Int)
    {
        let pieces = try await setting("spark.sql.shuffle.partitions", or: 8)
        let ranged = try await tables.keep(
            name + "_ranged",
            """
            SELECT \(key), spark_partition_id() AS piece FROM
              (SELECT /*+ REPARTITION_BY_RANGE(\(pieces), \(key)) */ \(key) FROM \(view))
            """
        )
        let counts = try await tables.integers(
            "SELECT piece, count(*) AS n FROM \(ranged) GROUP BY piece ORDER BY piece"
        )
        guard counts.count == 2 else {
            return (try await tables.keep(name, "SELECT \(key), 0L AS node FROM \(ranged)"), 0)
        }
        var (offset, rows): (Int, [[String]]) = (0, [])
        for (piece, count) in zip(counts[0], counts[1]) {
            rows.append(["\(piece)", "\(offset)L"])
            offset += count
        }
        let numbered = try await tables.keep(
            name,
            """
            SELECT r.\(key), row_number() OVER (PARTITION BY r.piece ORDER BY r.\(key)) - 1 + o.first AS node
            FROM \(ranged) r JOIN \(SparkSQL.rows(rows, "piece", "first")) o ON o.piece = r.piece
            """
        )
        try await tables.drop(name + "_ranged")
        return (numbered, offset)
    }

    private func setting(_ name: String, or value: Int) async throws -> Int {
        try await session.setting(name).flatMap { Int($0) } ?? value
    }

    // MARK: Levels

    /// Divides the graph and its borders.
    ///
    /// - Returns: The embedded engine's levels, without their edges.
    /// - Throws: `SkeinError`.
    package func divide() async throws -> GraphLevels {
        let rules = LevelRules(options.levels, nodeCount: levels[0].nodeCount)
        var divided: [GraphLevel] = []
        var drops = false
        while true {
            let index = divided.count
            let level = levels[index]
            let request = rules.request(
                level: index,
                nodeCount: level.nodeCount,
                edgeCount: level.edgeCount
            )
            let partitioner = SparkPartitioner(
                tables: tables,
                edges: level.edges,
                nodes: level.nodes,
                nodeCount: level.nodeCount,
                level: index,
                request: request,
                report: options.report
            )
            let parts =
                request.parts == 1
                ? try await partitioner.whole() : try await self.parts(partitioner)
            levels[index].parts = parts
            let crossing = """
                FROM \(level.edges) e JOIN \(parts) a ON a.node = e.s JOIN \(parts) b ON b.node = e.d
                WHERE a.part <> b.part
                """
            let cost = try await tables.row(
                "SELECT count(*) AS edges, count(DISTINCT e.s) AS nodes, "
                    + "coalesce(sum(e.t), 0L) AS t \(crossing)"
            )
            divided.append(try await collected(level, parts, request.parts, cost))
            options.report(
                "level \(index): \(level.nodeCount) nodes in \(request.parts) parts, "
                    + "\(cost[0] / 2) edges cut, \(cost[1]) border nodes"
            )
            guard request.parts > 1, cost[1] > 0 else { break }
            let crowding = LevelRules.Crowding(
                nodeCount: level.nodeCount,
                edgeCount: level.edgeCount,
                borderNodes: cost[1],
                cutEdges: cost[0] / 2
            )
            drops = rules.ends(level: index, crowding)
            guard !drops else { break }
            let isCut = rules.keepsCutEdgesAlone(crowding)
            try await descend(level, parts, crossing, isCut: isCut)
        }
        return GraphLevels(levels: divided, dropsLastBorder: drops)
    }

    private func parts(_ partitioner: SparkPartitioner) async throws -> String {
        switch options.partitioner {
        case "grow": try await partitioner.grow()
        case "hash": try await partitioner.hash()
        default: try await partitioner.refine()
        }
    }

    /// The nodes and the parts of a level, without its edges.
    private func collected(
        _ level: Level,
        _ parts: String,
        _ count: Int,
        _ cost: [Int]
    ) async throws -> GraphLevel {
        let rows = try await tables.integers(
            """
            SELECT n.node, n.whole, CAST(p.part AS BIGINT) AS part
            FROM \(level.nodes) n JOIN \(parts) p ON p.node = n.node
            """
        )
        let found = rows.first?.count ?? 0
        var (nodes, list) = (
            [Int32](repeating: -1, count: level.nodeCount),
            [Int32](repeating: -1, count: level.nodeCount)
        )
        for index in 0..<found where nodes.indices.contains(rows[0][index]) {
            nodes[rows[0][index]] = Int32(rows[1][index])
            list[rows[0][index]] = Int32(rows[2][index])
        }
        guard found == level.nodeCount, list.allSatisfy({ $0 >= 0 && $0 < count }) else {
            throw SkeinError(
                .sparkResult,
                "found the parts of \(found) nodes, expected \(level.nodeCount)"
            )
        }
        let partition = Partition(parts: list, count: count)
        return GraphLevel(
            graph: Graph(nodeCount: level.nodeCount, sources: [], destinations: []),
            nodes: nodes,
            partition: partition,
            statistics: PartitionStatistics(
                sizes: partition.sizes,
                cutEdges: cost[0] / 2,
                cutWeight: Double(cost[2]) / 2,
                borderNodes: cost[1],
                nodeCount: level.nodeCount,
                edgeCount: level.edgeCount
            )
        )
    }

    /// Makes the graph of a level's border the next level.
    private func descend(
        _ level: Level,
        _ parts: String,
        _ crossing: String,
        isCut: Bool
    ) async throws {
        let index = levels.count
        let border = try await tables.keep(
            "border\(index)",
            "SELECT DISTINCT e.s AS old \(crossing)"
        )
        let (numbered, count) = try await number(border, "old", "numbers\(index)")
        let nodes = try await tables.keep(
            "nodes\(index)",
            """
            SELECT b.node, n.whole FROM \(numbered) b JOIN \(level.nodes) n ON n.node = b.old
            """
        )
        try await add(
            edges: """
                SELECT x.node AS s, y.node AS d, e.w
                FROM \(level.edges) e JOIN \(numbered) x ON x.old = e.s JOIN \(numbered) y ON y.old = e.d
                \(isCut ? "JOIN \(parts) a ON a.node = e.s JOIN \(parts) b ON b.node = e.d WHERE a.part <> b.part" : "")
                """,
            nodes: nodes,
            count
        )
        try await tables.drop("border\(index)")
        try await tables.drop("numbers\(index)")
    }
}
