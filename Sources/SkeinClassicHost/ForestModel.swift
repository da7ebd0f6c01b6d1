public import SkeinClassic
internal import SkeinCore

/// A decision tree, or a forest of them that votes with its leaves' class proportions.
public struct ForestModel: ClassicModel {
    /// One tree or many.
    public let kind: ClassicKind
    /// The names of the classes.
    public let classes: [String]
    /// D: the features of a sample.
    public let width: Int
    /// The first node of each tree.
    public private(set) var roots: [Int32] = []
    /// The feature of each node; -1 at a leaf.
    public private(set) var features: [Int16] = []
    /// The threshold of each node.
    public private(set) var thresholds: [Float] = []
    /// The right child of each node, or a leaf's row of `leaves`.
    public private(set) var rights: [Int32] = []
    /// `[leaf, class]`: proportions.
    public private(set) var leaves: [Double] = []

    /// Creates a forest without trees.
    public init(_ kind: ClassicKind, classes: [String], width: Int) {
        (self.kind, self.classes, self.width) = (kind, classes, width)
    }

    /// Adds a tree given as linked nodes; nodes that do not form a tree are refused.
    public mutating func append(_ tree: LinkedTree) throws {
        guard width <= Int(Int16.max) else {
            throw SkeinError(.unsupported, "trees take up to 32767 features, got \(width)")
        }
        roots.append(Int32(features.count))
        var waiting: [(node: Int, parent: Int)] = [(0, -1)]
        var visited = 0
        while let (node, parent) = waiting.popLast() {
            visited += 1
            guard node >= 0, node < tree.features.count, visited <= tree.features.count else {
                throw SkeinError(
                    .corruptFile,
                    "tree \(roots.count - 1) refers to node \(node) of \(tree.features.count), or"
                        + " visits a node twice"
                )
            }
            if parent >= 0 { rights[parent] = Int32(features.count) }
            let feature = tree.features[node]
            if feature < 0 {
                features.append(-1)
                thresholds.append(0)
                rights.append(Int32(leaves.count / classes.count))
                leaves += tree.values[node * classes.count..<(node + 1) * classes.count]
            } else {
                guard feature < width else {
                    throw SkeinError(
                        .corruptFile,
                        "tree \(roots.count - 1) compares feature \(feature) of \(width)"
                    )
                }
                waiting.append((tree.rights[node], features.count))
                waiting.append((tree.lefts[node], -1))
                features.append(Int16(feature))
                thresholds.append(floor(tree.thresholds[node]))
                rights.append(-1)
            }
        }
    }

    /// The largest float that is not above a number, so that `x <= t` stays what it was.
    private func floor(_ threshold: Double) -> Float {
        let near = Float(threshold)
        return Double(near) > threshold ? near.nextDown : near
    }

    /// The arrays of scikit-learn's `tree_`, end to end, with `tree_offset`.
    public var arrays: [String: NumberArray] {
        let (nodes, count) = (features.count, classes.count)
        var lefts = [Double](repeating: -1, count: nodes)
        var links = lefts
        var values = [Double](repeating: 0, count: nodes * count)
        for tree in roots.indices {
            let root = Int(roots[tree])
            let end = tree + 1 < roots.count ? Int(roots[tree + 1]) : nodes
            for node in root..<end {
                if features[node] >= 0 {
                    lefts[node] = Double(node + 1 - root)
                    links[node] = Double(Int(rights[node]) - root)
                } else {
                    for index in 0..<count {
                        values[node * count + index] = leaves[Int(rights[node]) * count + index]
                    }
                }
            }
        }
        let offsets = roots.map(Double.init) + [Double(nodes)]
        return [
            "tree_offset": NumberArray(offsets, shape: [offsets.count], isWide: true),
            "feature": NumberArray(features.map { $0 < 0 ? -2 : Double($0) }, shape: [nodes]),
            "threshold": NumberArray(thresholds, shape: [nodes]),
            "children_left": NumberArray(lefts, shape: [nodes], isWide: true),
            "children_right": NumberArray(links, shape: [nodes], isWide: true),
            "value": NumberArray(values, shape: [nodes, count], isWide: true),
        ]
    }

    /// `width`.
    public var parameters: [String: Double] { ["width": Double(width)] }

