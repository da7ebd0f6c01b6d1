internal import SkeinCore

/// The map between a file's ids and dense node numbers.
enum NodeIDs {
    /// The distinct ids of some lists, ascending.
    static func distinct(_ lists: [Int64]...) throws -> [Int64] {
        var all = Array(lists.joined())
        all.sort()
        var length = 0
        for index in all.indices where index == 0 || all[index] != all[index - 1] {
            all[length] = all[index]
            length += 1
        }
        all.removeSubrange(length...)
        guard all.count < Int32.max else {
            throw SkeinError(.unsupported, "found \(all.count) nodes, expected fewer than 2³¹")
        }
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
    struct Lookup {
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
