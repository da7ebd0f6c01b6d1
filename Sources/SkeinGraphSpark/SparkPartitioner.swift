internal import SkeinCore
internal import SkeinGraph
internal import SkeinSpark

/// How Spark divides one level: the embedded partitioners' rounds as queries.
///
/// Views: `edges(s, d, w, t)` holds every edge in both directions with weight and ticks, `nodes(node)`
/// the numbers 0 ..< n.
struct SparkPartitioner {
    let tables: SparkTables
    let edges: String
    let nodes: String
    let nodeCount: Int
    let level: Int
    let request: PartitionRequest
    let report: @Sendable (String) -> Void

    private var capacity: Int { request.capacity(nodeCount: nodeCount) }
    private var seed: UInt64 { request.seed }

    /// One part.
    func whole() async throws -> String {
        try await tables.keep("parts\(level)", "SELECT node, 0 AS part FROM \(nodes)")
    }

    /// Parts by hash; a part beyond its capacity would need the embedded engine's repair.
    func hash() async throws -> String {
        let key = GraphRandom.key(seed)
        let word = SparkSQL.hash("node", key: key)
        // The remainder of unsigned 64 bits from that of their halves.
        let k = request.parts
        let high = "shiftrightunsigned(\(word), 32)"
        let low = "(\(word) & 4294967295L)"
        let wrap = (1 << 32) % k
        let part = "((\(high) % \(k)L) * \(wrap)L + \(low) % \(k)L) % \(k)L"
        let view = try await tables.keep(
            "parts\(level)",
            "SELECT node, CAST(\(part) AS INT) AS part FROM \(nodes)"
        )
        let loads = try await loads(view)
        guard loads.allSatisfy({ $0 <= capacity }) else {
            throw SkeinError(
                .unsupported,
                "level \(level): a hashed part has \(loads.max() ?? 0) nodes, expected at most \(capacity)",
                hint: "allow more with --imbalance, or pass --partitioner refine"
            )
        }
        return view
    }

    /// Balanced region growing.
    func grow() async throws -> String {
        let key = GraphRandom.key(seed, 1)
        let draw = "CAST(shiftrightunsigned(\(SparkSQL.hash("n.node", key: key)), 11) AS DOUBLE)"
        let limit = request.parts * GrowPartitioner.seedCandidates
        let ranked =
            try await tables.integers(
                """
                SELECT node, 0L AS x FROM (
                  SELECT n.node, \(draw) / CAST(1000L * coalesce(g.degree, 0L) + 1L AS DOUBLE) AS rank
                  FROM \(nodes) n LEFT JOIN
                    (SELECT s, count(*) AS degree FROM \(edges) GROUP BY s) g ON g.s = n.node
                ) ORDER BY rank, node LIMIT \(limit)
                """
            ).first ?? []
        let candidates = SparkSQL.rows(ranked.map { ["\($0)L"] }, "node")
        let near = try await tables.integers(
            """
            SELECT s, d FROM \(edges) JOIN \(candidates) a ON a.node = s JOIN \(candidates) b ON b.node = d
            """
        )
        var neighbors: [Int: [Int]] = [:]
        if near.count == 2 {
            for (a, b) in zip(near[0], near[1]) { neighbors[a, default: []].append(b) }
        }
        let seeds = GrowPartitioner.seeds(among: ranked, count: request.parts) {
            neighbors[$0] ?? []
        }
        let seeded = SparkSQL.rows(
            seeds.enumerated().map { ["\($1)L", "\($0)"] },
            "node",
            "part"
        )
        var own = try await tables.keep(
            "parts\(level)",
            "SELECT n.node, s.part FROM \(nodes) n LEFT JOIN \(seeded) s ON s.node = n.node"
        )
        var loads = [Int](repeating: 0, count: request.parts)
        for part in seeds.indices { loads[part] += 1 }
        let quota = GrowPartitioner.quota(capacity: capacity)
        var round = 0
        while loads.reduce(0, +) < nodeCount {
            round += 1
            let room = loads.map { min(quota, capacity - $0) }
            guard room.contains(where: { $0 > 0 }) else { break }
            own = try await tables.keep("parts\(level)", growth(own, room))
            let now = try await self.loads(own)
            report(
                "level \(level): grown \(now.reduce(0, +)) of \(nodeCount) nodes in \(round) rounds"
            )
            guard now != loads else { break }
            loads = now
        }
        guard loads.reduce(0, +) < nodeCount else { return own }
        return try await placeLeftovers(own, &loads)
    }

