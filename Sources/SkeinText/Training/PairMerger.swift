/// Words as symbols, with the counts of neighbouring pairs kept up while pairs are merged.
struct PairMerger {
    /// A pair and how often it occurs.
    struct Pair: Comparable {
        var count: Int
        var left: Int32, right: Int32

        fileprivate var key: UInt64 { PairMerger.key(left, right) }

        /// The more frequent pair is greater; of equals the one with the lower ids.
        static func < (a: Pair, b: Pair) -> Bool {
            a.count != b.count ? a.count < b.count : a.key > b.key
        }
    }

    private var words: [[Int32]]
    private let weights: [Int]
    private var counts: [UInt64: Int] = [:]
    /// The words in which a pair was seen; it may have gone from some since.
    private var places: [UInt64: Set<Int32>] = [:]
    private var heap: [Pair] = []

    /// Counts the pairs of words that occur so many times.
    init(_ words: [(symbols: [Int32], count: Int)]) {
        self.words = words.map(\.symbols)
        weights = words.map(\.count)
        for (index, word) in words.enumerated() {
            for (left, right) in zip(word.symbols, word.symbols.dropFirst()) {
                let key = Self.key(left, right)
                counts[key, default: 0] += word.count
                places[key, default: []].insert(Int32(truncatingIfNeeded: index))
            }
        }
        for (key, count) in counts { push(Self.pair(key, count)) }
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    private static func pair(_ key: UInt64, _ count: Int) -> Pair {
        Pair(
            count: count,
            left: Int32(truncatingIfNeeded: key >> 32),
            right: Int32(truncatingIfNeeded: key)
        )
    }

    /// Takes the most frequent pair.
    mutating func best() -> Pair? {
        while var top = pop() {
            let now = counts[top.key] ?? 0
            if now == top.count { return now > 0 ? top : nil }
            // Counts that fell since are looked at again in their new place.
            top.count = now
            if now > 0 { push(top) }
        }
        return nil
    }

    /// Replaces a pair by one symbol in all words.
    mutating func merge(_ pair: Pair, into symbol: Int32) {
        var changes: [UInt64: Int] = [:]
        for index in places.removeValue(forKey: pair.key) ?? [] {
            let word = words[Int(index)]
            let weight = weights[Int(index)]
            var merged: [Int32] = []
            merged.reserveCapacity(word.count)
            var place = 0
            while place < word.count {
                if place + 1 < word.count, word[place] == pair.left, word[place + 1] == pair.right {
                    merged.append(symbol)
                    place += 2
                } else {
                    merged.append(word[place])
                    place += 1
                }
            }
            guard merged.count < word.count else { continue }
            for (left, right) in zip(word, word.dropFirst()) {
                changes[Self.key(left, right), default: 0] -= weight
            }
            for (left, right) in zip(merged, merged.dropFirst()) {
                let key = Self.key(left, right)
                changes[key, default: 0] += weight
                if left == symbol || right == symbol { places[key, default: []].insert(index) }
            }
            words[Int(index)] = merged
        }
        counts[pair.key] = nil
        for (key, change) in changes where key != pair.key && change != 0 {
            let count = (counts[key] ?? 0) + change
            counts[key] = count
            if change > 0 { push(Self.pair(key, count)) }
        }
    }

    private mutating func push(_ pair: Pair) {
        heap.append(pair)
        var place = heap.count - 1
        while place > 0, heap[(place - 1) / 2] < heap[place] {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func pop() -> Pair? {
        guard let top = heap.first else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var place = 0
        while true {
            var child = 2 * place + 1
            guard child < heap.count else { return top }
            if child + 1 < heap.count, heap[child] < heap[child + 1] { child += 1 }
            guard heap[place] < heap[child] else { return top }
            heap.swapAt(place, child)
            place = child
        }
    }
}
