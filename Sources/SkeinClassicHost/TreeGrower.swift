/// Grows one classification tree, depth first.
struct TreeGrower {
    private let data: RankedTable
    private let weights: [Int32]
    private let choice: Int
    private let depth: Int
    private let splitSize: Int
    private var random: SplitMix
    private var samples: [Int32]
    private var columns: [Int]
    private var spare: [Int32]
    private var histogram: [Int32]
    private var tree = LinkedTree()

    init(
        _ data: RankedTable,
        weights: [Int32],
        choice: Int,
        depth: Int,
        splitSize: Int,
        random: SplitMix
    ) {
        (self.data, self.weights, self.choice) = (data, weights, choice)
        (self.depth, self.splitSize, self.random) = (depth, splitSize, random)
        samples = (0..<data.rows).filter { weights[$0] > 0 }.map { Int32($0) }
        columns = Array(0..<data.width)
        spare = [Int32](repeating: 0, count: samples.count)
        let most = data.distinct.map(\.count).max() ?? 0
        histogram = [Int32](repeating: 0, count: most * data.classCount)
    }

    private struct Split {
        var merit: Double
        var column: Int
        var low: Int
        var high: Int
    }

    mutating func grow() -> LinkedTree {
        var waiting: [(range: Range<Int>, level: Int, parent: Int)] = [(0..<samples.count, 0, -1)]
        while let (range, level, parent) = waiting.popLast() {
            let node = tree.features.count
            if parent >= 0 {
                if tree.lefts[parent] < 0 {
                    tree.lefts[parent] = node
                } else {
                    tree.rights[parent] = node
                }
            }
            var counts = [Double](repeating: 0, count: data.classCount)
            for place in range {
                let sample = Int(samples[place])
                counts[Int(data.labels[sample])] += Double(weights[sample])
            }
            let total = counts.reduce(0, +)
            tree.features.append(-2)
            tree.thresholds.append(0)
            tree.lefts.append(-1)
            tree.rights.append(-1)
            tree.values += counts.map { $0 / total }
            let isPure = counts.contains(total)
            guard !isPure, level < depth, range.count >= splitSize, range.count > 1,
                let split = bestSplit(range, counts)
            else { continue }
            let distinct = data.distinct[split.column]
            let low = Double(distinct[split.low])
            tree.features[node] = split.column
            tree.thresholds[node] = (low + Double(distinct[split.high])) / 2
            let middle = partition(range, split)
            waiting.append((middle..<range.upperBound, level + 1, node))
            waiting.append((range.lowerBound..<middle, level + 1, node))
        }
        return tree
    }

    /// Tries features in random order until enough that vary have been seen.
    private mutating func bestSplit(_ range: Range<Int>, _ counts: [Double]) -> Split? {
        var best: Split?
        var seen = 0
        for turn in 0..<data.width {
            if seen >= choice { break }
            let other = turn + random.below(data.width - turn)
            columns.swapAt(turn, other)
            guard let split = split(columns[turn], range, counts) else { continue }
            seen += 1
            if split.merit > best?.merit ?? -.infinity { best = split }
        }
        return best
    }

    /// The best threshold of one feature by a histogram, or by sorting where values are many.
    private mutating func split(_ column: Int, _ range: Range<Int>, _ counts: [Double]) -> Split? {
        let classes = data.classCount
        let bins = data.distinct[column].count
        guard bins > 1 else { return nil }
        let base = column * data.rows
        var sweep = Sweep(counts)
        if bins <= 4 * range.count {
            data.ranks.withUnsafeBufferPointer { ranks in
                for place in range {
                    let sample = Int(samples[place])
                    let slot = Int(ranks[base + sample]) * classes + Int(data.labels[sample])
                    histogram[slot] += weights[sample]
                }
            }
            for bin in 0..<bins {
                sweep.begin(bin)
                for index in 0..<classes where histogram[bin * classes + index] != 0 {
                    sweep.add(index, Double(histogram[bin * classes + index]))
                    histogram[bin * classes + index] = 0
                }
            }
        } else {
            var keys = range.map { place -> UInt64 in
                let sample = Int(samples[place])
                return UInt64(data.ranks[base + sample]) << 32 | UInt64(sample)
            }
            keys.sort()
            for key in keys {
                let sample = Int(key & 0xffff_ffff)
                sweep.begin(Int(key >> 32))
                sweep.add(Int(data.labels[sample]), Double(weights[sample]))
            }
        }
        guard sweep.merit > -.infinity else { return nil }
        return Split(merit: sweep.merit, column: column, low: sweep.low, high: sweep.high)
    }

    /// Moves a range's samples that go left to its front, keeping order.
    private mutating func partition(_ range: Range<Int>, _ split: Split) -> Int {
        var middle = range.lowerBound
        var others = 0
        for place in range {
            let sample = samples[place]
            if Int(data.ranks[split.column * data.rows + Int(sample)]) <= split.low {
                samples[middle] = sample
                middle += 1
            } else {
                spare[others] = sample
                others += 1
            }
        }
        for index in 0..<others { samples[middle + index] = spare[index] }
        return middle
    }
}

/// Moves weight from right to left in the order of a feature's values and remembers the best cut.
private struct Sweep {
    private(set) var merit = -Double.infinity
    private(set) var low = 0
    private(set) var high = 0
    private var left: [Double]
    private var right: [Double]
    private var leftTotal = 0.0
    private var rightTotal: Double
    private var leftSquares = 0.0
    private var rightSquares: Double
    private var last = -1
    private var pending = -1

    init(_ counts: [Double]) {
        right = counts
        left = [Double](repeating: 0, count: counts.count)
        rightTotal = counts.reduce(0, +)
        rightSquares = counts.reduce(0) { $0 + $1 * $1 }
    }

    /// Announces the value of what is added next.
    mutating func begin(_ value: Int) { pending = value }

    /// Moves weight of one class to the left, judging the cut before a new value.
    mutating func add(_ index: Int, _ weight: Double) {
        if pending != last {
            if last >= 0 {
                let now = leftSquares / leftTotal + rightSquares / rightTotal
                if now > merit { (merit, low, high) = (now, last, pending) }
            }
            last = pending
        }
        leftSquares += weight * (2 * left[index] + weight)
        rightSquares -= weight * (2 * right[index] - weight)
        left[index] += weight
        right[index] -= weight
        leftTotal += weight
        rightTotal -= weight
    }
}
