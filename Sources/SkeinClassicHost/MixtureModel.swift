public import SkeinClassic
internal import SkeinCore

/// A Gaussian mixture with diagonal or full covariances.
public struct MixtureModel: ClassicModel {
    /// Always a mixture.
    public var kind: ClassicKind { .gaussianMixture }
    /// None.
    public var classes: [String] { [] }
    /// D: the features of a sample.
    public let width: Int
    /// Whether covariances are full matrices.
    public let isFull: Bool
    /// `[components]`.
    public let weights: [Double]
    /// `[components, width]`.
    public let means: [Double]
    /// `[components, width]`, or `[components, width, width]`.
    public let covariances: [Double]
    private let factors: [Double]
    private let constants: [Double]

    /// Creates a mixture; throws when a covariance is not positive definite.
    public init(
        width: Int,
        isFull: Bool,
        weights: [Double],
        means: [Double],
        covariances: [Double]
    ) throws {
        (self.width, self.isFull, self.weights) = (width, isFull, weights)
        (self.means, self.covariances) = (means, covariances)
        let size = isFull ? width * width : width
        var factors: [Double] = []
        var constants: [Double] = []
        for component in weights.indices {
            let covariance = Array(covariances[component * size..<(component + 1) * size])
            guard let (factor, halfLog) = Self.whitening(covariance, width, isFull) else {
                throw SkeinError(
                    .notFinite,
                    "the covariance of component \(component) is not positive definite",
                    hint: "fit fewer components or add more regularisation"
                )
            }
            factors += factor
            constants.append(
                Elementary.log(weights[component]) - 0.5 * Double(width) * Elementary.log(2 * .pi)
                    + halfLog
            )
        }
        (self.factors, self.constants) = (factors, constants)
    }

    /// `weights`, `means` and `covariances`.
    public var arrays: [String: NumberArray] {
        let k = weights.count
        let shape = isFull ? [k, width, width] : [k, width]
        return [
            "weights": NumberArray(weights, shape: [k], isWide: true),
            "means": NumberArray(means, shape: [k, width], isWide: true),
            "covariances": NumberArray(covariances, shape: shape, isWide: true),
        ]
    }

    /// None.
    public var parameters: [String: Double] { [:] }

    /// Means, whitening factors and constants.
    public var tables: ChipTables {
        let (means, constants) = (means.map { Float($0) }, constants.map { Float($0) })
        let factors = factors.map { Float($0) }
        return isFull
            ? .cholesky(means: means, factors: factors, constants: constants)
            : .gaussian(means: means, precisions: factors, constants: constants)
    }

    /// The component with the largest weighted density; scores are its logarithms.
    public func predict(_ table: Table, on team: PoolTeam, plan: Plan?) throws -> Prediction {
        let factors = factors.map { Float($0) }
        let means = means.map { Float($0) }
        return lend(means, factors, constants.map { Float($0) }) { means, factors, constants in
            if isFull {
                let terms = CholeskyTerms(
                    rows: weights.count,
                    width: width,
                    means: means,
                    factors: factors,
                    constants: constants
                )
                return scoreRows(terms, table, on: team, plan: plan)
            }
            let terms = GaussianTerms<Float>(
                rows: weights.count,
                width: width,
                means: means,
                precisions: factors,
                constants: constants
            )
            return scoreRows(terms, table, on: team, plan: plan)
        }
    }

    /// The mean log-likelihood of samples in nats, what scikit-learn calls a mixture's score; not-a-number for
    /// no samples.
    public func meanLogLikelihood(_ table: Table, on team: PoolTeam) throws -> Double {
        let prediction = try predictions(for: table, on: team)
        let columns = prediction.columns
        var sum = 0.0
        for row in 0..<table.rows {
            let scores = prediction.scores[row * columns..<(row + 1) * columns]
            let top = scores.max() ?? 0
            sum += top + Elementary.log(scores.reduce(0) { $0 + Elementary.exp($1 - top) })
        }
        return sum / Double(table.rows)
    }

    /// The weighted log-density of one sample in 64 bits.
    func logDensity(_ component: Int, _ x: UnsafePointer<Float>) -> Double {
        let sum = means.withUnsafeBufferPointer { means in
            factors.withUnsafeBufferPointer { factors in
                guard let mean = means.baseAddress, let factor = factors.baseAddress else {
                    return 0.0
                }
                let first = component * width
                return isFull
                    ? distance(x, mean + first, lines: factor + first * width)
                    : distance(x, mean + first, factors: factor + first)
            }
        }
        return constants[component] - sum
    }

    /// Half of the squared distance to a mean in the metric of a diagonal covariance, four columns at a
    /// time.
    private func distance(
        _ x: UnsafePointer<Float>,
        _ mean: UnsafePointer<Double>,
        factors: UnsafePointer<Double>
    ) -> Double {
        var lanes = SIMD4<Double>()
        var column = 0
        while column + 4 <= width {
            let values = UnsafeRawPointer(x + column).loadUnaligned(as: SIMD4<Float>.self)
            let centre = UnsafeRawPointer(mean + column).loadUnaligned(as: SIMD4<Double>.self)
            let factor = UnsafeRawPointer(factors + column).loadUnaligned(as: SIMD4<Double>.self)
            let step = SIMD4<Double>(values) - centre
            lanes += factor * step * step
            column += 4
        }
        var sum = lanes.sum()
        while column < width {
            let step = Double(x[column]) - mean[column]
            sum += factors[column] * step * step
            column += 1
        }
        return sum
    }

    /// The same in the metric of a full covariance, whose whitening matrix has these lines.
    private func distance(
        _ x: UnsafePointer<Float>,
        _ mean: UnsafePointer<Double>,
        lines: UnsafePointer<Double>
    ) -> Double {
        var sum = 0.0
        for line in 0..<width {
            let factors = lines + line * width
            var value = 0.0
            for column in 0...line { value += factors[column] * (Double(x[column]) - mean[column]) }
            sum += value * value
        }
        return 0.5 * sum
    }

    /// `1 / 2σ²`, or L with `Σ⁻¹ = LᵀL`, and the logarithm of its determinant.
    static func whitening(_ covariance: [Double], _ d: Int, _ isFull: Bool) -> ([Double], Double)? {
        guard isFull else {
            guard covariance.allSatisfy({ $0 > 0 }) else { return nil }
            return (
                covariance.map { 0.5 / $0 }, -0.5 * covariance.reduce(0) { $0 + Elementary.log($1) }
            )
        }
        var lower = [Double](repeating: 0, count: d * d)
        for row in 0..<d {
            for column in 0...row {
                var sum = covariance[row * d + column]
                for index in 0..<column {
                    sum -= lower[row * d + index] * lower[column * d + index]
                }
                if row == column {
                    guard sum > 0 else { return nil }
                    lower[row * d + row] = sum.squareRoot()
                } else {
                    lower[row * d + column] = sum / lower[column * d + column]
                }
            }
        }
        var inverse = [Double](repeating: 0, count: d * d)
        var halfLog = 0.0
        for column in 0..<d {
            for row in column..<d {
                var sum = row == column ? 1.0 : 0.0
                for index in column..<row {
                    sum -= lower[row * d + index] * inverse[index * d + column]
                }
                inverse[row * d + column] = sum / lower[row * d + row]
            }
            halfLog -= Elementary.log(lower[column * d + column])
        }
        return (inverse, halfLog)
    }
}
