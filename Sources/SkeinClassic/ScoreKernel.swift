/// Scores samples against the rows of a model and names each sample's best row.
///
/// First all score; where features are shared out, partial sums are then added in worker order, each worker
/// a share of the scores; last, each sample's first largest score is taken. The batch plan is one phase.
@frozen
public struct ScoreKernel<Terms: RowTerms>: PhasedKernel, @unchecked Sendable {
    // Workers write disjoint parts of the lent memory within a phase.
    /// The model.
    public let terms: Terms
    /// `[samples, D]`.
    public let x: UnsafePointer<Terms.Scalar>
    /// n: how many samples.
    public let samples: Int
    /// `[samples, C]`: receives the scores.
    public let scores: UnsafeMutablePointer<Terms.Scalar.Sum>
    /// `[samples]`: receives the index of the best row.
    public let labels: UnsafeMutablePointer<Int32>
    /// `scratchCount` sums.
    public let scratch: UnsafeMutablePointer<Terms.Scalar.Sum>
    /// How many workers share the work.
    public let workers: Int
    /// Whether whole samples are shared out.
    public let isBatch: Bool
    /// How many groups share the features.
    public let columns: Int

    /// Lays the work out; `labels` and `scores` are written by `run`.
    @inlinable
    public init(
        _ terms: Terms,
        x: UnsafePointer<Terms.Scalar>,
        samples: Int,
        scores: UnsafeMutablePointer<Terms.Scalar.Sum>,
        labels: UnsafeMutablePointer<Int32>,
        scratch: UnsafeMutablePointer<Terms.Scalar.Sum>,
        plan: Plan,
        workers: Int
    ) {
        (self.terms, self.x, self.samples) = (terms, x, samples)
        (self.scores, self.labels, self.scratch) = (scores, labels, scratch)
        self.workers = workers
        isBatch = plan.isByBatch
        columns = Self.columns(plan, workers)
    }

    /// How many groups of workers share the features under a plan.
    @inlinable
    public static func columns(_ plan: Plan, _ workers: Int) -> Int {
        switch plan {
        case .batch, .rows, .turns: 1
        case .features: workers
        case .grid(let rows): max(workers / max(min(rows, workers), 1), 1)
        }
    }

    /// How many sums the scratch memory must hold.
    @inlinable
    public static func scratchCount(plan: Plan, samples: Int, rows: Int, workers: Int) -> Int {
        let columns = columns(plan, workers)
        return columns > 1 ? columns * samples * rows : 1
    }

    /// One for the batch plan, three where partial sums are added, else two.
    @inlinable
    public var phases: Int { isBatch ? 1 : columns > 1 ? 3 : 2 }

    /// Scores, adds up, or compares.
    @inlinable
    public func run(phase: Int, worker: Int) {
        if isBatch {
            for sample in share(samples, worker: worker, of: workers) {
                let target = scores + sample &* terms.rows
                let all = 0..<terms.width
                for row in 0..<terms.rows {
                    target[row] =
                        terms.base(row) &+ terms.part(row, all, of: x + sample &* terms.width)
                }
                labels[sample] = best(target)
            }
        } else if phase == 0 {
            partial(worker)
        } else if phase == 1, columns > 1 {
            add(worker)
        } else {
            for sample in share(samples, worker: worker, of: workers) {
                labels[sample] = best(scores + sample &* terms.rows)
            }
        }
    }

    @inlinable
    func partial(_ worker: Int) {
        let groups = workers / columns
        guard worker < groups * columns else { return }
        let column = worker / groups
        let features = share(terms.width, worker: column, of: columns)
        let rows = share(terms.rows, worker: worker % groups, of: groups)
        let target = columns > 1 ? scratch + column * samples * terms.rows : scores
        for sample in 0..<samples {
            for row in rows {
                let part = terms.part(row, features, of: x + sample &* terms.width)
                target[sample &* terms.rows &+ row] =
                    column == 0 ? terms.base(row) &+ part : part
            }
        }
    }

    @inlinable
    func add(_ worker: Int) {
        let count = samples * terms.rows
        for index in share(count, worker: worker, of: workers) {
            var sum = scratch[index]
            for column in 1..<columns { sum = sum &+ scratch[column &* count &+ index] }
            scores[index] = sum
        }
    }

    /// The first largest score; with one row, whether it is positive.
    @inlinable
    func best(_ scores: UnsafePointer<Terms.Scalar.Sum>) -> Int32 {
        if terms.rows == 1 { return scores[0] > .zero ? 1 : 0 }
        var best = 0
        for row in 1..<terms.rows where scores[row] > scores[best] { best = row }
        return Int32(truncatingIfNeeded: best)
    }
}
