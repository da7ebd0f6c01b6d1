/// One iteration of Lloyd's K-means: assign, sum privately, then reduce the sums in slices.
///
/// Workers assign samples to their nearest centroid (the lowest of equals) and sum their own samples; then
/// they form new centroids, an empty cluster keeping its old one; then worker 0 gives the verdict. With one
/// shared copy of the sums, workers add to it in turns, a phase each, before centroids are formed: slower, for
/// less memory, and the sums have the samples' own order for any number of workers.
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
    /// Whether workers add to one copy of the sums in turns, instead of each to its own.
    public let isShared: Bool
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
        isShared: Bool = false,
        workers: Int
    ) {
        (self.x, self.samples, self.width, self.clusters) = (x, samples, width, clusters)
        (self.centres, self.assignment) = (centres, assignment)
        (self.sums, self.counters) = (sums, counters)
        (self.changed, self.moved) = (changed, moved)
        (self.isShared, self.workers) = (isShared, workers)
    }

    /// How many sums a run needs: of each cluster's features, a copy, and of the movement, a worker.
    @inlinable
    public static func sumCount(clusters: Int, width: Int, copies: Int, workers: Int) -> Int {
        copies * clusters * width + workers
    }

    /// How many counters a run needs: of each cluster's samples, a copy, and of the changes, a worker.
    @inlinable
    public static func counterCount(clusters: Int, copies: Int, workers: Int) -> Int {
        copies * clusters + workers
    }

    @inlinable
    var copies: Int { isShared ? 1 : workers }

    /// Assign, perhaps a turn a worker, reduce, judge.
    @inlinable
    public var phases: Int { isShared ? workers + 3 : 3 }

    /// Runs one worker's share.
    @inlinable
    public func run(phase: Int, worker: Int) {
        if phase == 0 {
            assign(worker)
        } else if phase < phases - 2 {
            guard worker == phase - 1 else { return }
            for sample in share(samples, worker: worker, of: workers) { add(sample, to: 0) }
        } else if phase == phases - 2 {
            reduce(worker)
        } else if worker == 0 {
            judge()
        }
    }

    @inlinable
    func assign(_ worker: Int) {
        if worker < copies {
            let own = sums + worker * clusters * width
            for index in 0..<clusters * width { own[index] = .zero }
            let counts = counters + worker * clusters
            for cluster in 0..<clusters { counts[cluster] = 0 }
        }
        var changes: Int32 = 0
        for sample in share(samples, worker: worker, of: workers) {
            let point = x + sample &* width
            var best = 0
            var least = Scalar.distance(point, centres, width)
            for cluster in 1..<max(clusters, 1) {
                let distance = Scalar.distance(point, centres + cluster &* width, width)
                if distance < least { (best, least) = (cluster, distance) }
            }
            if assignment[sample] != Int32(truncatingIfNeeded: best) {
                changes &+= 1
                assignment[sample] = Int32(truncatingIfNeeded: best)
            }
            if !isShared { add(sample, to: worker) }
        }
        counters[copies * clusters + worker] = changes
    }

    /// Adds a sample to the sums of its cluster.
    @inlinable
    func add(_ sample: Int, to copy: Int) {
        let cluster = copy &* clusters &+ Int(assignment[sample])
        let (sum, point) = (sums + cluster &* width, x + sample &* width)
        for feature in 0..<width {
            sum[feature] = sum[feature] &+ Scalar.widened(point[feature])
        }
        counters[cluster] &+= 1
    }

    @inlinable
    func reduce(_ worker: Int) {
        let size = clusters * width
        var moved = Scalar.Sum.zero
        for entry in share(size, worker: worker, of: workers) {
            let cluster = entry / width
            var total = Scalar.Sum.zero
            var count: Int32 = 0
            for copy in 0..<copies {
                total = total &+ sums[copy &* size &+ entry]
                count &+= counters[copy &* clusters &+ cluster]
            }
            guard count > 0 else { continue }
            let value = Scalar.mean(total, count)
            moved = moved &+ Scalar.square(value, centres[entry])
            centres[entry] = value
        }
        sums[copies * size + worker] = moved
    }

    @inlinable
    func judge() {
        (changed[0], moved[0]) = (0, .zero)
        for worker in 0..<workers {
            changed[0] &+= counters[copies * clusters + worker]
            moved[0] = moved[0] &+ sums[copies * clusters * width + worker]
        }
    }
}
