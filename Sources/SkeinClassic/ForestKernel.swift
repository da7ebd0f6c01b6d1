/// Decision trees in one arena, depth first: a node's left child is the next node.
///
/// `x[feature] <= threshold` goes left. A leaf has feature -1 and its row of `leaves` in `right`.
@frozen
public struct TreeArena<Scalar: ClassicScalar, Vote>: @unchecked Sendable
where Vote: Comparable & AdditiveArithmetic & BitwiseCopyable {
    // The memory is lent for the kernel's run and only read.
    /// The number of trees.
    public let trees: Int
    /// The number of classes.
    public let classCount: Int
    /// The first node of each tree.
    public let roots: UnsafePointer<Int32>
    /// The feature a node compares; -1 at a leaf.
    public let features: UnsafePointer<Int16>
    /// What it is compared with.
    public let thresholds: UnsafePointer<Scalar>
    /// The right child, or a leaf's row of `leaves`.
    public let rights: UnsafePointer<Int32>
    /// `[leaf, class]`: what a leaf votes.
    public let leaves: UnsafePointer<Vote>

    /// Lends trees.
    @inlinable
    public init(
        trees: Int,
        classCount: Int,
        roots: UnsafePointer<Int32>,
        features: UnsafePointer<Int16>,
        thresholds: UnsafePointer<Scalar>,
        rights: UnsafePointer<Int32>,
        leaves: UnsafePointer<Vote>
    ) {
        (self.trees, self.classCount, self.roots) = (trees, classCount, roots)
        (self.features, self.thresholds) = (features, thresholds)
        (self.rights, self.leaves) = (rights, leaves)
    }

    /// The votes of the leaf that a sample reaches.
    @inlinable
    public func leaf(_ tree: Int, _ x: UnsafePointer<Scalar>) -> UnsafePointer<Vote> {
        var node = Int(truncatingIfNeeded: roots[tree])
        while true {
            let feature = Int(truncatingIfNeeded: features[node])
            if feature < 0 { return leaves + Int(truncatingIfNeeded: rights[node]) * classCount }
            node = x[feature] <= thresholds[node] ? node + 1 : Int(truncatingIfNeeded: rights[node])
        }
    }
}

