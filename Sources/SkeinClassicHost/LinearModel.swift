public import SkeinClassic

/// A linear classifier: one row of weights a class, or a single row for two classes.
public struct LinearModel: ClassicModel {
    /// Which loss it was fitted with.
    public let kind: ClassicKind
    /// The names of the classes.
    public let classes: [String]
    /// D: the features of a sample.
    public let width: Int
    /// `[rows, width]`.
    public let weights: [Float]
    /// `[rows]`.
    public let biases: [Float]

    /// `coef` and `intercept`.
    public var arrays: [String: NumberArray] {
        [
            "coef": NumberArray(weights, shape: [biases.count, width]),
            "intercept": NumberArray(biases, shape: [biases.count]),
        ]
    }

    /// None.
    public var parameters: [String: Double] { [:] }

    /// The row with the largest `w · x + b`, or the sign of the only one, by the plan given or the cheapest.
    public func predict(_ table: Table, on team: PoolTeam, plan: Plan?) throws -> Prediction {
        lend(weights, biases, biases) { weights, biases, _ in
            let terms = LinearTerms<Float>(
                rows: self.biases.count,
                width: width,
                weights: weights,
                biases: biases
            )
            return scoreRows(terms, table, on: team, plan: plan)
        }
    }

    /// Turns the scores of a prediction into probabilities: a sigmoid or a softmax.
    public func probabilities(_ prediction: Prediction) -> [Double] {
        let count = prediction.columns
        var result: [Double] = []
        for row in 0..<prediction.labels.count {
            let scores = prediction.scores[row * count..<(row + 1) * count]
            if count == 1 {
                let positive = 1 / (1 + Elementary.exp(-(scores.first ?? 0)))
                result += [1 - positive, positive]
            } else {
                result += softmax(scores)
            }
        }
        return result
    }
}

/// `exp(x) / Σ exp(x)`, shifted by the largest.
func softmax(_ scores: ArraySlice<Double>) -> [Double] {
    let top = scores.max() ?? 0
    let powers = scores.map { Elementary.exp($0 - top) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
}