    /// One round of growth: every unowned neighbour asks the open part it is tied to most.
    private func growth(_ own: String, _ room: [Int]) -> String {
        let open = SparkSQL.rows(
            room.enumerated().filter { $1 > 0 }.map { ["\($0)", "\($1)"] },
            "part",
            "room"
        )
        let order = SparkSQL.ordered("node", key: GraphRandom.key(seed))
        return """
            WITH gains AS (
              SELECT e.s AS node, a.part AS part, sum(e.t) AS gain
              FROM \(edges) e JOIN \(own) a ON a.node = e.d JOIN \(own) b ON b.node = e.s
                JOIN \(open) o ON o.part = a.part
              WHERE b.part IS NULL GROUP BY e.s, a.part),
            wishes AS (
              SELECT node, max(struct(gain, -part AS p)) AS best FROM gains GROUP BY node),
            ranked AS (
              SELECT node, -best.p AS part,
                row_number() OVER (PARTITION BY best.p ORDER BY best.gain DESC, \(order), node) AS place
              FROM wishes),
            granted AS (
              SELECT r.node, r.part FROM ranked r JOIN \(open) o ON o.part = r.part
              WHERE r.place <= o.room)
            SELECT a.node, coalesce(a.part, g.part) AS part
            FROM \(own) a LEFT JOIN granted g ON g.node = a.node
            """
    }

    /// Puts what no region reached into the lightest parts, group by group.
    private func placeLeftovers(_ own: String, _ loads: inout [Int]) async throws -> String {
        var labels = try await tables.keep(
            "labels\(level)",
            "SELECT node, node AS label FROM \(own) WHERE part IS NULL"
        )
        for _ in 0..<GrowPartitioner.labelRounds {
            labels = try await tables.keep(
                "labels\(level)",
                """
                SELECT a.node, least(a.label, coalesce(m.label, a.label)) AS label
                FROM \(labels) a LEFT JOIN (
                  SELECT e.s AS node, min(b.label) AS label
                  FROM \(edges) e JOIN \(labels) b ON b.node = e.d GROUP BY e.s
                ) m ON m.node = a.node
                """
            )
        }
        let groups = try await tables.integers(
            "SELECT label, count(*) AS size FROM \(labels) GROUP BY label ORDER BY size DESC, label"
        )
        let places = GrowPartitioner.places(groups[1], &loads, capacity)
        report("level \(level): placing \(groups[0].count) groups that no region reached")
        let view = tables.name("places\(level)")
        try await tables.session.upload(
            .init([
                .init("label", .integers(places.map { Int64(groups[0][$0.group]) })),
                .init("first", .integers(places.map { Int64($0.members.lowerBound) })),
                .init("last", .integers(places.map { Int64($0.members.upperBound) })),
                .init("part", .integers(places.map { Int64($0.part) })),
            ]),
            as: view
        )
        let result = try await tables.keep(
            "parts\(level)",
            """
            WITH ranked AS (
              SELECT node, label, row_number() OVER (PARTITION BY label ORDER BY node) - 1 AS place
              FROM \(labels)),
            placed AS (
              SELECT r.node, CAST(p.part AS INT) AS part FROM ranked r JOIN \(view) p
              ON p.label = r.label AND r.place >= p.first AND r.place < p.last)
            SELECT a.node, coalesce(a.part, p.part) AS part
            FROM \(own) a LEFT JOIN placed p ON p.node = a.node
            """
        )
        try await tables.drop("labels\(level)")
        return result
    }