    /// The nodes that a sample meets in each tree, if it goes either way with the same chance.
    var pathLengths: [Float] {
        let ends = roots.dropFirst().map(Int.init) + [features.count]
        return zip(roots, ends).map { root, end in
            var depths = [Int](repeating: 0, count: end - Int(root))
            var sum: Float = 0
            for node in Int(root)..<end {
                let depth = depths[node - Int(root)]
                guard features[node] >= 0 else {
                    sum += Float(depth + 1) / Float(1 << min(depth, 60))
                    continue
                }
                depths[node + 1 - Int(root)] = depth + 1
                depths[Int(rights[node]) - Int(root)] = depth + 1
            }
            return sum
        }
    }

    /// Trees by worker, and where each worker's begin, so that all have as long to walk.
    func shares(among workers: Int) -> (order: [Int32], bounds: [Int32]) {
        let (costs, trees) = (pathLengths, roots.count)
        var order = [Int32](repeating: 0, count: trees)
        var bounds = [Int32](repeating: 0, count: workers + 1)
        var load = [Float](repeating: 0, count: workers)
        var owner = [Int32](repeating: 0, count: trees)
        costs.withUnsafeBufferPointer { costs in
            order.withUnsafeMutableBufferPointer { order in
                bounds.withUnsafeMutableBufferPointer { bounds in
                    load.withUnsafeMutableBufferPointer { load in
                        owner.withUnsafeMutableBufferPointer { owner in
                            guard let costs = costs.baseAddress, let order = order.baseAddress,
                                let bounds = bounds.baseAddress, let load = load.baseAddress,
                                let owner = owner.baseAddress
                            else { return }
                            assignTrees(
                                costs: costs,
                                trees: trees,
                                workers: workers,
                                order: order,
                                bounds: bounds,
                                load: load,
                                owner: owner
                            )
                        }
                    }
                }
            }
        }
        return (order, bounds)
    }

    /// The class with the largest mean proportion; votes are added in tree order, in 64 bits.
    public func predict(_ table: Table, on team: PoolTeam, plan: Plan?) throws -> Prediction {
        let (n, count, workers) = (table.rows, classes.count, team.workers)
        let plan = plan ?? (n >= workers ? .batch : .rows)
        var scores = [Double](repeating: 0, count: n * count)
        var labels = [Int32](repeating: 0, count: n)
        var scratch = [Double](repeating: 0, count: plan == .batch ? 1 : workers * n * count)
        let (order, bounds) = plan == .batch ? ([0], [0]) : shares(among: workers)
        lend(roots, features, thresholds) { roots, features, thresholds in
            lend(rights, leaves, table.values) { rights, leaves, x in
                scores.withUnsafeMutableBufferPointer { scores in
                    labels.withUnsafeMutableBufferPointer { labels in
                        scratch.withUnsafeMutableBufferPointer { scratch in
                            guard let scores = scores.baseAddress,
                                let labels = labels.baseAddress, let scratch = scratch.baseAddress
                            else { return }
                            let arena = TreeArena<Float, Double>(
                                trees: self.roots.count,
                                classCount: count,
                                roots: roots,
                                features: features,
                                thresholds: thresholds,
                                rights: rights,
                                leaves: leaves
                            )
                            lend(order, bounds, bounds) { order, bounds, _ in
                                team.run(
                                    ForestKernel(
                                        arena,
                                        order: order,
                                        bounds: bounds,
                                        x: x,
                                        samples: n,
                                        width: width,
                                        scores: scores,
                                        labels: labels,
                                        scratch: scratch,
                                        plan: plan,
                                        workers: workers
                                    )
                                )
                            }
                        }
                    }
                }
            }
        }
        let share = 1 / Double(roots.count)
        return Prediction(labels: labels, scores: scores.map { $0 * share }, columns: count)
    }
}

/// A tree as linked nodes, as scikit-learn's `tree_` holds it; node 0 is the root.
public struct LinkedTree: Sendable {
    /// The feature of each node; negative at a leaf.
    public var features: [Int] = []
    /// `x <= threshold` goes left.
    public var thresholds: [Double] = []
    /// The left child of each node.
    public var lefts: [Int] = []
    /// The right child of each node.
    public var rights: [Int] = []
    /// `[node, class]`: class proportions.
    public var values: [Double] = []

    /// Creates a tree without nodes.
    public init() {}
}
