import SkeinCore
import Synchronization

/// Byte-pair encoding: symbols are bytes or characters, merged by rank.
final class BPEModel: Sendable {
    /// How unknown characters and whole words are treated.
    struct Options: Sendable {
        var unkID: Int32?
        var fusesUnk = false
        var fallsBackToBytes = false
        var ignoresMerges = false
        var prefix: [UInt8] = []
        var suffix: [UInt8] = []
    }

    /// A token and the end of its bytes in the piece.
    struct Symbol {
        var id: Int32
        var length: Int32
    }

    private let vocabulary: ByteTable
    private let pairs: PairTable
    private let options: Options
    /// The ids of single bytes when symbols are bytes, `-1` where there is none.
    private let byteIDs: [Int32]?
    private let fallback: [Int32]
    /// Ids that must be taken apart again at the end, and into what.
    private let unused: [Int32: [Int32]]
    private let caches = Mutex<[BPECache]>([])

    /// A model over a vocabulary; `byteIDs` says that symbols are bytes.
    init(
        vocabulary: ByteTable,
        pairs: PairTable,
        options: Options,
        byteIDs: [Int32]?,
        fallback: [Int32],
        unused: [Int32: [Int32]] = [:]
    ) {
        self.vocabulary = vocabulary
        self.pairs = pairs
        self.options = options
        self.byteIDs = byteIDs
        self.fallback = fallback
        self.unused = unused
    }

    /// Encodes every piece; `emit` gets the piece's index, the token and its bytes in the text.
    func encode(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ ranges: [Range<Int32>],
        _ emit: (Int, Int32, Range<Int>) -> Void
    ) {
        let cache = caches.withLock { $0.popLast() } ?? BPECache()
        defer { caches.withLock { $0.append(cache) } }
        for (index, range) in ranges.enumerated() {
            var position = Int(range.lowerBound)
            let word = UnsafeBufferPointer(
                rebasing: bytes[position..<Int(range.upperBound)]
            )
            if options.ignoresMerges, let id = vocabulary.id(word) {
                emit(index, id, position..<Int(range.upperBound))
                continue
            }
            let hash = ByteTable.hash(word)
            if let found = cache.find(word, hash) {
                for symbol in found {
                    emit(index, symbol.id, position..<position + Int(symbol.length))
                    position += Int(symbol.length)
                }
                continue
            }
            symbols(of: word, &cache.work)
            merge(&cache.work)
            if !unused.isEmpty { takeApart(&cache.work) }
            for symbol in cache.work.result {
                emit(index, symbol.id, position..<position + Int(symbol.length))
                position += Int(symbol.length)
            }
            cache.insert(word, hash, cache.work.result)
        }
    }

    private func symbols(of word: UnsafeBufferPointer<UInt8>, _ work: inout BPEWork) {
        work.ids.removeAll(keepingCapacity: true)
        work.lengths.removeAll(keepingCapacity: true)
        if let byteIDs {
            for byte in word {
                let id = byteIDs[Int(byte)]
                if id >= 0 {
                    work.append(id, 1)
                } else if let unk = options.unkID {
                    work.append(unk, 1)
                }
            }
            return
        }
        var pendingUnk: Int32 = 0
        var position = 0
        while position < word.count {
            let length = min(TextBytes.length(word[position]), word.count - position)
            let piece = UnsafeBufferPointer(rebasing: word[position..<position + length])
            let isFirst = position == 0
            position += length
            let id: Int32? =
                if options.prefix.isEmpty && options.suffix.isEmpty {
                    vocabulary.id(piece)
                } else {
                    vocabulary.id(
                        (isFirst ? [] : options.prefix) + Array(piece)
                            + (position == word.count ? options.suffix : [])
                    )
                }
            if let id {
                if pendingUnk > 0, let unk = options.unkID { work.append(unk, pendingUnk) }
                pendingUnk = 0
                work.append(id, Int32(truncatingIfNeeded: length))
            } else if options.fallsBackToBytes, piece.allSatisfy({ fallback[Int($0)] >= 0 }) {
                // The reference leaves an unknown run pending here.
                for byte in piece { work.append(fallback[Int(byte)], 1) }
            } else if let unk = options.unkID {
                if pendingUnk > 0, !options.fusesUnk {
                    work.append(unk, pendingUnk)
                    pendingUnk = 0
                }
                pendingUnk += Int32(truncatingIfNeeded: length)
            }
        }
        if pendingUnk > 0, let unk = options.unkID { work.append(unk, pendingUnk) }
    }

