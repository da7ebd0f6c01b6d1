internal import SkeinCore
internal import SkeinTensor
internal import Synchronization

/// Fits a decision tree or a random forest of classification trees by Gini impurity.
///
/// - Paper: Breiman 2001, "Random forests", section 3: bootstrap samples, a random choice of features
///   at each node.
public struct ForestFit: Sendable {
    /// How many trees; 1 with `isForest` false is a plain decision tree.
    public var trees: Int
    /// Whether trees see bootstrap samples and √D features a node.
    public var isForest: Bool
    /// The deepest level; `nil` grows until leaves are pure.
    public var depth: Int?
    /// The fewest samples that are split.
    public var splitSize: Int
    /// Of the draws.
    public var seed: UInt64

    /// Chooses the hyper-parameters.
    public init(
        trees: Int = 100,
        isForest: Bool = true,
        depth: Int? = nil,
        splitSize: Int = 2,
        seed: UInt64 = 0
    ) {
        (self.trees, self.isForest, self.depth) = (trees, isForest, depth)
        (self.splitSize, self.seed) = (splitSize, seed)
    }

    /// Fits a model to samples of at least two classes; trees grow in parallel.
    public func fit(_ data: Dataset, on team: PoolTeam) throws -> ForestModel {
        try requireClasses(data, isForest ? .randomForest : .decisionTree)
        guard trees > 0 else { throw SkeinError(.invalidArgument, "a forest of \(trees) trees") }
        let (n, d) = (data.table.rows, data.table.width)
        let ranked = RankedTable(data, on: team)
        let grown = Grown(trees)
        let choice = isForest ? max(1, Int(Double(d).squareRoot())) : d
        let (isForest, depth, splitSize, seed) = (isForest, depth ?? .max, splitSize, seed)
        team.processor.pool.run(tasks: trees) { tree in
            var random = SplitMix(
                state: seed &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(tree) &* 0xd1b5_4a33
            )
            var weights = [Int32](repeating: isForest ? 0 : 1, count: n)
            if isForest { for _ in 0..<n { weights[random.below(n)] += 1 } }
            var grower = TreeGrower(
                ranked,
                weights: weights,
                choice: choice,
                depth: depth,
                splitSize: splitSize,
                random: random
            )
            let result = grower.grow()
            grown.trees.withLock { $0[tree] = result }
        }
        var model = ForestModel(
            isForest ? .randomForest : .decisionTree,
            classes: data.classes,
            width: d
        )
        for tree in grown.trees.withLock({ $0 }) { try model.append(tree) }
        return model
    }

    private final class Grown: Sendable {
        let trees: Mutex<[LinkedTree]>
        init(_ count: Int) { trees = Mutex(Array(repeating: LinkedTree(), count: count)) }
    }
}

/// A small sequential generator, one a tree.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }
}

/// Samples whose values are replaced by their rank among the column's distinct values.
///
/// Splits are exact: a histogram over distinct values finds the same thresholds as sorting.
struct RankedTable: Sendable {
    let rows: Int
    let width: Int
    let classCount: Int
    let labels: [Int32]
    let ranks: [Int32]  // (width, rows)
    let distinct: [[Float]]

    init(_ data: Dataset, on team: PoolTeam) {
        let (n, d) = (data.table.rows, data.table.width)
        (rows, width, classCount, labels) = (n, d, data.classes.count, data.labels)
        var ranks = [Int32](repeating: 0, count: n * d)
        let columns = Columns(d)
        let values = data.table.values
        ranks.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let ranks = buffer
            team.processor.pool.run(tasks: d) { column in
                var keys = (0..<n).map { row in
                    UInt64(orderedBits(values[row * d + column])) << 32 | UInt64(row)
                }
                keys.sort()
                var distinct: [Float] = []
                for key in keys {
                    let row = Int(key & 0xffff_ffff)
                    let value = values[row * d + column]
                    if distinct.last != value { distinct.append(value) }
                    ranks[column * n + row] = Int32(distinct.count - 1)
                }
                columns.all.withLock { $0[column] = distinct }
            }
        }
        self.ranks = ranks
        distinct = columns.all.withLock { $0 }
    }

    private final class Columns: Sendable {
        let all: Mutex<[[Float]]>
        init(_ count: Int) { all = Mutex(Array(repeating: [], count: count)) }
    }
}

/// Bits that sort as the floats do.
private func orderedBits(_ value: Float) -> UInt32 {
    let bits = (value + 0).bitPattern
    return bits >> 31 == 0 ? bits | 0x8000_0000 : ~bits
}
