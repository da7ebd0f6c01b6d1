internal import SkeinCore

/// The map between a file's ids and dense node numbers.
enum NodeIDs {
    /// The distinct ids of some lists, ascending.
    static func distinct(_ lists: [Int64]...) -> [Int64] {
        var all = Array(lists.joined())
        all.sort()
        var length = 0
        for index in all.indices where index == 0 || all[index] != all[index - 1] {
            all[length] = all[index]
            length += 1
        }
        all.removeSubrange(length...)
        return all
    }

    /// The position of an id among sorted ones.
    static func index(of id: Int64, in ids: [Int64]) -> Int? {
        var (low, high) = (0, ids.count)
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < ids.count && ids[low] == id ? low : nil
    }

    /// Ids to numbers, by a table when the ids are dense.
    struct Lookup: Sendable {
        private let ids: [Int64]
        private let table: [Int32]
        private let first: Int64

        init(_ ids: [Int64]) {
            self.ids = ids
            first = ids.first ?? 0
            let (span, isOver) = (ids.last ?? 0).subtractingReportingOverflow(first)
            guard !isOver, span < Int64(ids.count) * 4 else {
                table = []
                return
            }
            var table = [Int32](repeating: -1, count: Int(span) + 1)
            for (index, id) in ids.enumerated() { table[Int(id - first)] = Int32(index) }
            self.table = table
        }

        /// The number of an id that is in the list.
        subscript(id: Int64) -> Int32 {
            guard table.isEmpty else { return table[Int(id - first)] }
            return Int32(NodeIDs.index(of: id, in: ids) ?? 0)
        }
    }
}

/// The distinct ids of a text, while it is passed over.
struct IDCollector {
    /// Ids from zero to below this are bits.
    private static let limit: Int64 = 1 << 28
    private var bits: [UInt64] = []
    private var others: [Int64] = []
    private var compacted = 0

    /// Takes ids in any order.
    mutating func add(_ ids: [Int64]) {
        for id in ids {
            guard (0..<Self.limit).contains(id) else {
                others.append(id)
                continue
            }
            let word = Int(id >> 6)
            if word >= bits.count {
                bits += [UInt64](repeating: 0, count: max(word + 1, 2 * bits.count) - bits.count)
            }
            bits[word] |= 1 << UInt64(id & 63)
        }
        if others.count > 2 * compacted + (1 << 20) {
            others = NodeIDs.distinct(others)
            compacted = others.count
        }
    }

    /// All ids, ascending.
    func sorted() throws -> [Int64] {
        let rest = NodeIDs.distinct(others)
        var ids = rest.filter { $0 < 0 }
        for (word, value) in bits.enumerated() {
            var left = value
            while left != 0 {
                ids.append(Int64(word << 6 | left.trailingZeroBitCount))
                left &= left - 1
            }
        }
        ids += rest.drop { $0 < 0 }
        guard ids.count < Int32.max else {
            throw SkeinError(.unsupported, "found \(ids.count) nodes, expected fewer than 2³¹")
        }
        return ids
    }
}
