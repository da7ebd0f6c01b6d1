/// Byte-pair encoding: neighbours are joined, best first, until none can be.
///
/// - Paper: Sennrich et al. 2016, arXiv:1508.07909, algorithm 1.
struct BytePairEncoding: Sendable {
    /// How the next merge is chosen.
    enum Order: Sendable {
        /// By the rank of the pair.
        case ranks(PairTable)
        /// By the score of the piece that results, as SentencePiece and llama2.c do.
        case scores([Float])
    }

    /// What stands for bytes that no piece holds.
    struct Fallback: Sendable {
        /// The ids of `<0x00>` … `<0xFF>`, if the model has them all.
        var bytes: [Int32]?
        /// The unknown token.
        var unknown: Int32?
        /// Whether neighbouring unknown characters become one token.
        var fusesUnknown: Bool
    }

    var vocabulary: Vocabulary
    var order: Order
    /// Whether words start as bytes instead of characters.
    var isByteLevel: Bool
    /// Whether a word that is a token stays whole, whatever the merges say.
    var ignoresMerges: Bool
    var fallback: Fallback
    /// The id of each single byte, for byte-level models.
    let byteIDs: [Int32]

    init(
        vocabulary: Vocabulary,
        order: Order,
        isByteLevel: Bool,
        ignoresMerges: Bool = false,
        fallback: Fallback
    ) {
        self.vocabulary = vocabulary
        self.order = order
        self.isByteLevel = isByteLevel
        self.ignoresMerges = ignoresMerges
        self.fallback = fallback
        byteIDs = (0...255).map { vocabulary.id([UInt8($0)]) ?? -1 }
    }

    /// Appends the ids of one word.
    ///
    /// - Complexity: O(n log n) in the number of bytes.
    func encode(_ word: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) {
        guard !word.isEmpty else { return }
        if ignoresMerges || word.count == 1, let id = vocabulary.id(word) {
            ids.append(id)
            return
        }
        let first = ids.count
        var symbols = split(word)
        if symbols.count <= 24 {
            mergeShort(&symbols, word)
            ids.append(contentsOf: symbols.lazy.map(\.id))
        } else {
            mergeLong(symbols, word, into: &ids)
        }
        if fallback.fusesUnknown, let unknown = fallback.unknown {
            fuse(unknown, &ids, from: first)
        }
    }

    /// A piece of the word: an id, and the bytes it covers.
    struct Symbol {
        var id: Int32
        var start: Int32
        var count: Int32
    }

    /// The word as single bytes or characters.
    private func split(_ word: UnsafeBufferPointer<UInt8>) -> [Symbol] {
        var symbols: [Symbol] = []
        symbols.reserveCapacity(word.count)
        var start = 0
        while start < word.count {
            let length = isByteLevel ? 1 : Self.characterLength(word, start)
            let bytes = UnsafeBufferPointer(rebasing: word[start..<start + length])
            let id = isByteLevel ? byteIDs[Int(word[start])] : vocabulary.id(bytes) ?? -1
            if id >= 0 {
                symbols.append(Symbol(id: id, start: Int32(start), count: Int32(length)))
            } else if let byteIDs = fallback.bytes {
                for offset in 0..<length {
                    symbols.append(
                        Symbol(
                            id: byteIDs[Int(word[start + offset])],
                            start: Int32(start + offset),
                            count: 1
                        )
                    )
                }
            } else if let unknown = fallback.unknown {
                symbols.append(Symbol(id: unknown, start: Int32(start), count: Int32(length)))
            }
            start += length
        }
        return symbols
    }

    /// Bytes of the character that starts somewhere; 1 for bytes that start none.
    static func characterLength(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
        let length =
            switch bytes[start] {
            case 0xc2...0xdf: 2
            case 0xe0...0xef: 3
            case 0xf0...0xf4: 4
            default: 1
            }
        return min(length, bytes.count - start)
    }

