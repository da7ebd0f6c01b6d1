import SkeinNN
import SkeinTestSupport
import Testing

/// The contiguous range of live slots, and the moves that keep it dense.
@Suite struct SlotBatchTests {
    /// A batch whose live slots are the ones of a pattern; bit i is slot i.
    static func batch(_ pattern: Int, of count: Int) -> SlotBatch {
        var batch = SlotBatch(capacity: count)
        for _ in 0..<count { _ = batch.admit() }
        for slot in 0..<count where pattern >> slot & 1 == 0 { batch.evict(slot) }
        return batch
    }

    static func isContiguous(_ pattern: Int) -> Bool {
        guard pattern > 0 else { return true }
        let shifted = pattern >> pattern.trailingZeroBitCount
        return shifted & (shifted + 1) == 0
    }

    /// The least cost, over every sequence of moves, of reaching a pattern without holes.
    ///
    /// Contents travel with moves, so the state is where each live slot's contents are now.
    static func leastCost(_ pattern: Int, of count: Int, weights: [Int]) -> Int {
        struct Node: Hashable { var places: [Int] }
        let start = Node(places: (0..<count).filter { pattern >> $0 & 1 == 1 })
        let costs = start.places.map { weights[$0] }
        var distance = [start: 0]
        var open: Set<Node> = [start]
        while let node = open.min(by: { distance[$0, default: 0] < distance[$1, default: 0] }) {
            open.remove(node)
            let mask = node.places.reduce(0) { $0 | 1 << $1 }
            let here = distance[node, default: 0]
            if isContiguous(mask) { return here }
            for index in node.places.indices {
                for target in 0..<count where mask >> target & 1 == 0 {
                    var next = node
                    next.places[index] = target
                    let cost = here + costs[index]
                    if cost < distance[next] ?? .max {
                        distance[next] = cost
                        open.insert(next)
                    }
                }
            }
        }
        return .max
    }

    /// The least number of moves, where contents do not matter: breadth-first over patterns.
    static func leastMoves(_ pattern: Int, of count: Int) -> Int {
        var seen: Set<Int> = [pattern]
        var layer = [pattern]
        var moves = 0
        while !layer.contains(where: isContiguous) {
            var next: [Int] = []
            for mask in layer {
                for source in 0..<count where mask >> source & 1 == 1 {
                    for target in 0..<count where mask >> target & 1 == 0 {
                        let moved = mask ^ (1 << source) | 1 << target
                        if seen.insert(moved).inserted { next.append(moved) }
                    }
                }
            }
            layer = next
            moves += 1
        }
        return moves
    }

    @Test(arguments: 1...8) func `no other moves are fewer`(_ count: Int) {
        for pattern in 0..<(1 << count) {
            var batch = Self.batch(pattern, of: count)
            let live = batch.count
            let moves = batch.compact()
            #expect(moves.count == Self.leastMoves(pattern, of: count), "pattern \(pattern)")
            #expect(batch.holeCount == 0 && batch.count == live && batch.range.count == live)
        }
    }

    @Test(arguments: 1...5) func `no other moves carry less`(_ count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        for pattern in 0..<(1 << count) {
            let weights = (0..<count).map { _ in Int.random(in: 1...9, using: &random) }
            let batch = Self.batch(pattern, of: count)
            let cost = batch.plan(weights: weights).reduce(0) { $0 + weights[$1.source] }
            let least = Self.leastCost(pattern, of: count, weights: weights)
            #expect(cost == least, "pattern \(pattern), weights \(weights)")
        }
    }

