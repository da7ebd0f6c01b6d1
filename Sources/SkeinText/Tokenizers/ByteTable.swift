/// A flat, immutable map from byte strings to ids; open addressing over one store of bytes.
struct ByteTable: Sendable {
    private var slots: [Int32]
    private var ids: [Int32] = []
    private var bounds: [Int32] = [0]
    private var store: [UInt8] = []
    private let mask: Int

    /// A table of these entries; of equal keys the last counts.
    init(_ entries: [(key: [UInt8], id: Int32)]) {
        var capacity = 16
        while capacity < entries.count * 2 { capacity *= 2 }
        mask = capacity - 1
        slots = [Int32](repeating: -1, count: capacity)
        store.reserveCapacity(entries.reduce(0) { $0 + $1.key.count })
        for entry in entries {
            entry.key.withUnsafeBufferPointer { key in
                var slot = Int(truncatingIfNeeded: Self.hash(key)) & mask
                while slots[slot] >= 0 {
                    if matches(Int(slots[slot]), key) {
                        ids[Int(slots[slot])] = entry.id
                        return
                    }
                    slot = (slot + 1) & mask
                }
                slots[slot] = Int32(truncatingIfNeeded: ids.count)
                ids.append(entry.id)
                store.append(contentsOf: key)
                bounds.append(Int32(truncatingIfNeeded: store.count))
            }
        }
    }

    /// The id of a key.
    @inline(__always)
    func id(_ key: UnsafeBufferPointer<UInt8>) -> Int32? {
        var slot = Int(truncatingIfNeeded: Self.hash(key)) & mask
        while slots[slot] >= 0 {
            if matches(Int(slots[slot]), key) { return ids[Int(slots[slot])] }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// The id of a key.
    func id(_ key: [UInt8]) -> Int32? { key.withUnsafeBufferPointer { id($0) } }

    private func matches(_ entry: Int, _ key: UnsafeBufferPointer<UInt8>) -> Bool {
        let start = Int(bounds[entry])
        guard Int(bounds[entry + 1]) - start == key.count else { return false }
        for index in 0..<key.count where store[start + index] != key[index] { return false }
        return true
    }

    /// A 64-bit hash, eight bytes a step.
    @inline(__always)
    static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: key.count) &* 0x9e37_79b9_7f4a_7c15
        var position = 0
        let raw = UnsafeRawBufferPointer(key)
        while position + 8 <= key.count {
            let word = raw.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            hash = (hash ^ word) &* 0xff51_afd7_ed55_8ccd
            hash ^= hash >> 32
            position += 8
        }
        var tail: UInt64 = 0
        while position < key.count {
            tail = tail << 8 | UInt64(key[position])
            position += 1
        }
        hash = (hash ^ tail) &* 0xc4ce_b9fe_1a85_ec53
        return hash ^ hash >> 29
    }
}

/// A flat map from a pair of ids to a merge.
struct PairTable: Sendable {
    /// A merge: its rank (smaller first) and the id it makes.
    struct Merge: Sendable {
        var rank: Int32
        var id: Int32
    }

    private var keys: [UInt64]
    private var merges: [Merge]
    private let mask: Int

    /// A table with room for `count` pairs.
    init(capacity count: Int) {
        var capacity = 16
        while capacity < count * 2 { capacity *= 2 }
        mask = capacity - 1
        keys = [UInt64](repeating: .max, count: capacity)
        merges = [Merge](repeating: Merge(rank: 0, id: 0), count: capacity)
    }

    @inline(__always)
    private static func key(_ a: Int32, _ b: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: a)) << 32 | UInt64(UInt32(bitPattern: b))
    }

    @inline(__always)
    private func slot(_ key: UInt64) -> Int {
        let hash = key &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: hash ^ hash >> 32) & mask
    }

    /// Sets a pair's merge, over an older one.
    mutating func set(_ a: Int32, _ b: Int32, _ merge: Merge) {
        let key = Self.key(a, b)
        var place = slot(key)
        while keys[place] != .max, keys[place] != key { place = (place + 1) & mask }
        keys[place] = key
        merges[place] = merge
    }

    /// The merge of a pair.
    @inline(__always)
    func merge(_ a: Int32, _ b: Int32) -> Merge? {
        let key = Self.key(a, b)
        var place = slot(key)
        while true {
            let found = keys[place]
            if found == key { return merges[place] }
            if found == .max { return nil }
            place = (place + 1) & mask
        }
    }
}