    /// Balanced label propagation after growing.
    func refine() async throws -> String {
        let method = RefinePartitioner()
        let start = try await grow()
        var best = try await tables.keep(
            "round\(level)_0",
            "SELECT node, part, false AS moved FROM \(start)"
        )
        var (bestName, current, name) = ("round\(level)_0", best, "round\(level)_0")
        var (loads, cut, _) = try await state(current)
        var progress = RefineProgress(method, cut: cut)
        while let round = progress.nextRound {
            let next = "round\(level)_\(round + 1)"
            let view = try await tables.keep(next, refinement(current, round, loads, method))
            if name != bestName { try await tables.drop(name) }
            (current, name) = (view, next)
            let moved: Int
            (loads, cut, moved) = try await state(current)
            report("level \(level): round \(round + 1) moved \(moved), the cut is \(cut)")
            if progress.endRound(moves: moved, cut: cut) {
                try await tables.drop(bestName)
                (best, bestName) = (current, name)
            }
        }
        let result = try await tables.keep("parts\(level)", "SELECT node, part FROM \(best)")
        for old in Set([bestName, name]) { try await tables.drop(old) }
        return result
    }

    /// One round: half of the nodes wish for the part that is best for them.
    private func refinement(
        _ current: String,
        _ round: Int,
        _ loads: [Int],
        _ method: RefinePartitioner
    ) -> String {
        let key = GraphRandom.key(seed, RefineProgress.draw(round))
        func turn(_ node: String) -> String {
            "(\(SparkSQL.hash(node, key: key)) & 1L) = \(round % 2)L"
        }
        let parts = SparkSQL.rows(
            loads.enumerated().map { part, load in
                let bonus = method.bonus(load: load, capacity: capacity)
                return ["\(part)", SparkSQL.literal(bonus), "\(capacity - load)"]
            },
            "part",
            "bonus",
            "room"
        )
        return """
            WITH ties AS (
              SELECT e.s AS node, a.part, e.t AS gain
              FROM \(edges) e JOIN \(current) a ON a.node = e.d WHERE \(turn("e.s"))
              UNION ALL SELECT node, part, 0L AS gain FROM \(current) WHERE \(turn("node"))),
            gains AS (SELECT node, part, sum(gain) AS gain FROM ties GROUP BY node, part),
            totals AS (SELECT node, sum(gain) AS total FROM gains GROUP BY node),
            scores AS (
              SELECT g.node, max(struct(
                CAST(g.gain AS DOUBLE) / CAST(t.total AS DOUBLE) + p.bonus AS score,
                g.part = c.part AS home, -g.part AS part)) AS best
              FROM gains g JOIN totals t ON t.node = g.node JOIN \(current) c ON c.node = g.node
                JOIN \(parts) p ON p.part = g.part
              WHERE t.total > 0 GROUP BY g.node),
            ranked AS (
              SELECT node, -best.part AS part, row_number() OVER (
                PARTITION BY best.part ORDER BY \(SparkSQL.ordered("node", key: key)), node) AS place
              FROM scores WHERE NOT best.home),
            granted AS (
              SELECT r.node, r.part FROM ranked r JOIN \(parts) p ON p.part = r.part
              WHERE r.place <= p.room)
            SELECT c.node, coalesce(g.part, c.part) AS part, g.part IS NOT NULL AS moved
            FROM \(current) c LEFT JOIN granted g ON g.node = c.node
            """
    }

    /// The load of every part.
    private func loads(_ view: String) async throws -> [Int] {
        let rows = try await tables.integers(
            "SELECT part, count(*) AS size FROM \(view) WHERE part IS NOT NULL GROUP BY part"
        )
        return spread(rows)
    }

    private func spread(_ rows: [[Int]]) -> [Int] {
        var loads = [Int](repeating: 0, count: request.parts)
        guard rows.count >= 2 else { return loads }
        for (part, size) in zip(rows[0], rows[1]) where loads.indices.contains(part) {
            loads[part] = size
        }
        return loads
    }

    /// Loads, cut and moves in one query.
    private func state(_ view: String) async throws -> (loads: [Int], cut: Int64, moved: Int) {
        let rows = try await tables.integers(
            """
            SELECT part, count(*) AS size, sum(CAST(moved AS BIGINT)) AS moved FROM \(view) GROUP BY part
            UNION ALL SELECT -1 AS part, coalesce(sum(e.t), 0L) AS size, 0L AS moved
            FROM \(edges) e JOIN \(view) a ON a.node = e.s JOIN \(view) b ON b.node = e.d
            WHERE a.part <> b.part
            """
        )
        var cut = 0
        for (part, size) in zip(rows[0], rows[1]) where part < 0 { cut = size }
        return (spread(rows), Int64(cut), rows[2].reduce(0, +))
    }
}
