internal import SkeinCore
internal import SkeinGraph
internal import SkeinSpark
internal import Synchronization

/// Puts the rows that come back from the executors into their places, and misses none.
final class PartCollector: Sendable {
    private struct Open {
        var matrix: NodeMatrix
        var rows: [Int32: Int]
        var isFilled: [Bool]
        var left: Int
    }

    private let state: Mutex<(open: [PartStore.Key: Open], waiting: [PartStore.Key: [Int32]])>
    private let store: PartStore
    private let total: Int
    private let report: @Sendable (String) -> Void

    init(
        _ jobs: [PartJob],
        _ levels: GraphLevels,
        _ store: PartStore,
        report: @escaping @Sendable (String) -> Void
    ) {
        self.store = store
        self.report = report
        total = jobs.count
        var waiting: [PartStore.Key: [Int32]] = [:]
        let members = levels.levels.map { level in
            level.partition.members.map { $0.map { level.nodes[Int($0)] } }
        }
        for job in jobs { waiting[job.key] = members[job.key.level][job.key.part] }
        state = Mutex(([:], waiting))
    }

    /// Takes a batch of rows.
    func take(_ table: SparkTable) throws {
        let (levels, parts) = (try table.integers("level"), try table.integers("part"))
        let (sizes, nodes) = (try table.integers("dimensions"), try table.integers("node"))
        let vectors = try table.strings("vec")
        for row in vectors.indices {
            let key = PartStore.Key(
                level: Int(levels[row]),
                part: Int(parts[row]),
                dimensions: Int(sizes[row])
            )
            try take(key, Int32(truncatingIfNeeded: nodes[row]), vectors[row])
        }
    }

    private func take(_ key: PartStore.Key, _ node: Int32, _ vector: String) throws {
        func wrong(_ what: String) -> SkeinError {
            SkeinError(
                .sparkResult,
                "the worker's answer for level \(key.level), part \(key.part), node \(node) \(what)",
                hint: "is the worker the same version of skein?"
            )
        }
        try state.withLock { state in
            if state.open[key] == nil {
                guard let nodes = state.waiting.removeValue(forKey: key) else {
                    throw wrong("was not asked for")
                }
                state.open[key] = Open(
                    matrix: NodeMatrix(rows: nodes.count, dimensions: key.dimensions),
                    rows: Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($1, $0) }),
                    isFilled: .init(repeating: false, count: nodes.count),
                    left: nodes.count
                )
            }
            guard let row = state.open[key]?.rows[node] else { throw wrong("is of another part") }
            guard state.open[key]?.isFilled[row] == false else { throw wrong("came twice") }
            let values = vector.split(separator: ",").map { Float(String($0)) }
            guard values.count == key.dimensions, values.allSatisfy({ $0?.isFinite == true }) else {
                throw wrong("is not \(key.dimensions) finite numbers")
            }
            if let matrix = state.open[key]?.matrix {
                for (column, value) in values.enumerated() { matrix[row, column] = value ?? 0 }
            }
            state.open[key]?.isFilled[row] = true
            state.open[key]?.left -= 1
            guard let done = state.open[key], done.left == 0 else { return }
            state.open[key] = Open(
                matrix: .init(rows: 0, dimensions: 1),
                rows: [:],
                isFilled: [],
                left: 0
            )
            try store.save(done.matrix, key)
            let finished = state.open.values.count { $0.left == 0 }
            report("part \(finished) of \(total) is here")
        }
    }

    /// Checks that every node of every part has its vector.
    func finish() throws {
        try state.withLock { state in
            let missing =
                state.waiting.map { ($0.key, $0.value.count) }
                + state.open.filter { $0.value.left > 0 }.map { ($0.key, $0.value.left) }
            guard
                let (key, count) = missing.min(by: {
                    ($0.0.level, $0.0.part) < ($1.0.level, $1.0.part)
                })
            else { return }
            throw SkeinError(
                .sparkResult,
                "\(missing.count) of \(total) parts came back incomplete; level \(key.level), "
                    + "part \(key.part) lacks \(count) nodes",
                hint: "see the executors' logs; run again to embed what is missing"
            )
        }
    }
}