    private func merge(_ work: inout BPEWork) {
        if work.ids.count <= 48 {
            mergeShort(&work)
        } else {
            mergeLong(&work)
        }
    }

    /// Looks for the best pair anew after each merge; ranks are kept beside the symbols.
    private func mergeShort(_ work: inout BPEWork) {
        var count = work.ids.count
        work.ranks.removeAll(keepingCapacity: true)
        work.made.removeAll(keepingCapacity: true)
        for index in 0..<count {
            let merge =
                index + 1 < count ? pairs.merge(work.ids[index], work.ids[index + 1]) : nil
            work.ranks.append(merge?.rank ?? .max)
            work.made.append(merge?.id ?? 0)
        }
        work.ids.withUnsafeMutableBufferPointer { ids in
            work.lengths.withUnsafeMutableBufferPointer { lengths in
                work.ranks.withUnsafeMutableBufferPointer { ranks in
                    work.made.withUnsafeMutableBufferPointer { made in
                        count = reduce(ids, lengths, ranks, made, count)
                    }
                }
            }
        }
        work.result.removeAll(keepingCapacity: true)
        for index in 0..<count {
            work.result.append(Symbol(id: work.ids[index], length: work.lengths[index]))
        }
    }

    @inline(__always)
    private func reduce(
        _ ids: UnsafeMutableBufferPointer<Int32>,
        _ lengths: UnsafeMutableBufferPointer<Int32>,
        _ ranks: UnsafeMutableBufferPointer<Int32>,
        _ made: UnsafeMutableBufferPointer<Int32>,
        _ start: Int
    ) -> Int {
        var count = start
        while count > 1 {
            var best = Int32.max
            var place = 0
            for index in 0..<count - 1 where ranks[index] < best {
                best = ranks[index]
                place = index
            }
            if best == .max { break }
            ids[place] = made[place]
            lengths[place] += lengths[place + 1]
            for index in place + 1..<count - 1 {
                ids[index] = ids[index + 1]
                lengths[index] = lengths[index + 1]
                ranks[index] = ranks[index + 1]
                made[index] = made[index + 1]
            }
            count -= 1
            for index in max(place - 1, 0)...place {
                let merge = index + 1 < count ? pairs.merge(ids[index], ids[index + 1]) : nil
                ranks[index] = merge?.rank ?? .max
                made[index] = merge?.id ?? 0
            }
        }
        return count
    }

    /// A linked list and a heap: O(n log n) for words of any length.
    private func mergeLong(_ work: inout BPEWork) {
        let count = work.ids.count
        var next = (0..<count).map { Int32($0 + 1 < count ? $0 + 1 : -1) }
        var previous = (0..<count).map { Int32($0 - 1) }
        var heap = MergeHeap()
        for index in 0..<count - 1 {
            if let merge = pairs.merge(work.ids[index], work.ids[index + 1]) {
                heap.push(merge.rank, Int32(index), merge.id)
            }
        }
        while let top = heap.pop() {
            let place = Int(top.position)
            guard work.lengths[place] > 0, next[place] >= 0 else { continue }
            let right = Int(next[place])
            guard pairs.merge(work.ids[place], work.ids[right])?.id == top.id else { continue }
            work.ids[place] = top.id
            work.lengths[place] += work.lengths[right]
            work.lengths[right] = 0
            next[place] = next[right]
            if next[place] >= 0 {
                previous[Int(next[place])] = Int32(place)
                if let merge = pairs.merge(top.id, work.ids[Int(next[place])]) {
                    heap.push(merge.rank, Int32(place), merge.id)
                }
            }
            if previous[place] >= 0 {
                if let merge = pairs.merge(work.ids[Int(previous[place])], top.id) {
                    heap.push(merge.rank, previous[place], merge.id)
                }
            }
        }
        work.result.removeAll(keepingCapacity: true)
        for index in 0..<count where work.lengths[index] > 0 {
            work.result.append(Symbol(id: work.ids[index], length: work.lengths[index]))
        }
    }

