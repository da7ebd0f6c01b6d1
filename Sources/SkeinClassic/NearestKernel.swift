/// k-nearest neighbours: squared distances, the k smallest by (distance, index), a vote.
///
/// Under the rows plan each worker keeps the k nearest of its share of the stored samples in a sorted
/// list; then the lists of each sample are merged. Neighbours are the same for every plan and number of workers,
/// since a distance is always computed whole by one worker.
@frozen
public struct NearestKernel<Scalar: ClassicScalar>: PhasedKernel, @unchecked Sendable {
    // Workers write disjoint parts of the lent memory within a phase.
    /// How a worker finds the nearest of its share.
    public enum Selection: Sendable {
        /// Inserts while distances are computed.
        case streaming
        /// The same, leaving a distance as soon as it exceeds the worst kept.
        case earlyExit
        /// All k minima over all distances by worker 0: the serial tail that the others avoid.
        case serial
    }

    /// One neighbour.
    @frozen
    public struct Neighbour: BitwiseCopyable, Sendable {
        /// The squared distance.
        public var distance: Scalar.Sum
        /// Which stored sample.
        public var index: Int32

        /// Creates a neighbour.
        @inlinable
        public init(distance: Scalar.Sum, index: Int32) {
            (self.distance, self.index) = (distance, index)
        }

        /// Whether this one is nearer, or as near and earlier.
        @inlinable
        public func precedes(_ other: Self) -> Bool {
            distance < other.distance || (distance == other.distance && index < other.index)
        }
    }

    /// The stored samples, `[count, width]`.
    public let stored: UnsafePointer<Scalar>
    /// Their classes.
    public let classes: UnsafePointer<Int32>
    /// N: how many are stored.
    public let count: Int
    /// D: the number of features.
    public let width: Int
    /// C: the number of classes.
    public let classCount: Int
    /// k, at most N.
    public let k: Int
    /// `[samples, width]`.
    public let x: UnsafePointer<Scalar>
    /// n: how many samples are asked for.
    public let samples: Int
    /// `[samples, k]`: receives the neighbours.
    public let neighbours: UnsafeMutablePointer<Neighbour>
    /// `[samples]`: receives the classes.
    public let labels: UnsafeMutablePointer<Int32>
    /// `scratchCount` neighbours.
    public let scratch: UnsafeMutablePointer<Neighbour>
    /// `workers · classCount` counters.
    public let votes: UnsafeMutablePointer<Int32>
    /// Batch or rows.
    public let isBatch: Bool
    /// How neighbours are found.
    public let selection: Selection
    /// How many workers share the work.
    public let workers: Int

    /// Lays the work out; `k` is clamped to the number of stored samples.
    @inlinable
    public init(
        stored: UnsafePointer<Scalar>,
        classes: UnsafePointer<Int32>,
        count: Int,
        width: Int,
        classCount: Int,
        k: Int,
        x: UnsafePointer<Scalar>,
        samples: Int,
        neighbours: UnsafeMutablePointer<Neighbour>,
        labels: UnsafeMutablePointer<Int32>,
        scratch: UnsafeMutablePointer<Neighbour>,
        votes: UnsafeMutablePointer<Int32>,
        plan: Plan,
        selection: Selection = .streaming,
        workers: Int
    ) {
        (self.stored, self.classes, self.count, self.width) = (stored, classes, count, width)
        (self.classCount, self.k, self.x, self.samples) = (classCount, min(k, count), x, samples)
        (self.neighbours, self.labels, self.scratch) = (neighbours, labels, scratch)
        (self.votes, self.workers, self.selection) = (votes, workers, selection)
        isBatch = plan.isByBatch
    }

    /// How many neighbours the scratch memory must hold.
    @inlinable
    public static func scratchCount(samples: Int, count: Int, k: Int, workers: Int) -> Int {
        max(samples * workers * k, count) + workers * k
    }

    /// One for the batch plan; with the rows plan one to search and one to merge.
    @inlinable
    public var phases: Int { isBatch ? 1 : 2 }

