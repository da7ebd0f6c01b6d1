/// Trees on a chip; one sample's trees are assigned to workers by their expected cost.
public struct ChipForest<Scalar: ClassicScalar>: ChipModel {
    /// The tables.
    public let blob: ModelBlob

    /// Finds the tables.
    public init(_ blob: ModelBlob) { self.blob = blob }

    /// Batches, and shares of the trees.
    public func supports(_ plan: Plan) -> Bool { plan == .batch || plan == .rows }

    /// One a sample and class.
    public func outcomes(_ samples: Int) -> Int { samples &* blob.word(.rows) }

    /// Lays out votes and the order of the trees.
    public func kernel(
        _ plan: Plan,
        samples: Int,
        workers: Int,
        memory: inout Scratch
    ) -> ForestKernel<Scalar, Scalar.Sum> {
        let (trees, classes) = (blob.word(.count), blob.word(.rows))
        let arena = TreeArena<Scalar, Scalar.Sum>(
            trees: trees,
            classCount: classes,
            roots: blob.table(.table0),
            features: blob.table(.table1),
            thresholds: blob.table(.table2),
            rights: blob.table(.table3),
            leaves: blob.table(.table4)
        )
        // Behind the order the owners, behind the bounds the loads: see `prepare`.
        let order = memory.take(2 * trees, of: Int32.self)
        let bounds = memory.take(2 * workers + 1, of: Int32.self)
        return ForestKernel(
            arena,
            order: UnsafePointer(order),
            bounds: UnsafePointer(bounds),
            x: blob.table(.x),
            samples: samples,
            width: blob.word(.width),
            scores: memory.take(samples * classes),
            labels: memory.take(samples),
            scratch: memory.take(plan == .batch ? 1 : workers * samples * classes),
            plan: plan,
            workers: workers
        )
    }

    /// Clears the results and assigns the trees.
    public func prepare(_ kernel: ForestKernel<Scalar, Scalar.Sum>) {
        if let order = kernel.order, let bounds = kernel.bounds {
            let target = UnsafeMutablePointer(mutating: order)
            let limits = UnsafeMutablePointer(mutating: bounds)
            assignTrees(
                costs: blob.table(.table5),
                trees: kernel.arena.trees,
                workers: kernel.workers,
                order: target,
                bounds: limits,
                load: UnsafeMutableRawPointer(limits + kernel.workers + 1)
                    .assumingMemoryBound(to: Float.self),
                owner: target + kernel.arena.trees
            )
        }
        for index in 0..<outcomes(kernel.samples) { kernel.scores[index] = .zero }
        for sample in 0..<kernel.samples { kernel.labels[sample] = -1 }
    }

    /// How many samples it was laid out for.
    public func samples(_ kernel: ForestKernel<Scalar, Scalar.Sum>) -> Int { kernel.samples }

    /// The class with most votes.
    public func label(_ kernel: ForestKernel<Scalar, Scalar.Sum>, _ sample: Int) -> Int32 {
        kernel.labels[sample]
    }

    /// The votes of a class.
    public func outcome(_ kernel: ForestKernel<Scalar, Scalar.Sum>, _ index: Int) -> Scalar.Sum {
        kernel.scores[index]
    }
}
