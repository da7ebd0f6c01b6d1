public import SkeinClassic

/// Gaussian naive Bayes: a mean and a variance a class and feature.
public struct GaussianModel: ClassicModel {
    /// Always naive Bayes.
    public var kind: ClassicKind { .gaussianNaiveBayes }
    /// The names of the classes.
    public let classes: [String]
    /// D: the features of a sample.
    public let width: Int
    /// `[classes, width]`.
    public let means: [Double]
    /// `[classes, width]`, smoothed.
    public let variances: [Double]
    /// `[classes]`.
    public let priors: [Double]

    /// `theta`, `var` and `class_prior`.
    public var arrays: [String: NumberArray] {
        let shape = [priors.count, width]
        return [
            "theta": NumberArray(means, shape: shape, isWide: true),
            "var": NumberArray(variances, shape: shape, isWide: true),
            "class_prior": NumberArray(priors, shape: [priors.count], isWide: true),
        ]
    }

    /// None.
    public var parameters: [String: Double] { [:] }

    /// K of each class: what does not depend on the sample.
    var constants: [Float] {
        (0..<priors.count).map { row in
            var constant = Elementary.log(priors[row])
            for column in 0..<width {
                constant -= 0.5 * Elementary.log(2 * .pi * variances[row * width + column])
            }
            return Float(constant)
        }
    }

    /// g of each class and feature: `1 / 2σ²`.
    var precisions: [Float] { variances.map { Float(0.5 / $0) } }

    /// The class with the largest `K - Σ g (x - μ)²`.
    public func predict(_ table: Table, on team: PoolTeam, plan: Plan?) throws -> Prediction {
        lend(means.map { Float($0) }, precisions, constants) {
            let terms = GaussianTerms<Float>(
                rows: priors.count,
                width: width,
                means: $0,
                precisions: $1,
                constants: $2
            )
            return scoreRows(terms, table, on: team, plan: plan)
        }
    }
}

/// Fits Gaussian naive Bayes in closed form.
public struct GaussianFit: Sendable {
    /// The share of the largest variance that is added to every variance.
    public var smoothing: Double

    /// Chooses the smoothing.
    public init(smoothing: Double = 1e-9) { self.smoothing = smoothing }

    /// Fits a model to samples of at least two classes.
    public func fit(_ data: Dataset) throws -> GaussianModel {
        try requireClasses(data, .gaussianNaiveBayes)
        let (d, classes) = (data.table.width, data.classes.count)
        var counts = [Double](repeating: 0, count: classes)
        var means = [Double](repeating: 0, count: classes * d)
        var variances = means
        let values = data.table.values
        for (row, label) in data.labels.enumerated() {
            counts[Int(label)] += 1
            for column in 0..<d {
                means[Int(label) * d + column] += Double(values[row * d + column])
            }
        }
        for index in 0..<classes * d { means[index] /= max(counts[index / d], 1) }
        for (row, label) in data.labels.enumerated() {
            for column in 0..<d {
                let value = Double(values[row * d + column]) - means[Int(label) * d + column]
                variances[Int(label) * d + column] += value * value
            }
        }
        let widest = moments(data.table).variances.max() ?? 0
        for index in 0..<classes * d {
            variances[index] = variances[index] / max(counts[index / d], 1) + smoothing * widest
        }
        let total = Double(data.table.rows)
        return GaussianModel(
            classes: data.classes,
            width: d,
            means: means,
            variances: variances,
            priors: counts.map { $0 / total }
        )
    }
}
