/// The merges of a BPE model: which neighbours join, in which order, into what.
struct PairTable: Sendable {
    /// A merge's rank and its result.
    struct Merge: Sendable {
        var rank: Int32
        var result: Int32
    }

    private var keys: [UInt64]
    private var merges: [Merge]
    private var mask: Int

    /// Creates a table; of equal pairs the last rank counts, as in the Rust library.
    init(_ pairs: [(left: Int32, right: Int32, result: Int32)]) {
        var capacity = 16
        while capacity < pairs.count * 2 { capacity *= 2 }
        keys = Array(repeating: .max, count: capacity)
        merges = Array(repeating: Merge(rank: 0, result: 0), count: capacity)
        mask = capacity - 1
        for (rank, pair) in pairs.enumerated() {
            let key = Self.key(pair.left, pair.right)
            var slot = Self.slot(key) & mask
            while keys[slot] != .max, keys[slot] != key { slot = (slot + 1) & mask }
            keys[slot] = key
            merges[slot] = Merge(rank: Int32(rank), result: pair.result)
        }
    }

    /// The merge of two neighbours.
    func merge(_ left: Int32, _ right: Int32) -> Merge? {
        let key = Self.key(left, right)
        var slot = Self.slot(key) & mask
        while true {
            if keys[slot] == key { return merges[slot] }
            if keys[slot] == .max { return nil }
            slot = (slot + 1) & mask
        }
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    private static func slot(_ key: UInt64) -> Int {
        var hash = key &* 0x9e37_79b9_7f4a_7c15
        hash ^= hash >> 32
        return Int(truncatingIfNeeded: hash & 0x7fff_ffff)
    }
}
