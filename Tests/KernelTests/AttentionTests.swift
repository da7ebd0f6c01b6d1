import CSkeinKernels
import SkeinTestSupport
import Testing

@Suite struct AttentionTests {
    static func causal(rows: Int, past: Int) -> [[Range<Int>]] {
        (0..<rows).map { [0..<past + $0 + 1] }
    }

    /// A binary tree of rows after a past: each row sees the past, its ancestors and itself.
    static func tree(rows: Int, past: Int) -> [[Range<Int>]] {
        (0..<rows).map { row in
            var nodes: [Int] = []
            var node = row
            while true {
                nodes.insert(node, at: 0)
                if node == 0 { break }
                node = (node - 1) / 2
            }
            return [0..<past] + nodes.map { past + $0..<past + $0 + 1 }
        }
    }

    static func window(rows: Int, past: Int, width: Int) -> [[Range<Int>]] {
        (0..<rows).map { [max(0, past + $0 + 1 - width)..<past + $0 + 1] }
    }

    static let patterns: [(String, [[Range<Int>]])] = [
        ("causal", causal(rows: 21, past: 75)),
        ("bidirectional", Array(repeating: [0..<96], count: 21)),
        ("tree", tree(rows: 21, past: 75)),
        ("window", window(rows: 21, past: 75, width: 70)),
        ("holes", (0..<21).map { [3..<9, 20 + $0..<70 + $0, 92..<92, 93..<96] }),
        ("empty", Array(repeating: [], count: 21)),
    ]

    @Test(arguments: Level.all, Kind.all)
    func `attention agrees with double precision`(level: Level, type: Int32) {
        for (index, headDim) in [8, 20, 64, 80, 96, 128, 132, 256].enumerated() {
            for group in [1, 2, 4, 8] {
                let (name, visible) = Self.patterns[(index + group) % Self.patterns.count]
                var problem = AttentionCase(
                    rows: 21,
                    keys: 96,
                    kvHeads: 2,
                    group: group,
                    headDim: headDim,
                    type: type,
                    visible: visible,
                    seed: UInt64(headDim + group)
                )
                problem.softCap = group == 4 ? 2.5 : 0
                #expect(
                    Tolerance.nmse(problem.run(level), problem.reference) < 1e-11,
                    "\(name), \(headDim) wide, groups of \(group)"
                )
            }
        }
    }

    @Test(arguments: Level.all, patterns.indices)
    func `bits depend neither on runs nor on the split into calls`(level: Level, index: Int) {
        let (name, visible) = Self.patterns[index]
        var random = SplitMix64(seed: UInt64(index))
        for (group, headDim) in [(1, 20), (3, 64), (8, 80)] {
            let problem = AttentionCase(
                rows: 21,
                keys: 96,
                kvHeads: 2,
                group: group,
                headDim: headDim,
                type: Kind.f16,
                visible: visible,
                seed: 5
            )
            let whole = problem.run(level)
            let cuts = (0..<9).map { _ in Int.random(in: 0...96, using: &random) }.sorted()
            #expect(problem.run(level, cuts: cuts) == whole, "\(name)")
            #expect(problem.run(level, rowCuts: [1, 6, 20], byHead: true) == whole, "\(name)")
            #expect(problem.run(level, cuts: cuts, rowCuts: Array(1..<21)) == whole, "\(name)")
        }
    }

    @Test(arguments: Level.all, [1, 4])
    func `a row's bits are those of its visible keys laid end to end`(level: Level, group: Int) {
        let visible = Self.tree(rows: 21, past: 75)
        let problem = AttentionCase(
            rows: 21,
            keys: 96,
            kvHeads: 2,
            group: group,
            headDim: 64,
            type: Kind.bf16,
            visible: visible,
            seed: 11
        )
        var poisoned = problem
        let together = problem.run(level)
        let row = 17
        let seen = visible[row].flatMap { Array($0) }
        let width = problem.kvHeads * problem.headDim
        var alone = problem
        alone.rows = 1
        alone.keys = seen.count
        alone.visible = [[0..<seen.count]]
        let size = problem.heads * problem.headDim
        alone.q = Array(problem.q[row * size..<(row + 1) * size])
        alone.k = seen.flatMap { problem.k[$0 * width..<($0 + 1) * width] }
        alone.v = seen.flatMap { problem.v[$0 * width..<($0 + 1) * width] }
        let expected = Array(together[row * size..<(row + 1) * size])
        #expect(alone.run(level) == expected)
        for key in 0..<96 where !seen.contains(key) {
            for i in key * width..<(key + 1) * width {
                poisoned.k[i] = .nan
                poisoned.v[i] = .nan
            }
        }
        #expect(Array(poisoned.run(level)[row * size..<(row + 1) * size]) == expected)
    }

    @Test(arguments: Level.all)
    func `empty rows and scores of minus infinity yield zeros and NaN spreads`(level: Level) {
        var problem = AttentionCase(
            rows: 3,
            keys: 70,
            kvHeads: 1,
            group: 2,
            headDim: 16,
            type: Kind.f32,
            visible: [[], [0..<70], [1..<70]],
            seed: 2
        )
        #expect(problem.run(level)[..<32].allSatisfy { $0 == 0 })
        problem.k[3] = .nan
        let spread = problem.run(level)
        #expect(spread[32..<64].allSatisfy { $0.isNaN })
        #expect(spread[64...].allSatisfy { $0.isFinite })
        problem.q = problem.q.map { _ in 1 }
        problem.k = problem.k.map { _ in -.infinity }
        #expect(problem.run(level).allSatisfy { $0 == 0 })
    }
}