    @Test func `moves are a partial permutation and keep every content`() {
        var random = SplitMix64(seed: 11)
        for _ in 0..<2000 {
            let count = Int.random(in: 1...40, using: &random)
            var batch = SlotBatch(capacity: count)
            var contents = [Int?](repeating: nil, count: count)
            for id in 0..<count { contents[batch.admit() ?? -1] = id }
            for slot in 0..<count where Bool.random(using: &random) {
                batch.evict(slot)
                contents[slot] = nil
            }
            let before = Set(contents.compactMap(\.self))
            let wasLive = (0..<count).map(batch.isLive)
            let moves = batch.compact()
            #expect(Set(moves.map(\.source)).count == moves.count)
            #expect(Set(moves.map(\.target)).count == moves.count)
            for move in moves {
                #expect(wasLive[move.source] && !wasLive[move.target])
                contents[move.target] = contents[move.source]
                contents[move.source] = nil
            }
            #expect(Set(contents.compactMap(\.self)) == before)
            for slot in 0..<count { #expect(batch.isLive(slot) == (contents[slot] != nil)) }
            #expect(batch.range.count == before.count)
        }
    }

    @Test func `random joins and leaves keep the range exact`() {
        var random = SplitMix64(seed: 12)
        var batch = SlotBatch(capacity: 12)
        var model: Set<Int> = []
        for step in 0..<20_000 {
            if Bool.random(using: &random) {
                let slot = batch.admit()
                #expect((slot == nil) == (model.count == 12))
                if let slot { #expect(model.insert(slot).inserted) }
            } else if let slot = model.randomElement(using: &random) {
                batch.evict(slot)
                model.remove(slot)
            }
            if step % 7 == 0 {
                for move in batch.compact() {
                    #expect(model.remove(move.source) != nil)
                    #expect(model.insert(move.target).inserted)
                }
                #expect(batch.holeCount == 0)
            }
            #expect(batch.count == model.count)
            #expect(batch.low == model.min() ?? 0)
            #expect(batch.high == model.max() ?? -1)
            #expect(Set(batch.holes) == Set(batch.range).subtracting(model))
        }
    }

    @Test func `edges move, the high place is used again, holes stay`() {
        var batch = SlotBatch(capacity: 6)
        for slot in 0..<5 { #expect(batch.admit() == slot) }
        batch.evict(0)
        #expect(batch.range == 1..<5)
        batch.evict(4)
        #expect(batch.range == 1..<4)
        #expect(batch.admit() == 4)
        batch.evict(2)
        #expect(batch.range == 1..<5 && batch.holes == [2])
        batch.evict(1)  // The low edge passes the hole too.
        #expect(batch.range == 3..<5 && batch.holes.isEmpty)
        #expect(batch.admit() == 5)
        #expect(batch.admit() == 2)  // No room above: below.
        #expect(batch.admit() == 1)
        #expect(batch.admit() == 0)
        batch.evict(3)
        #expect(batch.admit() == 3)  // Only a hole is left.
        #expect(batch.admit() == nil)
    }

    @Test func `the last to leave resets the range`() {
        var batch = SlotBatch(capacity: 3)
        _ = batch.admit()
        _ = batch.admit()
        batch.evict(0)
        batch.evict(1)
        #expect(batch.low == 0 && batch.high == -1 && batch.range.isEmpty)
        #expect(batch.compact().isEmpty)
        #expect(batch.admit() == 0)
        #expect(SlotBatch(capacity: 0).plan().isEmpty)
    }

    @Test func `several that end together are closed up once`() {
        var batch = SlotBatch(capacity: 8)
        for _ in 0..<8 { _ = batch.admit() }
        for slot in [1, 2, 5] { batch.evict(slot) }
        // Five live: 0 3 4 6 7. The window 3 ..< 8 keeps four of them.
        #expect(batch.compact() == [SlotBatch.Move(from: 0, to: 5)])
        #expect(batch.range == 3..<8)
    }

    @Test func `of equal windows the first is kept`() {
        var batch = SlotBatch(capacity: 5)
        for _ in 0..<5 { _ = batch.admit() }
        batch.evict(2)  // Live 0 1 3 4: both windows keep three.
        #expect(batch.plan() == [SlotBatch.Move(from: 4, to: 2)])
        #expect(batch.plan(weights: [1, 1, 0, 1, 9]) == [SlotBatch.Move(from: 0, to: 2)])
    }
}
