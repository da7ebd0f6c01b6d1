public import SkeinClassic
public import SkeinTensor
internal import SkeinCore

/// What a model says about samples.
public struct Prediction: Sendable {
    /// The index of each sample's class or cluster.
    public var labels: [Int32]
    /// `[samples, columns]`: scores, log-likelihoods, or votes.
    public var scores: [Double]
    /// How many scores a sample has; zero where the model gives none.
    public var columns: Int
}

/// A fitted model: it predicts, and is stored as named arrays.
public protocol ClassicModel: Sendable {
    /// What kind it is, in the words of its file.
    var kind: ClassicKind { get }
    /// D: the features that a sample must have.
    var width: Int { get }
    /// The names of the classes; empty for clusters.
    var classes: [String] { get }
    /// The arrays of its file.
    var arrays: [String: NumberArray] { get }
    /// The numbers of its file.
    var parameters: [String: Double] { get }
    /// What a chip keeps of it.
    var tables: ChipTables { get }
    /// Predicts samples of the right width; a plan forces how the work is shared.
    func predict(_ table: Table, on team: PoolTeam, plan: Plan?) throws -> Prediction
}

extension ClassicModel {
    /// Predicts samples after checking their width.
    public func predictions(
        for table: Table,
        on team: PoolTeam,
        plan: Plan? = nil
    ) throws -> Prediction {
        guard table.width == width else {
            throw SkeinError(
                .shapeMismatch,
                "the data has \(table.width) features, but the model was fitted on \(width)",
                hint: "give predict the columns that fit was given"
            )
        }
        if table.rows == 0 { return Prediction(labels: [], scores: [], columns: 0) }
        return try predict(table, on: team, plan: plan)
    }
}

/// The kinds of models, in the words of their files.
public enum ClassicKind: String, Sendable, CaseIterable {
    case linearSVM = "linear_svm"
    case logisticRegression = "logistic_regression"
    case gaussianNaiveBayes = "gaussian_nb"
    case nearestNeighbours = "k_neighbors"
    case kMeans = "k_means"
    case decisionTree = "decision_tree"
    case randomForest = "random_forest"
    case gaussianMixture = "gaussian_mixture"

    /// Whether it learns without classes.
    public var isClustering: Bool { self == .kMeans || self == .gaussianMixture }
}

/// An array of a model's file.
public struct NumberArray: Sendable {
    /// The sizes of the axes, outermost first.
    public var shape: [Int]
    /// The values, row by row.
    public var values: [Double]
    /// Whether the file keeps 64 bits instead of 32.
    public var isWide: Bool

    /// Wraps values.
    public init(_ values: [Double], shape: [Int], isWide: Bool = false) {
        (self.values, self.shape, self.isWide) = (values, shape, isWide)
    }

    /// Widens floats.
    public init(_ values: [Float], shape: [Int]) {
        self.init(values.map(Double.init), shape: shape)
    }

    /// The values as floats.
    public var floats: [Float] { values.map { Float($0) } }
}

/// Threads as a team for phased kernels, with a processor's kernels for bulk products.
public struct PoolTeam: Team, Sendable {
    /// Where bulk products run.
    public let processor: Processor

    /// Wraps a processor.
    public init(_ processor: Processor) { self.processor = processor }

    /// The number of threads.
    public var workers: Int { processor.pool.threads }

    /// Runs each phase as one fork-join.
    public func run<Kernel: PhasedKernel & Sendable>(_ kernel: Kernel) {
        for phase in 0..<kernel.phases {
            processor.pool.run(tasks: kernel.workers) { kernel.run(phase: phase, worker: $0) }
        }
    }

    /// Runs ranges of `0 ..< count`.
    func run(_ count: Int, grain: Int = 64, _ body: @escaping @Sendable (Range<Int>) -> Void) {
        processor.pool.run(count: count, grain: grain, body)
    }

    /// `x · matrixᵀ + bias` for a matrix `[outputs, width]`.
    func product(_ x: Tensor, _ matrix: [Float], outputs: Int, bias: [Float]?) throws -> Tensor {
        let packed = try processor.packed(matrix, as: .f32, outputs: outputs, inputs: x.width)
        let part = Projection.Part(matrix: packed, bias: bias.map(Vector.init))
        return processor.project(x, through: Projection([part]))
    }

    /// A table as a tensor.
    func tensor(_ table: Table) -> Tensor {
        Tensor(table.values, rows: table.rows, width: table.width, arena: processor.arena)
    }
}
