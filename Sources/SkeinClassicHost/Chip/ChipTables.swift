public import SkeinClassic

/// What a chip keeps of a model, in floats; `[rows, width]` arrays are row by row.
public enum ChipTables: Sendable {
    /// `w · x + b`.
    case linear(weights: [Float], biases: [Float])
    /// `K - Σ g (x - μ)²`.
    case gaussian(means: [Float], precisions: [Float], constants: [Float])
    /// `-|x - c|²`.
    case centre([Float])
    /// `K - ½ |L (x - μ)|²`.
    case cholesky(means: [Float], factors: [Float], constants: [Float])
    /// The stored samples with their classes.
    case nearest(samples: [Float], classes: [Int32], classCount: Int, k: Int)
    /// Trees with their expected costs.
    case forest(ForestModel, costs: [Float])
    /// One iteration of K-means from these centroids.
    case iteration([Float])

    /// What a blob of it is.
    public var kind: BlobKind {
        switch self {
        case .linear: .linear
        case .gaussian: .gaussian
        case .centre: .centre
        case .cholesky: .cholesky
        case .nearest: .nearest
        case .forest: .forest
        case .iteration: .iteration
        }
    }
}

extension ChipTables {
    /// How many rows score a sample, where scores can be shared out by features.
    var rows: Int? {
        switch self {
        case .linear(_, let biases): biases.count
        case .gaussian(_, _, let constants), .cholesky(_, _, let constants): constants.count
        default: nil
        }
    }
}

extension LinearModel {
    /// Weights and biases.
    public var tables: ChipTables { .linear(weights: weights, biases: biases) }
}

extension GaussianModel {
    /// Means, precisions and constants.
    public var tables: ChipTables {
        .gaussian(means: means.map { Float($0) }, precisions: precisions, constants: constants)
    }
}

extension NeighbourModel {
    /// The stored samples.
    public var tables: ChipTables {
        .nearest(
            samples: data.table.values,
            classes: data.labels,
            classCount: classes.count,
            k: k
        )
    }
}

extension CentroidModel {
    /// The centroids.
    public var tables: ChipTables { .centre(centres) }
}

extension ForestModel {
    /// The trees.
    public var tables: ChipTables { .forest(self, costs: pathLengths) }
}