    /// What two neighbours become and how urgent that is: smaller first.
    private func candidate(
        _ left: Symbol,
        _ right: Symbol,
        _ word: UnsafeBufferPointer<UInt8>
    ) -> (urgency: Float, result: Int32)? {
        switch order {
        case .ranks(let table):
            guard let merge = table.merge(left.id, right.id) else { return nil }
            return (Float(merge.rank), merge.result)
        case .scores(let scores):
            let end = right.start + right.count
            guard end > left.start else { return nil }
            let bytes = UnsafeBufferPointer(rebasing: word[Int(left.start)..<Int(end)])
            guard let id = vocabulary.id(bytes), Int(id) < scores.count else { return nil }
            return (-scores[Int(id)], id)
        }
    }

    /// Joins the best pair again and again by looking at all pairs: best for short words.
    private func mergeShort(_ symbols: inout [Symbol], _ word: UnsafeBufferPointer<UInt8>) {
        guard symbols.count > 1 else { return }
        var pairs = (0..<symbols.count - 1).map { candidate(symbols[$0], symbols[$0 + 1], word) }
        while true {
            var best = -1
            var urgency = Float.infinity
            for (index, pair) in pairs.enumerated() {
                guard let pair, best < 0 || pair.urgency < urgency else { continue }
                best = index
                urgency = pair.urgency
            }
            guard best >= 0, let merge = pairs[best] else { return }
            symbols[best].id = merge.result
            symbols[best].count += symbols[best + 1].count
            symbols.remove(at: best + 1)
            pairs.remove(at: best)
            if best > 0 { pairs[best - 1] = candidate(symbols[best - 1], symbols[best], word) }
            if best < pairs.count {
                pairs[best] = candidate(symbols[best], symbols[best + 1], word)
            }
        }
    }

    /// Joins by a heap over a linked list: no input is quadratic.
    private func mergeLong(
        _ start: [Symbol],
        _ word: UnsafeBufferPointer<UInt8>,
        into ids: inout [Int32]
    ) {
        var symbols = start
        var next = (0..<symbols.count).map { $0 + 1 < symbols.count ? $0 + 1 : -1 }
        var previous = (0..<symbols.count).map { $0 - 1 }
        var heap = MergeHeap()
        func push(_ left: Int) {
            guard left >= 0, next[left] >= 0 else { return }
            let right = next[left]
            guard let pair = candidate(symbols[left], symbols[right], word) else { return }
            heap.push(
                .init(
                    urgency: pair.urgency,
                    left: Int32(left),
                    result: pair.result,
                    bytes: symbols[left].count + symbols[right].count,
                    leftID: symbols[left].id,
                    rightID: symbols[right].id
                )
            )
        }
        for left in 0..<symbols.count { push(left) }
        while let best = heap.pop() {
            let left = Int(best.left)
            let right = next[left]
            // The pair may have changed since it was pushed.
            guard symbols[left].count > 0, right >= 0, symbols[left].id == best.leftID,
                symbols[right].id == best.rightID,
                symbols[left].count + symbols[right].count == best.bytes
            else { continue }
            symbols[left].id = best.result
            symbols[left].count += symbols[right].count
            symbols[right].count = 0
            next[left] = next[right]
            if next[right] >= 0 { previous[next[right]] = left }
            push(previous[left])
            push(left)
        }
        for symbol in symbols where symbol.count > 0 { ids.append(symbol.id) }
    }

    /// Leaves one of neighbouring unknown tokens.
    private func fuse(_ unknown: Int32, _ ids: inout [Int32], from first: Int) {
        var kept = first
        for index in first..<ids.count {
            if ids[index] == unknown, kept > first, ids[kept - 1] == unknown { continue }
            ids[kept] = ids[index]
            kept += 1
        }
        ids.removeSubrange(kept...)
    }
}

/// A binary heap of candidate merges: the most urgent first, then the leftmost.
private struct MergeHeap {
    struct Entry {
        var urgency: Float
        var left: Int32
        var result: Int32
        var bytes: Int32
        var leftID: Int32
        var rightID: Int32

        func precedes(_ other: Self) -> Bool {
            urgency < other.urgency || (urgency == other.urgency && left < other.left)
        }
    }

    private var entries: [Entry] = []

    mutating func push(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].precedes(entries[parent]) else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> Entry? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        guard !entries.isEmpty else { return first }
        entries[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < entries.count else { return first }
            if child + 1 < entries.count, entries[child + 1].precedes(entries[child]) { child += 1 }
            guard entries[child].precedes(entries[parent]) else { return first }
            entries.swapAt(child, parent)
            parent = child
        }
    }
}