    private func takeApart(_ work: inout BPEWork) {
        let symbols = work.result
        work.result.removeAll(keepingCapacity: true)
        for symbol in symbols {
            var stack = [symbol.id]
            var parts: [Int32] = []
            while let id = stack.popLast(), parts.count < 4096 {
                if let halves = unused[id] {
                    stack.append(contentsOf: halves.reversed())
                } else {
                    parts.append(id)
                }
            }
            // Lengths inside a piece that is taken apart are not needed for ids.
            for (index, id) in parts.enumerated() {
                let length = index == 0 ? symbol.length : 0
                if options.fusesUnk, id == options.unkID, let last = work.result.last, last.id == id
                {
                    work.result[work.result.count - 1].length += length
                } else {
                    work.result.append(Symbol(id: id, length: length))
                }
            }
        }
    }
}

/// Scratch of one encoding.
struct BPEWork {
    var ids: [Int32] = []
    var lengths: [Int32] = []
    var ranks: [Int32] = []
    var made: [Int32] = []
    var result: [BPEModel.Symbol] = []

    @inline(__always)
    mutating func append(_ id: Int32, _ length: Int32) {
        ids.append(id)
        lengths.append(length)
    }
}

/// A binary heap of merges, smallest rank and leftmost first.
struct MergeHeap {
    private var items: [(key: UInt64, id: Int32)] = []

    /// Adds a merge.
    mutating func push(_ rank: Int32, _ position: Int32, _ id: Int32) {
        let key = UInt64(UInt32(bitPattern: rank)) << 32 | UInt64(UInt32(bitPattern: position))
        items.append((key, id))
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if items[parent].key <= items[child].key { break }
            items.swapAt(parent, child)
            child = parent
        }
    }

    /// Removes the best merge.
    mutating func pop() -> (position: Int32, id: Int32)? {
        guard let top = items.first else { return nil }
        let last = items.removeLast()
        if !items.isEmpty {
            items[0] = last
            var parent = 0
            while true {
                var child = parent * 2 + 1
                if child >= items.count { break }
                if child + 1 < items.count, items[child + 1].key < items[child].key { child += 1 }
                if items[parent].key <= items[child].key { break }
                items.swapAt(parent, child)
                parent = child
            }
        }
        return (Int32(truncatingIfNeeded: top.key & 0xffff_ffff), top.id)
    }
}

/// A bounded cache of encoded words and the scratch beside it; used by one encoding at a time.
final class BPECache: @unchecked Sendable {
    // Invariant: owned by one call of `encode` between being taken from and put back to the pool.
    var work = BPEWork()
    private var slots: [Slot]
    private var keys: [UInt8] = []
    private var symbols: [BPEModel.Symbol] = []
    private let mask: Int
    private var filled = 0

    private struct Slot {
        var hash: UInt64 = 0
        var key: Int32 = 0
        var keyLength: Int32 = -1
        var first: Int32 = 0
        var count: Int32 = 0
    }

    init(capacity: Int = 1 << 16) {
        mask = capacity - 1
        slots = Array(repeating: Slot(), count: capacity)
    }

    /// The tokens of a word that was encoded before.
    @inline(__always)
    func find(_ word: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> ArraySlice<BPEModel.Symbol>? {
        var place = Int(truncatingIfNeeded: hash) & mask
        while slots[place].keyLength >= 0 {
            let slot = slots[place]
            if slot.hash == hash, Int(slot.keyLength) == word.count, matches(slot, word) {
                return symbols[Int(slot.first)..<Int(slot.first + slot.count)]
            }
            place = (place + 1) & mask
        }
        return nil
    }

    private func matches(_ slot: Slot, _ word: UnsafeBufferPointer<UInt8>) -> Bool {
        let start = Int(slot.key)
        for index in 0..<word.count where keys[start + index] != word[index] { return false }
        return true
    }

    /// Remembers a short word; a full cache starts over.
    func insert(
        _ word: UnsafeBufferPointer<UInt8>,
        _ hash: UInt64,
        _ result: [BPEModel.Symbol]
    ) {
        guard word.count <= 64 else { return }
        if filled * 2 > mask {
            slots = Array(repeating: Slot(), count: mask + 1)
            keys.removeAll(keepingCapacity: true)
            symbols.removeAll(keepingCapacity: true)
            filled = 0
        }
        var place = Int(truncatingIfNeeded: hash) & mask
        while slots[place].keyLength >= 0 { place = (place + 1) & mask }
        slots[place] = Slot(
            hash: hash,
            key: Int32(truncatingIfNeeded: keys.count),
            keyLength: Int32(truncatingIfNeeded: word.count),
            first: Int32(truncatingIfNeeded: symbols.count),
            count: Int32(truncatingIfNeeded: result.count)
        )
        keys.append(contentsOf: word)
        symbols.append(contentsOf: result)
        filled += 1
    }
}