/// The vote of a forest: trees shared among workers for one sample, or samples for a batch.
@frozen
public struct ForestKernel<Scalar: ClassicScalar, Vote>: PhasedKernel, @unchecked Sendable
where Vote: Comparable & AdditiveArithmetic & BitwiseCopyable {
    // Workers write disjoint parts of the lent memory within a phase.
    /// The trees.
    public let arena: TreeArena<Scalar, Vote>
    /// Trees ordered by worker; `nil` means equal shares in tree order.
    public let order: UnsafePointer<Int32>?
    /// `[workers + 1]`: where each worker's part of `order` begins.
    public let bounds: UnsafePointer<Int32>?
    /// `[samples, width]`.
    public let x: UnsafePointer<Scalar>
    /// How many samples.
    public let samples: Int
    /// D: the number of features.
    public let width: Int
    /// `[samples, classes]`: receives the sums of votes.
    public let scores: UnsafeMutablePointer<Vote>
    /// `[samples]`: receives the first class with most votes.
    public let labels: UnsafeMutablePointer<Int32>
    /// `[workers, samples, classes]`, used by the rows plan.
    public let scratch: UnsafeMutablePointer<Vote>
    /// Batch or rows.
    public let isBatch: Bool
    /// How many workers share the work.
    public let workers: Int

    /// Lays the work out.
    @inlinable
    public init(
        _ arena: TreeArena<Scalar, Vote>,
        order: UnsafePointer<Int32>? = nil,
        bounds: UnsafePointer<Int32>? = nil,
        x: UnsafePointer<Scalar>,
        samples: Int,
        width: Int,
        scores: UnsafeMutablePointer<Vote>,
        labels: UnsafeMutablePointer<Int32>,
        scratch: UnsafeMutablePointer<Vote>,
        plan: Plan,
        workers: Int
    ) {
        (self.arena, self.order, self.bounds) = (arena, order, bounds)
        (self.x, self.samples, self.width) = (x, samples, width)
        (self.scores, self.labels, self.scratch) = (scores, labels, scratch)
        (self.isBatch, self.workers) = (plan.isByBatch, workers)
    }

    /// One for the batch plan, else two.
    @inlinable
    public var phases: Int { isBatch ? 1 : 2 }

    /// Walks trees, or adds votes.
    @inlinable
    public func run(phase: Int, worker: Int) {
        let classes = arena.classCount
        if isBatch {
            for sample in share(samples, worker: worker, of: workers) {
                let target = scores + sample * classes
                for index in 0..<classes { target[index] = .zero }
                for tree in 0..<arena.trees { add(tree, sample, to: target) }
                labels[sample] = best(target)
            }
        } else if phase == 0 {
            let block = scratch + worker * samples * classes
            for index in 0..<samples * classes { block[index] = .zero }
            if let order, let bounds {
                for place in Int(
                    truncatingIfNeeded: bounds[worker]
                )..<Int(truncatingIfNeeded: bounds[worker + 1]) {
                    for sample in 0..<samples {
                        add(
                            Int(truncatingIfNeeded: order[place]),
                            sample,
                            to: block + sample * classes
                        )
                    }
                }
            } else {
                for tree in share(arena.trees, worker: worker, of: workers) {
                    for sample in 0..<samples { add(tree, sample, to: block + sample * classes) }
                }
            }
        } else {
            for sample in share(samples, worker: worker, of: workers) {
                let target = scores + sample * classes
                for index in 0..<classes {
                    var sum = scratch[sample * classes + index]
                    for other in 1..<max(workers, 1) {
                        sum += scratch[(other * samples + sample) * classes + index]
                    }
                    target[index] = sum
                }
                labels[sample] = best(target)
            }
        }
    }

    @inlinable
    func add(_ tree: Int, _ sample: Int, to target: UnsafeMutablePointer<Vote>) {
        let votes = arena.leaf(tree, x + sample * width)
        for index in 0..<arena.classCount { target[index] += votes[index] }
    }

    @inlinable
    func best(_ scores: UnsafePointer<Vote>) -> Int32 {
        var best = 0
        for index in 1..<max(arena.classCount, 1) where scores[index] > scores[best] {
            best = index
        }
        return Int32(truncatingIfNeeded: best)
    }
}

/// Longest processing time first: gives each tree, dearest first, to the least busy worker.
///
/// `order` receives the trees grouped by worker, `bounds` where each group begins; `load` and `owner`
/// are scratch of `workers` and `trees` values.
@inlinable
public func assignTrees(
    costs: UnsafePointer<Float>,
    trees: Int,
    workers: Int,
    order: UnsafeMutablePointer<Int32>,
    bounds: UnsafeMutablePointer<Int32>,
    load: UnsafeMutablePointer<Float>,
    owner: UnsafeMutablePointer<Int32>
) {
    for worker in 0..<workers { load[worker] = 0 }
    for tree in 0..<trees { owner[tree] = -1 }
    for _ in 0..<trees {
        var dearest = -1
        for tree in 0..<trees where owner[tree] < 0 {
            if dearest < 0 || costs[tree] > costs[dearest] { dearest = tree }
        }
        var idlest = 0
        for worker in 1..<max(workers, 1) where load[worker] < load[idlest] { idlest = worker }
        owner[dearest] = Int32(truncatingIfNeeded: idlest)
        load[idlest] += costs[dearest]
    }
    var place = 0
    for worker in 0..<workers {
        bounds[worker] = Int32(truncatingIfNeeded: place)
        for tree in 0..<trees where Int(truncatingIfNeeded: owner[tree]) == worker {
            order[place] = Int32(truncatingIfNeeded: tree)
            place += 1
        }
    }
    bounds[workers] = Int32(truncatingIfNeeded: place)
}
