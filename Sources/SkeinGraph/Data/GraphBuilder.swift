internal import SkeinCore
internal import SkeinTensor

/// Builds the rows of a graph from edges that are passed over several times instead of being kept.
///
/// Rows are made in bands of neighbouring nodes; each band takes one pass, so that memory for a band
/// is enough for any graph.
struct GraphBuilder {
    /// Edges between node numbers, in any order and direction.
    struct Edges: Sendable {
        var sources: [Int32]
        var destinations: [Int32]
        /// One an edge; none when all are one.
        var weights: [Float] = []
    }

    /// One direction of an edge.
    struct Entry: Comparable {
        var target: Int32
        var weight: Float

        static func < (a: Entry, b: Entry) -> Bool {
            a.target != b.target ? a.target < b.target : a.weight < b.weight
        }
    }

    /// Finished rows of neighbouring nodes.
    struct Band {
        var nodes: Range<Int>
        /// How many entries each row has.
        var lengths: [Int]
        /// The rows, with gaps: row `i` starts at `starts[i]`.
        var starts: [Int]
        var entries: EntryArray
    }

    /// Entries that pieces of work fill side by side.
    final class EntryArray: @unchecked Sendable {
        // Invariant: every piece of work writes its own rows, and nobody reads before all are done.
        let base: UnsafeMutablePointer<Entry>
        private let storage: Storage

        init(count: Int) {
            storage = Storage(byteCount: max(count, 1) * MemoryLayout<Entry>.stride)
            base = storage.base.bindMemory(to: Entry.self, capacity: max(count, 1))
        }
    }

    let nodeCount: Int
    let compute: GraphCompute
    /// How many entries each node has before repeats are joined.
    private var counts: [Int]
    /// Hands over all edges, some at a time, the same ones at every call.
    private let edges: (_ body: ([Edges]) -> Void) throws -> Void

    init(
        nodeCount: Int,
        compute: GraphCompute,
        edges: @escaping (_ body: ([Edges]) -> Void) throws -> Void
    ) throws {
        self.nodeCount = nodeCount
        self.compute = compute
        self.edges = edges
        var counts = [Int](repeating: 0, count: nodeCount)
        try edges { lists in
            for list in lists {
                for (a, b) in zip(list.sources, list.destinations) where a != b {
                    counts[Int(a)] += 1
                    counts[Int(b)] += 1
                }
            }
        }
        self.counts = counts
    }

    /// Makes all rows, band by band.
    ///
    /// - Parameters:
    ///   - bandEntries: The most entries of a band, unless one node has more.
    ///   - body: Takes a band.
    /// - Throws: What reading the edges or `body` throws.
    func forEachBand(entries bandEntries: Int = .max, _ body: (Band) throws -> Void) throws {
        var first = 0
        repeat {
            var (end, size) = (first, 0)
            while end < nodeCount, end == first || size + counts[end] <= bandEntries {
                size += counts[end]
                end += 1
            }
            try body(try band(first..<end, size))
            first = end
        } while first < nodeCount
    }

    private func band(_ nodes: Range<Int>, _ size: Int) throws -> Band {
        var sum = 0
        let starts = nodes.map { node in
            defer { sum += counts[node] }
            return sum
        }
        let entries = EntryArray(count: size)
        let cursor = Cursor(starts)
        // Every thread fills the rows of its own share of the entries.
        let threads = nodes.count < 1024 ? 1 : compute.threads
        let shares = (0...threads).map { share -> Int in
            share == threads
                ? nodes.upperBound
                : nodes.lowerBound + starts.firstIndex(above: size * share / threads)
        }
        try edges { lists in
            compute.run(tasks: threads) { share in
                let own = Int32(shares[share])..<Int32(shares[share + 1])
                let base = nodes.lowerBound
                func put(_ a: Int32, _ b: Int32, _ weight: Float) {
                    let row = Int(a) - base
                    entries.base[cursor.base[row]] = Entry(target: b, weight: weight)
                    cursor.base[row] += 1
                }
                for list in lists {
                    let isWeighted = !list.weights.isEmpty
                    for index in list.sources.indices {
                        let (a, b) = (list.sources[index], list.destinations[index])
                        guard a != b else { continue }
                        let weight = isWeighted ? list.weights[index] : 1
                        if own.contains(a) { put(a, b, weight) }
                        if own.contains(b) { put(b, a, weight) }
                    }
                }
            }
        }
        // From here the cursor holds lengths.
        compute.run(count: nodes.count, size: 1024) { range in
            for row in range {
                let start = starts[row]
                let count = cursor.base[row] - start
                cursor.base[row] = Self.join(entries.base + start, count)
            }
        }
        let lengths = Array(UnsafeBufferPointer(start: cursor.base, count: nodes.count))
        return Band(nodes: nodes, lengths: lengths, starts: starts, entries: entries)
    }

    /// Sorts a row and sums repeats; how many entries are left.
    private static func join(_ row: UnsafeMutablePointer<Entry>, _ count: Int) -> Int {
        var buffer = UnsafeMutableBufferPointer(start: row, count: count)
        buffer.sort()
        var length = 0
        for index in 0..<count {
            if length > 0, row[length - 1].target == row[index].target {
                row[length - 1].weight += row[index].weight
            } else {
                row[length] = row[index]
                length += 1
            }
        }
        return length
    }

    /// Where each row's next entry goes.
    private final class Cursor: @unchecked Sendable {
        // Invariant: every piece of work writes its own rows.
        let base: UnsafeMutablePointer<Int>

        init(_ starts: [Int]) {
            base = .allocate(capacity: max(starts.count, 1))
            for (index, start) in starts.enumerated() { base[index] = start }
        }

        deinit { base.deallocate() }
    }
}

extension [Int] {
    /// The first position of an ascending list whose value is not below a bound.
    fileprivate func firstIndex(above bound: Int) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < bound { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension Graph.Arrays {
    /// All rows of a builder, and how many entries they have.
    static func rows(of builder: GraphBuilder) throws -> (Graph.Arrays, Int) {
        var result: (Graph.Arrays, Int)?
        try builder.forEachBand { band in
            let total = band.lengths.reduce(0, +)
            let isUniform = band.lengths.indices.allSatisfy { row in
                (0..<band.lengths[row]).allSatisfy {
                    band.entries.base[band.starts[row] + $0].weight == band.first?.weight
                }
            }
            let arrays = Graph.Arrays(
                nodes: builder.nodeCount,
                entries: total,
                isWeighted: !isUniform
            )
            for (row, length) in band.lengths.enumerated() {
                arrays.offsets[row + 1] = arrays.offsets[row] + Int64(length)
            }
            builder.compute.run(count: band.lengths.count, size: 4096) { range in
                for row in range {
                    let (from, to) = (band.starts[row], Int(arrays.offsets[row]))
                    for index in 0..<band.lengths[row] {
                        arrays.targets[to + index] = band.entries.base[from + index].target
                        arrays.weights?[to + index] = band.entries.base[from + index].weight
                    }
                }
            }
            result = (arrays, total)
        }
        return result ?? (Graph.Arrays(nodes: 0, entries: 0, isWeighted: false), 0)
    }
}

extension GraphBuilder.Band {
    /// The first entry of all.
    var first: GraphBuilder.Entry? {
        lengths.firstIndex { $0 > 0 }.map { entries.base[starts[$0]] }
    }
}
