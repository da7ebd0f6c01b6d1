/// One iteration of Lloyd's K-means: assign, sum privately, then reduce the sums in slices.
///
/// Phase 0 assigns samples to their nearest centroid (the lowest of equals) and sums each worker's
/// samples; phase 1 forms new centroids, an empty cluster keeping its old one; phase 2 is worker 0's
/// verdict.
///
/// - Paper: Lloyd 1982, "Least squares quantization in PCM".
@frozen
public struct CentroidKernel<Scalar: ClassicScalar>: PhasedKernel, @unchecked Sendable {
    // Workers write disjoint parts of the lent memory within a phase.
    /// `[samples, width]`.
    public let x: UnsafePointer<Scalar>
    /// How many samples; below 2^23.
    public let samples: Int
    /// D: the number of features.
    public let width: Int
    /// K: the number of clusters.
    public let clusters: Int
    /// `[K, D]`: read, then replaced.
    public let centres: UnsafeMutablePointer<Scalar>
    /// `[samples]`: read to count changes, then replaced.
    public let assignment: UnsafeMutablePointer<Int32>
    /// `sumCount` sums.
    public let sums: UnsafeMutablePointer<Scalar.Sum>
    /// `counterCount` counters.
    public let counters: UnsafeMutablePointer<Int32>
    /// Receives how many assignments changed.
    public let changed: UnsafeMutablePointer<Int32>
    /// Receives the squared way that all centroids moved.
    public let moved: UnsafeMutablePointer<Scalar.Sum>
    /// How many workers share the work.
    public let workers: Int

    /// Lays the work out.
    @inlinable
    public init(
        x: UnsafePointer<Scalar>,
        samples: Int,
        width: Int,
        clusters: Int,
        centres: UnsafeMutablePointer<Scalar>,
        assignment: UnsafeMutablePointer<Int32>,
        sums: UnsafeMutablePointer<Scalar.Sum>,
        counters: UnsafeMutablePointer<Int32>,
        changed: UnsafeMutablePointer<Int32>,
        moved: UnsafeMutablePointer<Scalar.Sum>,
        workers: Int
    ) {
        (self.x, self.samples, self.width, self.clusters) = (x, samples, width, clusters)
        (self.centres, self.assignment) = (centres, assignment)
        (self.sums, self.counters) = (sums, counters)
        (self.changed, self.moved, self.workers) = (changed, moved, workers)
    }

    /// How many sums a run needs: of each cluster's features and of the movement, a worker.
    @inlinable
    public static func sumCount(clusters: Int, width: Int, workers: Int) -> Int {
        workers * (clusters * width + 1)
    }

    /// How many counters a run needs: of each cluster's samples and of the changes, a worker.
    @inlinable
    public static func counterCount(clusters: Int, workers: Int) -> Int {
        workers * (clusters + 1)
    }

    /// Assign, reduce, judge.
    @inlinable
    public var phases: Int { 3 }

    /// Runs one worker's share.
    @inlinable
    public func run(phase: Int, worker: Int) {
        switch phase {
        case 0: assign(worker)
        case 1: reduce(worker)
        default: if worker == 0 { judge() }
        }
    }

    @inlinable
    func assign(_ worker: Int) {
        let own = sums + worker * (clusters * width + 1)
        let counts = counters + worker * (clusters + 1)
        for index in 0...clusters * width { own[index] = .zero }
        for index in 0...clusters { counts[index] = 0 }
        for sample in share(samples, worker: worker, of: workers) {
            let point = x + sample &* width
            var best = 0
            var least = Scalar.distance(point, centres, width)
            for cluster in 1..<max(clusters, 1) {
                let distance = Scalar.distance(point, centres + cluster &* width, width)
                if distance < least { (best, least) = (cluster, distance) }
            }
            if assignment[sample] != Int32(truncatingIfNeeded: best) {
                counts[clusters] &+= 1
                assignment[sample] = Int32(truncatingIfNeeded: best)
            }
            let sum = own + best &* width
            for feature in 0..<width {
                sum[feature] = sum[feature] &+ Scalar.widened(point[feature])
            }
            counts[best] &+= 1
        }
    }

    @inlinable
    func reduce(_ worker: Int) {
        let stride = clusters * width + 1
        var moved = Scalar.Sum.zero
        for entry in share(clusters * width, worker: worker, of: workers) {
            let cluster = entry / width
            var total = Scalar.Sum.zero
            var count: Int32 = 0
            for other in 0..<workers {
                total = total &+ sums[other &* stride &+ entry]
                count &+= counters[other &* (clusters &+ 1) &+ cluster]
            }
            guard count > 0 else { continue }
            let value = Scalar.mean(total, count)
            moved = moved &+ Scalar.square(value, centres[entry])
            centres[entry] = value
        }
        sums[worker * stride + stride - 1] = moved
    }

    @inlinable
    func judge() {
        (changed[0], moved[0]) = (0, .zero)
        for worker in 0..<workers {
            changed[0] &+= counters[worker * (clusters + 1) + clusters]
            moved[0] = moved[0] &+ sums[(worker + 1) * (clusters * width + 1) - 1]
        }
    }
}
