import SkeinCore
import SkeinDecoding
import SkeinEngine
import SkeinModels
import SkeinNN
import SkeinTensor
import SkeinTestSupport
import Testing

/// Keys and values in one buffer: the same contents and the same bits as pages.
@Suite struct ContiguousPoolTests {
    static let width = 3
    static let layers = 2

    static func contiguous(
        slots: Int = 2,
        capacity: Int = 4,
        maximumSlots: Int = 64,
        maximumCapacity: Int = 1024,
        reorders: Bool = true
    ) -> ContiguousKeyValuePool {
        ContiguousKeyValuePool(
            .init(
                layers: layers,
                width: width,
                dtype: .f32,
                slots: slots,
                capacity: capacity,
                maximumSlots: maximumSlots,
                maximumCapacity: maximumCapacity
            ),
            reorders: reorders
        )
    }

    static func paged() -> KeyValuePool {
        KeyValuePool(.init(layers: layers, width: width, dtype: .f32, pageTokens: 4))
    }

    /// Stages rows that each read a branch, with keys and values made from `seed`.
    static func stage(
        _ pool: any KeyValueMemory,
        _ segments: [(key: BranchKey, rows: Int)],
        seed: Int
    ) throws {
        let count = segments.reduce(0) { $0 + $1.rows }
        var start = 0
        var positions: [Int32] = []
        var made: [Segment] = []
        for (key, rows) in segments {
            let held = pool.count(key)
            positions += (held..<held + rows).map(Int32.init)
            made.append(
                Segment(
                    rows: start..<start + rows,
                    slot: key.slot,
                    reads: .all(key.branch),
                    visibility: .causal
                )
            )
            start += rows
        }
        try pool.stage(
            RowBatch(
                inputs: .tokens(Array(repeating: 0, count: count)),
                positions: positions,
                segments: made,
                headRows: []
            )
        )
        for layer in 0..<layers {
            let run = pool.stagedRun(layer: layer)
            for (part, offset) in [run.keyOffset, run.valueOffset].enumerated() {
                let floats = (run.storage.base + offset).assumingMemoryBound(to: Float.self)
                for index in 0..<count * width {
                    floats[index] = Float(((seed * 2 + part) * layers + layer) * 1000 + index)
                }
            }
        }
    }

    /// The position, keys and values of each token of a branch, however they are cut into runs.
    static func tokens(_ pool: any KeyValueMemory, _ key: BranchKey) throws -> [[Float]] {
        try stage(pool, [(key, 1)], seed: 0)
        let positions = pool.pastPositions(ofSegment: 0)
        var result = positions.map { [Float($0)] }
        for layer in 0..<layers {
            var token = 0
            for run in pool.runs(layer: layer, ofSegment: 0).dropLast() {
                for index in 0..<run.count {
                    for offset in [run.keyOffset, run.valueOffset] {
                        let floats = (run.storage.base + offset)
                            .assumingMemoryBound(to: Float.self)
                        result[token] += (0..<width).map { floats[index * width + $0] }
                    }
                    token += 1
                }
            }
            #expect(token == positions.count)
        }
        return result
    }

