/// Nearest neighbours on a chip.
public struct ChipNearest<Scalar: ClassicScalar>: ChipModel {
    /// The tables.
    public let blob: ModelBlob

    /// Finds the tables.
    public init(_ blob: ModelBlob) { self.blob = blob }

    /// Batches and shares of the stored samples.
    public func supports(_ plan: Plan) -> Bool { plan == .batch || plan == .rows }

    /// The distance of each neighbour.
    public func outcomes(_ samples: Int) -> Int { samples &* blob.word(.k) }

    /// Lays out neighbours, lists and votes.
    public func kernel(
        _ plan: Plan,
        samples: Int,
        workers: Int,
        memory: inout Scratch
    ) -> NearestKernel<Scalar> {
        let (count, k, classes) = (blob.word(.count), blob.word(.k), blob.word(.rows))
        let lists = NearestKernel<Scalar>.scratchCount(
            samples: samples,
            count: 0,
            k: k,
            workers: workers
        )
        return NearestKernel(
            stored: blob.table(.table0),
            classes: blob.table(.table1),
            count: count,
            width: blob.word(.width),
            classCount: classes,
            k: k,
            x: blob.table(.x),
            samples: samples,
            neighbours: memory.take(samples * k),
            labels: memory.take(samples),
            scratch: memory.take(lists),
            votes: memory.take(workers * classes),
            plan: plan,
            workers: workers
        )
    }

    /// Clears the results.
    public func prepare(_ kernel: NearestKernel<Scalar>) {
        for sample in 0..<kernel.samples { kernel.labels[sample] = -1 }
    }

    /// How many samples it was laid out for.
    public func samples(_ kernel: NearestKernel<Scalar>) -> Int { kernel.samples }

    /// The majority.
    public func label(_ kernel: NearestKernel<Scalar>, _ sample: Int) -> Int32 {
        kernel.labels[sample]
    }

    /// A distance.
    public func outcome(_ kernel: NearestKernel<Scalar>, _ index: Int) -> Scalar.Sum {
        kernel.neighbours[index].distance
    }
}

/// The same with all minima found by worker 0: what the lists save is counted against this.
public struct ChipSerialNearest<Scalar: ClassicScalar>: ChipModel {
    /// The tables.
    public let blob: ModelBlob

    /// Finds the tables.
    public init(_ blob: ModelBlob) { self.blob = blob }

    /// Shares of the stored samples, one sample at a time.
    public func supports(_ plan: Plan) -> Bool { plan == .rows }

    /// The distance of each neighbour.
    public func outcomes(_ samples: Int) -> Int { samples &* blob.word(.k) }

    /// Lays out the distances of the first sample.
    public func kernel(
        _ plan: Plan,
        samples: Int,
        workers: Int,
        memory: inout Scratch
    ) -> NearestKernel<Scalar> {
        let (count, k, classes) = (blob.word(.count), blob.word(.k), blob.word(.rows))
        return NearestKernel(
            stored: blob.table(.table0),
            classes: blob.table(.table1),
            count: count,
            width: blob.word(.width),
            classCount: classes,
            k: k,
            x: blob.table(.x),
            samples: 1,
            neighbours: memory.take(k),
            labels: memory.take(1),
            scratch: memory.take(count + workers * k),
            votes: memory.take(classes),
            plan: plan,
            selection: .serial,
            workers: workers
        )
    }

    /// Clears the result.
    public func prepare(_ kernel: NearestKernel<Scalar>) { kernel.labels[0] = -1 }

    /// How many samples it was laid out for.
    public func samples(_ kernel: NearestKernel<Scalar>) -> Int { kernel.samples }

    /// The majority.
    public func label(_ kernel: NearestKernel<Scalar>, _ sample: Int) -> Int32 {
        kernel.labels[sample]
    }

    /// A distance.
    public func outcome(_ kernel: NearestKernel<Scalar>, _ index: Int) -> Scalar.Sum {
        kernel.neighbours[index].distance
    }
}