    /// Searches, or merges and votes.
    @inlinable
    public func run(phase: Int, worker: Int) {
        if isBatch {
            for sample in share(samples, worker: worker, of: workers) {
                search(0..<count, sample, into: neighbours + sample * k)
                vote(sample, votes + worker * classCount)
            }
        } else if selection == .serial {
            serial(phase, worker)
        } else if phase == 0 {
            let part = share(count, worker: worker, of: workers)
            for sample in 0..<samples {
                search(part, sample, into: scratch + (sample * workers + worker) * k)
            }
        } else {
            for sample in share(samples, worker: worker, of: workers) {
                merge(sample)
                vote(sample, votes + worker * classCount)
            }
        }
    }

    /// Keeps the nearest of a range of stored samples, sorted; unused places are farthest.
    @inlinable
    func search(_ range: Range<Int>, _ sample: Int, into list: UnsafeMutablePointer<Neighbour>) {
        let point = x + sample * width
        for place in 0..<k { list[place] = Neighbour(distance: Scalar.farthest, index: .max) }
        for index in range {
            let row = stored + index * width
            var distance: Scalar.Sum
            if selection == .earlyExit {
                distance = .zero
                var feature = 0
                while feature < width {
                    let step = min(8, width - feature)
                    distance += Scalar.distance(point + feature, row + feature, step)
                    feature += step
                    if distance > list[k - 1].distance { break }
                }
            } else {
                distance = Scalar.distance(point, row, width)
            }
            insert(
                Neighbour(
                    distance: Scalar.comparable(distance),
                    index: Int32(truncatingIfNeeded: index)
                ),
                into: list
            )
        }
    }

    /// Puts a neighbour into a sorted list if it belongs there.
    @inlinable
    func insert(_ neighbour: Neighbour, into list: UnsafeMutablePointer<Neighbour>) {
        guard neighbour.precedes(list[k - 1]) else { return }
        var place = k - 1
        while place > 0, neighbour.precedes(list[place - 1]) {
            list[place] = list[place - 1]
            place -= 1
        }
        list[place] = neighbour
    }

    /// Merges the workers' sorted lists: k times the smallest head.
    @inlinable
    func merge(_ sample: Int) {
        let lists = scratch + sample * workers * k
        let target = neighbours + sample * k
        for place in 0..<k { target[place] = lists[place] }
        for worker in 1..<max(workers, 1) {
            for place in 0..<k {
                let candidate = lists[worker * k + place]
                guard candidate.precedes(target[k - 1]) else { break }
                insert(candidate, into: target)
            }
        }
    }

    /// Distances in parallel for one sample, all k minima by worker 0; samples must be one.
    @inlinable
    func serial(_ phase: Int, _ worker: Int) {
        if phase == 0 {
            for index in share(count, worker: worker, of: workers) {
                scratch[index] = Neighbour(
                    distance: Scalar.comparable(Scalar.distance(x, stored + index * width, width)),
                    index: Int32(truncatingIfNeeded: index)
                )
            }
        } else if worker == 0 {
            for place in 0..<k {
                var nearest = place
                for index in place..<count where scratch[index].precedes(scratch[nearest]) {
                    nearest = index
                }
                (scratch[place], scratch[nearest]) = (scratch[nearest], scratch[place])
                neighbours[place] = scratch[place]
            }
            vote(0, votes)
        }
    }

    /// The most frequent class among the neighbours, the lowest of equals.
    @inlinable
    func vote(_ sample: Int, _ counters: UnsafeMutablePointer<Int32>) {
        for index in 0..<classCount { counters[index] = 0 }
        for place in 0..<k {
            let index = Int(truncatingIfNeeded: neighbours[sample * k + place].index)
            if index < count { counters[Int(truncatingIfNeeded: classes[index])] += 1 }
        }
        var best = 0
        for index in 1..<max(classCount, 1) where counters[index] > counters[best] { best = index }
        labels[sample] = Int32(truncatingIfNeeded: best)
    }
}