    @Test(arguments: [true, false])
    func `random forks, joins, truncations and drops leave what pages hold`(
        _ reorders: Bool
    ) throws {
        var random = SplitMix64(seed: 3)
        let pool = Self.contiguous(reorders: reorders)
        let oracle = Self.paged()
        let keys = (0..<4).flatMap { slot in
            (0..<3).map { BranchKey(Int32(slot), Branch(id: Int32($0))) }
        }
        for step in 0..<3000 {
            guard let key = keys.randomElement(using: &random),
                let other = keys.randomElement(using: &random)
            else { break }
            let held = oracle.count(key)
            switch Int.random(in: 0..<10, using: &random) {
            case 0...3:
                let rows = Int.random(in: 1...5, using: &random)
                guard held + rows <= 60 else { continue }
                let take = (0..<Int32(rows)).filter { _ in Int.random(in: 0..<5, using: &random) > 0
                }
                let segments = [(key: key, rows: rows), (key: other, rows: 1)]
                let before = pool.residentBytes
                let needed = pool.bytesNeeded([StateDemand(key, rows: take.count)])
                for state in [pool, oracle] as [any KeyValueMemory] {
                    try Self.stage(state, segments, seed: step)
                    try state.commit(rows: take, ofSegment: 0, to: key)
                    state.unstage()
                }
                #expect(pool.residentBytes <= before + needed)
            case 4:
                let count = Int.random(in: 0...held, using: &random)
                for state in [pool, oracle] as [any StatePool] {
                    try state.truncate(key, to: count)
                }
            case 5:
                let count = Int.random(in: 0...held, using: &random)
                for state in [pool, oracle] as [any StatePool] {
                    try state.fork(key, at: count, into: [other.branch])
                }
            case 6:
                let slices = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    let source = keys[Int.random(in: 0..<keys.count, using: &random)]
                    let upper = Int.random(in: 0...min(oracle.count(source), 20), using: &random)
                    return StateSlice(source, Int.random(in: 0...upper, using: &random)..<upper)
                }
                for state in [pool, oracle] as [any StatePool] { try state.join(slices, into: key) }
            default:
                pool.drop(key)
                oracle.drop(key)
            }
            #expect(pool.count(key) == oracle.count(key))
            if reorders, step % 3 == 0 {
                pool.unstage()
                #expect(pool.batch.holeCount == 0)
            }
            guard step % 20 == 0 else { continue }
            for key in keys {
                #expect(try Self.tokens(pool, key) == Self.tokens(oracle, key), "step \(step)")
            }
        }
        for key in keys { pool.drop(key) }
        #expect(pool.residentBytes == 0 && pool.abandoned.isEmpty)
        #expect(pool.copies.sharedBytes > 0 && pool.copies.grownBytes > 0)
        #expect((pool.copies.moves > 0) == reorders)
    }

    @Test func `limits are errors that name both numbers`() throws {
        let pool = Self.contiguous(slots: 1, capacity: 2, maximumSlots: 2, maximumCapacity: 4)
        let keys = (0..<3).map { BranchKey(Int32($0), .main) }
        try Self.stage(pool, keys.map { ($0, 5) }, seed: 1)
        try pool.commit(rows: [0, 1, 2, 3], ofSegment: 0, to: keys[0])
        #expect(pool.residentBytes == pool.reservedBytes)
        #expect {
            try pool.commit(rows: [0, 1, 2, 3, 4], ofSegment: 1, to: keys[1])
        } throws: { error in
            (error as? SkeinError)?.code == .contextOverflow && "\(error)".contains("5 tokens")
                && "\(error)".contains("4")
        }
        try pool.commit(rows: [0], ofSegment: 1, to: keys[1])
        #expect { try pool.commit(rows: [0], ofSegment: 2, to: keys[2]) } throws: { error in
            (error as? SkeinError)?.code == .overloaded && "\(error)".contains("2")
        }
        #expect(pool.bytesNeeded([StateDemand(keys[2], rows: 1)]) > 1 << 60)
        #expect(pool.bytesNeeded([StateDemand(keys[1], rows: 3)]) == 0)
        #expect { try pool.truncate(keys[0], to: 5) } throws: {
            ($0 as? SkeinError)?.code == .incapable
        }
    }

    @Test func `an image moves between pages and a contiguous buffer`() throws {
        let key = BranchKey(0, .main)
        let (pool, pages) = (Self.contiguous(), Self.paged())
        for state in [pool, pages] as [any KeyValueMemory] {
            try Self.stage(state, [(key, 7)], seed: 5)
            try state.commit(rows: [0, 1, 2, 4, 5, 6], ofSegment: 0, to: key)
        }
        #expect(pool.image(of: key) == pages.image(of: key))
        let copy = BranchKey(1, .main)
        try pool.load(pages.image(of: key), into: copy)
        #expect(try Self.tokens(pool, copy) == Self.tokens(pages, key))
        var wrong = pages.image(of: key)
        wrong.parts[1].dtype = .f16
        #expect { try pool.load(wrong, into: copy) } throws: { error in
            (error as? SkeinError)?.code == .shapeMismatch && "\(error)".contains("F16")
        }
        #expect(pool.count(copy) == 6)
    }

    @Test func `a hole is held until an edge reaches it, or is closed at the next step`() throws {
        for reorders in [true, false] {
            let pool = Self.contiguous(slots: 4, capacity: 8, reorders: reorders)
            let keys = (0..<4).map { BranchKey(Int32($0), .main) }
            try Self.stage(pool, keys.map { ($0, 2) }, seed: 1)
            for (index, key) in keys.enumerated() {
                try pool.commit(rows: [0, 1], ofSegment: index, to: key)
            }
            let slotBytes = pool.residentBytes / 4
            pool.drop(keys[1])
            pool.drop(keys[2])
            #expect(pool.residentBytes == 4 * slotBytes)
            #expect(pool.abandoned.count == (reorders ? 0 : 2))
            pool.unstage()
            #expect(pool.residentBytes == (reorders ? 2 : 4) * slotBytes)
            #expect(pool.copies.moves == (reorders ? 1 : 0))
            pool.drop(keys[3])
            pool.unstage()
            #expect(pool.residentBytes == slotBytes && pool.abandoned.isEmpty)
        }
    }

    static func answers(_ wrap: (any LanguageModel) throws -> any LanguageModel) throws -> [[Int32]]
    {
        let base = try EngineLawTests.engine(64)
        let engine = Engine(
            model: try wrap(base.model),
            processor: base.processor,
            options: base.options
        )
        return try EngineLawTests.run(engine, Array(0..<16), startingEvery: 2)
    }

    @Test func `answers are those of pages, with holes closed or kept`() throws {
        let paged = try Self.answers { $0 }
        for reorders in [true, false] {
            let contiguous = try Self.answers {
                try ContiguousModel($0, slots: 2, capacity: 8, reorders: reorders)
            }
            #expect(contiguous == paged)
        }
        #expect(paged.contains { $0.count > 8 })
    }

    @Test func `logits have the same bits as with pages`() throws {
        let base = try EngineLawTests.engine(64)
        let (model, processor) = (base.model, base.processor)
        guard let sizes = (model.makeState(dtype: .f16) as? KeyValuePool)?.layout else {
            Issue.record("the golden model keeps keys and values in pages")
            return
        }
        for reorders in [true, false] {
            var random = SplitMix64(seed: 9)
            var paged = Execution(processor: processor, state: KeyValuePool(sizes))
            let pool = ContiguousKeyValuePool(
                .init(
                    layers: sizes.layers,
                    width: sizes.width,
                    dtype: sizes.dtype,
                    slots: 2,
                    capacity: 4
                ),
                reorders: reorders
            )
            var contiguous = Execution(processor: processor, state: pool)
            var live: [BranchKey] = []
            var next: Int32 = 0
            for _ in 0..<80 {
                if live.count < 6, Int.random(in: 0..<2, using: &random) == 0 {
                    live.append(BranchKey(next, .main))
                    next += 1
                }
                if let parent = live.randomElement(using: &random), live.count < 6,
                    paged.state.count(parent) > 0
                {
                    let child = Branch(id: parent.branch.id + Int32(live.count) * 7 + next)
                    let count = Int.random(in: 1...paged.state.count(parent), using: &random)
                    next += 1
                    try paged.state.fork(parent, at: count, into: [child])
                    try contiguous.state.fork(parent, at: count, into: [child])
                    live.append(BranchKey(parent.slot, child))
                }
                guard !live.isEmpty else { continue }
                let batch = Self.batch(live, paged.state, &random)
                let logits = try [
                    Self.logits(model, batch, &paged), Self.logits(model, batch, &contiguous),
                ]
                #expect(logits[0] == logits[1])
                for (index, segment) in batch.segments.enumerated() {
                    let rows = (0..<Int32(segment.rows.count)).map { $0 }
                    try paged.state.commit(rows: rows, ofSegment: index, to: live[index])
                    try contiguous.state.commit(rows: rows, ofSegment: index, to: live[index])
                }
                live.removeAll { key in
                    guard
                        paged.state.count(key) > 40 || Int.random(in: 0..<8, using: &random) == 0
                    else { return false }
                    paged.state.drop(key)
                    contiguous.state.drop(key)
                    return true
                }
            }
            #expect(pool.copies.sharedBytes > 0)
            #expect((pool.copies.moves > 0) == reorders)
        }
    }

    static func batch(
        _ live: [BranchKey],
        _ state: any StatePool,
        _ random: inout SplitMix64
    ) -> RowBatch {
        var positions: [Int32] = []
        var segments: [Segment] = []
        for key in live {
            let held = state.count(key)
            let rows = held == 0 ? Int.random(in: 1...9, using: &random) : 1
            segments.append(
                Segment(
                    rows: positions.count..<positions.count + rows,
                    slot: key.slot,
                    reads: .all(key.branch),
                    visibility: .causal
                )
            )
            positions += (held..<held + rows).map(Int32.init)
        }
        return RowBatch(
            inputs: .tokens(positions.map { _ in Int32.random(in: 0..<128, using: &random) }),
            positions: positions,
            segments: segments,
            headRows: positions.indices.map(Int32.init)
        )
    }

    static func logits(
        _ model: any LanguageModel,
        _ batch: RowBatch,
        _ execution: inout Execution
    ) throws -> [[UInt32]] {
        let hidden = try model.forward(batch, &execution)
        let logits = model.logits(hidden, execution.processor)
        return (0..<logits.rows).map { row in
            logits.withRow(row) { values in values.indices.map { values[$0].bitPattern } }
        }
    }
}
