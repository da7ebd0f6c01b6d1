internal import SkeinClassic

/// Something done with the type of a blob's model.
protocol ChipVisitor {
    associatedtype Result
    func visit<Model: ChipModel>(_ type: Model.Type) -> Result
}

/// Finds the type for a kind and a number.
func visitChip<Scalar: ChipScalar, Visitor: ChipVisitor>(
    _ kind: BlobKind,
    of type: Scalar.Type,
    _ visitor: Visitor
) -> Visitor.Result {
    switch kind {
    case .linear: visitor.visit(ChipScores<LinearTerms<Scalar>>.self)
    case .gaussian: visitor.visit(ChipScores<GaussianTerms<Scalar>>.self)
    case .centre: visitor.visit(ChipScores<CentreTerms<Scalar>>.self)
    case .cholesky: visitor.visit(ChipScores<CholeskyTerms>.self)
    case .nearest: visitor.visit(ChipNearest<Scalar>.self)
    case .forest: visitor.visit(ChipForest<Scalar>.self)
    case .iteration: visitor.visit(ChipIteration<Scalar>.self)
    }
}

/// How the type for a kind and a number is written.
func chipTypeName<Scalar: ChipScalar>(_ kind: BlobKind, of type: Scalar.Type) -> String {
    let number = Scalar.name
    return switch kind {
    case .linear: "ChipScores<LinearTerms<\(number)>>"
    case .gaussian: "ChipScores<GaussianTerms<\(number)>>"
    case .centre: "ChipScores<CentreTerms<\(number)>>"
    case .cholesky: "ChipScores<CholeskyTerms>"
    case .nearest: "ChipNearest<\(number)>"
    case .forest: "ChipForest<\(number)>"
    case .iteration: "ChipIteration<\(number)>"
    }
}

/// What one worker on the host makes of a blob's samples.
struct ChipResult {
    var labels: [Int32]
    /// The results as bits.
    var patterns: [UInt64]
    /// The results as a blob keeps them.
    var outcomes: [UInt8]
}

/// Runs a blob under the batch plan with one worker.
struct ChipRun: ChipVisitor {
    let memory: AlignedMemory

    init(_ bytes: [UInt8]) { memory = AlignedMemory(bytes) }

    func visit<Model: ChipModel>(_ type: Model.Type) -> ChipResult {
        let blob = ModelBlob(memory.start)
        let model = Model(blob)
        let (_, bytes) = layout(model, .batch, samples: blob.word(.samples), at: memory.start)
        let space = AlignedMemory(bytes: bytes)
        let (kernel, _) = layout(model, .batch, samples: blob.word(.samples), at: space.start)
        model.prepare(kernel)
        SerialTeam().run(kernel)
        let samples = model.samples(kernel)
        let outcomes = (0..<model.outcomes(samples)).map { model.outcome(kernel, $0) }
        return ChipResult(
            labels: (0..<samples).map { model.label(kernel, $0) },
            patterns: outcomes.map(\.pattern),
            outcomes: outcomes.withUnsafeBytes(Array.init)
        )
    }

    private func layout<Model: ChipModel>(
        _ model: Model,
        _ plan: Plan,
        samples: Int,
        at start: UnsafeMutableRawPointer
    ) -> (kernel: Model.Kernel, bytes: Int) {
        var scratch = Scratch(start)
        let kernel = model.kernel(plan, samples: samples, workers: 1, memory: &scratch)
        return (kernel, scratch.used)
    }
}

/// The most memory that a plan takes with eight workers, for one sample or a batch of all.
struct ChipMemory: ChipVisitor {
    let memory: AlignedMemory

    init(_ bytes: [UInt8]) { memory = AlignedMemory(bytes) }

    func visit<Model: ChipModel>(_ type: Model.Type) -> Int {
        let model = Model(ModelBlob(memory.start))
        var (most, number) = (0, 0)
        while let plan = Model.plan(number) {
            number += 1
            guard model.supports(plan) else { continue }
            var scratch = Scratch(memory.start)
            let samples = plan.isByBatch ? model.blob.word(.samples) : 1
            _ = model.kernel(plan, samples: samples, workers: 8, memory: &scratch)
            most = max(most, scratch.used)
        }
        return most
    }
}

/// Every plan that a model supports with one to eight workers, against the results in the blob.
struct ChipCheck: ChipVisitor {
    let memory: AlignedMemory

    init(_ bytes: [UInt8]) { memory = AlignedMemory(bytes) }

    func visit<Model: ChipModel>(_ type: Model.Type) -> (runs: Int, mistakes: Int) {
        let model = Model(ModelBlob(memory.start))
        var (runs, mistakes, number) = (0, model.blob.isIntact ? 0 : 1, 0)
        while let plan = Model.plan(number) {
            number += 1
            guard model.supports(plan) else { continue }
            for workers in 1...8 {
                let samples = model.blob.word(.samples)
                var scratch = Scratch(memory.start)
                _ = model.kernel(plan, samples: samples, workers: workers, memory: &scratch)
                let space = AlignedMemory(bytes: scratch.used)
                scratch = Scratch(space.start)
                let kernel = model.kernel(
                    plan,
                    samples: samples,
                    workers: workers,
                    memory: &scratch
                )
                model.prepare(kernel)
                SerialTeam(workers: workers).run(kernel)
                runs += 1
                mistakes += model.mistakes(kernel)
            }
        }
        return (runs, mistakes)
    }
}
