/// One iteration of K-means over the samples of the blob.
public struct ChipIteration<Scalar: ClassicScalar>: ChipModel {
    /// The tables.
    public let blob: ModelBlob

    /// Finds the tables.
    public init(_ blob: ModelBlob) { self.blob = blob }

    /// Shares of the samples, summed in a copy a worker or in one.
    public func supports(_ plan: Plan) -> Bool { plan.isByBatch }

    /// The centroids, and how far they moved.
    public func outcomes(_ samples: Int) -> Int {
        blob.word(.rows) &* blob.word(.width) &+ 1
    }

    /// Lays out centroids, sums and counters.
    public func kernel(
        _ plan: Plan,
        samples: Int,
        workers: Int,
        memory: inout Scratch
    ) -> CentroidKernel<Scalar> {
        let (clusters, width) = (blob.word(.rows), blob.word(.width))
        let copies = plan == .turns ? 1 : workers
        return CentroidKernel(
            x: blob.table(.x),
            samples: samples,
            width: width,
            clusters: clusters,
            centres: memory.take(clusters * width),
            assignment: memory.take(samples),
            sums: memory.take(
                CentroidKernel<Scalar>.sumCount(
                    clusters: clusters,
                    width: width,
                    copies: copies,
                    workers: workers
                )
            ),
            counters: memory.take(
                CentroidKernel<Scalar>.counterCount(
                    clusters: clusters,
                    copies: copies,
                    workers: workers
                )
            ),
            changed: memory.take(1),
            moved: memory.take(1),
            isShared: plan == .turns,
            workers: workers
        )
    }

    /// Puts the centroids back where they begin.
    public func prepare(_ kernel: CentroidKernel<Scalar>) {
        let start = blob.table(.table0, of: Scalar.self)
        for index in 0..<kernel.clusters * kernel.width { kernel.centres[index] = start[index] }
        for sample in 0..<kernel.samples { kernel.assignment[sample] = -1 }
    }

    /// How many samples it was laid out for.
    public func samples(_ kernel: CentroidKernel<Scalar>) -> Int { kernel.samples }

    /// A sample's cluster.
    public func label(_ kernel: CentroidKernel<Scalar>, _ sample: Int) -> Int32 {
        kernel.assignment[sample]
    }

    /// A value of a centroid; after all of them the way they moved.
    public func outcome(_ kernel: CentroidKernel<Scalar>, _ index: Int) -> Scalar.Sum {
        index < kernel.clusters &* kernel.width
            ? Scalar.widened(kernel.centres[index]) : kernel.moved[0]
    }
}
