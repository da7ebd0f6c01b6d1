internal import SkeinCore
internal import SkeinTensor

/// Fits a linear classifier: logistic regression or a linear support vector machine.
///
/// Minimises `½|w|² + C Σ loss` by L-BFGS over centred and scaled features, which is the same problem
/// in better-conditioned variables: the penalty is that of the weights of the given features, and for the
/// support vector machine also of the intercept, as liblinear has it. Scores and gradients are bulk products.
///
/// - Paper: Liu & Nocedal 1989, "On the limited memory BFGS method", algorithm 2.1.
public struct LinearFit: Sendable {
    /// Logistic loss or squared hinge.
    public var kind: ClassicKind
    /// C: the weight of the losses against the penalty.
    public var strength: Double
    /// The most iterations.
    public var iterations: Int
    /// Ends when the largest entry of the mean gradient is below this.
    public var tolerance: Double

    /// Chooses the hyper-parameters.
    public init(
        _ kind: ClassicKind,
        strength: Double = 1,
        iterations: Int = 300,
        tolerance: Double = 1e-5
    ) {
        (self.kind, self.strength) = (kind, strength)
        (self.iterations, self.tolerance) = (iterations, tolerance)
    }

    /// Fits a model to samples of at least two classes.
    public func fit(_ data: Dataset, on team: PoolTeam) throws -> LinearModel {
        try requireClasses(data, kind)
        let (n, d) = (data.table.rows, data.table.width)
        let outputs = data.classes.count == 2 ? 1 : data.classes.count
        let (means, variances) = moments(data.table)
        let scales = variances.map { $0 > 0 ? $0.squareRoot() : 1 }
        var scaled = data.table.values
        for row in 0..<n {
            for column in 0..<d {
                let value = Double(scaled[row * d + column]) - means[column]
                scaled[row * d + column] = Float(value / scales[column])
            }
        }
        var turned = [Float](repeating: 0, count: n * d)
        for row in 0..<n {
            for column in 0..<d { turned[column * n + row] = scaled[row * d + column] }
        }
        let problem = LinearProblem(
            kind: kind,
            x: Tensor(scaled, rows: n, width: d, arena: team.processor.arena),
            turned: try team.processor.packed(turned, as: .f32, outputs: d, inputs: n),
            labels: data.labels,
            outputs: outputs,
            strength: strength,
            penalties: scales.map { 1 / ($0 * $0) },
            offsets: kind == .linearSVM ? zip(means, scales).map { $0 / $1 } : [],
            team: team
        )
        let start = [Double](repeating: 0, count: outputs * (d + 1))
        let solution = try minimise(
            from: start,
            iterations: iterations,
            tolerance: tolerance * strength * Double(n)
        ) { try problem.evaluate($0) }
        var weights: [Float] = []
        var biases: [Float] = []
        for output in 0..<outputs {
            var bias = solution[output * (d + 1) + d]
            for column in 0..<d {
                let weight = solution[output * (d + 1) + column] / scales[column]
                weights.append(Float(weight))
                bias -= weight * means[column]
            }
            biases.append(Float(bias))
        }
        return LinearModel(
            kind: kind,
            classes: data.classes,
            width: d,
            weights: weights,
            biases: biases
        )
    }
}

/// Mean and variance of every column; 0 where a column is constant.
func moments(_ table: Table) -> (means: [Double], variances: [Double]) {
    let (rows, width) = (table.rows, table.width)
    var means = [Double](repeating: 0, count: width)
    var squares = means
    table.values.withUnsafeBufferPointer { values in
        means.withUnsafeMutableBufferPointer { means in
            squares.withUnsafeMutableBufferPointer { squares in
                guard let x = values.baseAddress, let means = means.baseAddress,
                    let squares = squares.baseAddress
                else { return }
                for row in 0..<rows {
                    let sample = x + row * width
                    for column in 0..<width { means[column] += Double(sample[column]) }
                }
                for column in 0..<width { means[column] /= Double(max(rows, 1)) }
                for row in 0..<rows {
                    let sample = x + row * width
                    for column in 0..<width {
                        let step = Double(sample[column]) - means[column]
                        squares[column] += step * step
                    }
                }
            }
        }
    }
    return (means, squares.map { $0 / Double(max(rows, 1)) })
}

/// Refuses data that a classifier cannot learn from.
func requireClasses(_ data: Dataset, _ kind: ClassicKind) throws {
    let present = Set(data.labels).count
    guard present > 1, data.table.width > 0 else {
        throw SkeinError(
            .invalidArgument,
            "\(kind.rawValue) needs at least two classes and one feature, but the \(data.table.rows)"
                + " samples hold \(present) and \(data.table.width)"
        )
    }
    try requireFinite(data.table)
}

/// Refuses values that are not finite, naming the first.
func requireFinite(_ table: Table) throws {
    // An exponent of ones is infinite or not a number; looking at bits takes many values at once.
    let isFinite = table.values.withUnsafeBufferPointer { values in
        var highest: UInt32 = 0
        for value in values { highest = max(highest, value.bitPattern & 0x7f80_0000) }
        return highest < 0x7f80_0000
    }
    guard !isFinite, let place = table.values.firstIndex(where: { !$0.isFinite }) else { return }
    throw SkeinError(
        .notFinite,
        "row \(place / table.width + 1), column \(place % table.width + 1) of the samples is"
            + " \(table.values[place])",
        hint: "remove such rows or fill them with --missing mean"
    )
}
