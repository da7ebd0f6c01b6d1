/// How a kernel's work is divided among workers.
public enum Plan: Sendable, Equatable {
    /// Whole model rows: classes, centroids, stored samples, or trees.
    case rows
    /// Features; partial sums are added in worker order.
    case features
    /// Whole samples of a batch.
    case batch
    /// A grid: `rows` groups of model rows times the remaining workers over features.
    case grid(rows: Int)
    /// Whole samples of a batch, with one copy of what they add up, to which workers add in turns: K-means
    /// where a copy a worker would not fit.
    case turns

    /// Whether workers take whole samples, so that a single one would keep one worker busy.
    @inlinable
    public var isByBatch: Bool { self == .batch || self == .turns }
}

/// What a plan costs in steps, where one multiply-add is one step.
@frozen
public struct KernelCost: Sendable {
    /// The steps of the busiest worker.
    public var parallel: Int
    /// The steps after all have met, where few workers have something to do.
    public var tail: Int
    /// How often all workers meet.
    public var barriers: Int

    /// Creates a cost from its parts.
    @inlinable
    public init(parallel: Int, tail: Int, barriers: Int) {
        self.parallel = parallel
        self.tail = tail
        self.barriers = barriers
    }

    /// The steps from start to end when meeting costs `barrier` steps.
    @inlinable
    public func steps(barrier: Int) -> Int { parallel + tail + barriers * barrier }
}

/// Chooses the cheapest plan of a matrix-like kernel.
@frozen
public struct CostModel: Sendable {
    /// The steps that a meeting of all workers costs.
    public var barrier: Int

    /// Creates a model; about 60 steps suit harts that spin, 5000 threads that sleep.
    @inlinable
    public init(barrier: Int = 60) { self.barrier = barrier }

    /// The cost of scoring `samples` rows of `width` features against `rows` model rows.
    @inlinable
    public func cost(
        _ plan: Plan,
        samples: Int,
        rows: Int,
        width: Int,
        workers: Int
    ) -> KernelCost {
        @inline(__always) func up(_ count: Int, _ parts: Int) -> Int { (count + parts - 1) / parts }
        // Taking the largest of C scores is C steps a sample.
        let labels = up(samples, workers) * rows
        /// Scores by groups of rows and columns of features; partial sums are added in shares.
        func shared(_ groups: Int, _ columns: Int) -> KernelCost {
            let adding = columns > 1 ? up(samples * rows, workers) * columns : 0
            return KernelCost(
                parallel: samples * up(rows, groups) * up(width, columns) + adding,
                tail: labels,
                barriers: columns > 1 ? 3 : 2
            )
        }
        return switch plan {
        case .batch:
            KernelCost(
                parallel: up(samples, workers) * rows * (width + 1),
                tail: 0,
                barriers: 1
            )
        case .rows: shared(workers, 1)
        case .features: shared(1, workers)
        case .grid(let groups): shared(groups, max(workers / max(groups, 1), 1))
        case .turns:
            KernelCost(
                parallel: up(samples, workers) * rows * (width + 1),
                tail: samples * width,
                barriers: workers + 3
            )
        }
    }

    /// The cheapest plan; the first of equals in the order batch, rows, features, grids.
    @inlinable
    public func choose(samples: Int, rows: Int, width: Int, workers: Int) -> Plan {
        var best = Plan.batch
        var least = Int.max
        var candidate = 0
        // Numbers 0, 1, 2 are batch, rows and features; above that, grids of so many groups less one.
        while candidate <= max(workers, 2) {
            let plan = Self.candidate(candidate)
            candidate += 1
            if case .grid(let groups) = plan, workers % groups != 0 || groups == workers {
                continue
            }
            let steps = cost(plan, samples: samples, rows: rows, width: width, workers: workers)
                .steps(barrier: barrier)
            if steps < least { (best, least) = (plan, steps) }
        }
        return best
    }

    @inlinable
    static func candidate(_ number: Int) -> Plan {
        switch number {
        case 0: .batch
        case 1: .rows
        case 2: .features
        default: .grid(rows: number - 1)
        }
    }
}
