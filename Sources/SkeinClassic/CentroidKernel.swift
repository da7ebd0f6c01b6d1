/// One iteration of Lloyd's K-means: assign, sum privately, then reduce the sums in slices.
///
/// Phase 0 assigns samples to their nearest centroid (the lowest of equals) and sums each worker's
/// samples; phase 1 forms new centroids, an empty cluster keeping its old one; phase 2 is worker 0's
/// verdict.
///
/// - Paper: Lloyd 1982, "Least squares quantization in PCM".
@frozen
public struct CentroidKernel: PhasedKernel, @unchecked Sendable {
    // Workers write disjoint parts of the lent memory within a phase.
    /// `[samples, width]`.
    public let x: UnsafePointer<Float>
    /// How many samples.
    public let samples: Int
    /// D: the number of features.
    public let width: Int
    /// K: the number of clusters.
    public let clusters: Int
    /// `[K, D]`: read, then replaced.
    public let centres: UnsafeMutablePointer<Float>
    /// `[samples]`: read to count changes, then replaced.
    public let assignment: UnsafeMutablePointer<Int32>
    /// `scratchCount` floats.
    public let scratch: UnsafeMutablePointer<Float>
    /// Two values: how many assignments changed, and the squared way all centroids moved.
    public let verdict: UnsafeMutablePointer<Float>
    /// How many workers share the work.
    public let workers: Int

    /// Lays the work out.
    @inlinable
    public init(
        x: UnsafePointer<Float>,
        samples: Int,
        width: Int,
        clusters: Int,
        centres: UnsafeMutablePointer<Float>,
        assignment: UnsafeMutablePointer<Int32>,
        scratch: UnsafeMutablePointer<Float>,
        verdict: UnsafeMutablePointer<Float>,
        workers: Int
    ) {
        (self.x, self.samples, self.width, self.clusters) = (x, samples, width, clusters)
        (self.centres, self.assignment, self.scratch) = (centres, assignment, scratch)
        (self.verdict, self.workers) = (verdict, workers)
    }

    /// How many floats the scratch memory must hold: sums, counts, changes and movement a worker.
    @inlinable
    public static func scratchCount(clusters: Int, width: Int, workers: Int) -> Int {
        workers * (clusters * (width + 1) + 2)
    }

    /// Assign, reduce, judge.
    @inlinable
    public var phases: Int { 3 }

    @inlinable
    var stride: Int { clusters * (width + 1) + 2 }

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
        let sums = scratch + worker * stride
        let counts = sums + clusters * width
        for index in 0..<stride { sums[index] = 0 }
        var changed: Float = 0
        for sample in share(samples, worker: worker, of: workers) {
            let point = x + sample * width
            var best = 0
            var least = Float.distance(point, centres, width)
            for cluster in 1..<max(clusters, 1) {
                let distance = Float.distance(point, centres + cluster * width, width)
                if distance < least { (best, least) = (cluster, distance) }
            }
            if assignment[sample] != Int32(truncatingIfNeeded: best) {
                changed += 1
                assignment[sample] = Int32(truncatingIfNeeded: best)
            }
            let sum = sums + best * width
            for feature in 0..<width { sum[feature] += point[feature] }
            counts[best] += 1
        }
        counts[clusters] = changed
    }

    @inlinable
    func reduce(_ worker: Int) {
        var moved: Float = 0
        for entry in share(clusters * width, worker: worker, of: workers) {
            let cluster = entry / width
            var total: Float = 0
            var count: Float = 0
            for other in 0..<workers {
                total += scratch[other * stride + entry]
                count += scratch[other * stride + clusters * width + cluster]
            }
            guard count > 0 else { continue }
            let value = total / count
            moved += (value - centres[entry]) * (value - centres[entry])
            centres[entry] = value
        }
        scratch[worker * stride + clusters * (width + 1) + 1] = moved
    }

    @inlinable
    func judge() {
        (verdict[0], verdict[1]) = (0, 0)
        for worker in 0..<workers {
            verdict[0] += scratch[worker * stride + clusters * (width + 1)]
            verdict[1] += scratch[worker * stride + clusters * (width + 1) + 1]
        }
    }
}
