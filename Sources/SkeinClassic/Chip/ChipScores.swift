/// Terms whose tables lie in a blob.
public protocol ChipTerms: RowTerms {
    /// Finds the tables.
    init(_ blob: ModelBlob)
}

extension LinearTerms: ChipTerms {
    /// Finds the tables.
    public init(_ blob: ModelBlob) {
        self.init(
            rows: blob.word(.rows),
            width: blob.word(.width),
            weights: blob.table(.table0),
            biases: blob.table(.table1)
        )
    }
}

extension GaussianTerms: ChipTerms {
    /// Finds the tables.
    public init(_ blob: ModelBlob) {
        self.init(
            rows: blob.word(.rows),
            width: blob.word(.width),
            means: blob.table(.table0),
            precisions: blob.table(.table1),
            constants: blob.table(.table2)
        )
    }
}

extension CentreTerms: ChipTerms {
    /// Finds the tables.
    public init(_ blob: ModelBlob) {
        self.init(
            rows: blob.word(.rows),
            width: blob.word(.width),
            centres: blob.table(.table0)
        )
    }
}

extension CholeskyTerms: ChipTerms {
    /// Finds the tables.
    public init(_ blob: ModelBlob) {
        self.init(
            rows: blob.word(.rows),
            width: blob.word(.width),
            means: blob.table(.table0),
            factors: blob.table(.table1),
            constants: blob.table(.table2)
        )
    }
}

/// Linear models, Gaussians and centroids on a chip.
public struct ChipScores<Terms: ChipTerms>: ChipModel {
    /// The tables.
    public let blob: ModelBlob

    /// Finds the tables.
    public init(_ blob: ModelBlob) { self.blob = blob }

    /// All plans but turns: nothing is added up over samples.
    public func supports(_ plan: Plan) -> Bool { plan != .turns }

    /// One a sample and row.
    public func outcomes(_ samples: Int) -> Int { samples &* blob.word(.rows) }

    /// Lays out scores, labels and partial sums.
    public func kernel(
        _ plan: Plan,
        samples: Int,
        workers: Int,
        memory: inout Scratch
    ) -> ScoreKernel<Terms> {
        let terms = Terms(blob)
        let partial = ScoreKernel<Terms>.scratchCount(
            plan: plan,
            samples: samples,
            rows: terms.rows,
            workers: workers
        )
        return ScoreKernel(
            terms,
            x: blob.table(.x),
            samples: samples,
            scores: memory.take(samples * terms.rows),
            labels: memory.take(samples),
            scratch: memory.take(partial),
            plan: plan,
            workers: workers
        )
    }

    /// Clears the results.
    public func prepare(_ kernel: ScoreKernel<Terms>) {
        for index in 0..<outcomes(kernel.samples) { kernel.scores[index] = .zero }
        for sample in 0..<kernel.samples { kernel.labels[sample] = -1 }
    }

    /// How many samples it was laid out for.
    public func samples(_ kernel: ScoreKernel<Terms>) -> Int { kernel.samples }

    /// The best row.
    public func label(_ kernel: ScoreKernel<Terms>, _ sample: Int) -> Int32 {
        kernel.labels[sample]
    }

    /// A score.
    public func outcome(_ kernel: ScoreKernel<Terms>, _ index: Int) -> Terms.Scalar.Sum {
        kernel.scores[index]
    }

    /// Whether the two largest scores are equal but for rounding.
    public func isTied(_ sample: Int) -> Bool {
        let rows = blob.word(.rows)
        let scores = blob.table(.expectedOutcomes, of: Terms.Scalar.Sum.self) + sample * rows
        if rows == 1 { return scores[0].agrees(with: .zero) }
        let label = Int(truncatingIfNeeded: blob.table(.expectedLabels, of: Int32.self)[sample])
        for row in 0..<rows where row != label && scores[row].agrees(with: scores[label]) {
            return true
        }
        return false
    }
}
