internal import SkeinCore
internal import SkeinTensor

/// Fits a Gaussian mixture by expectation-maximisation from a K-means start.
///
/// - Paper: Dempster, Laird & Rubin 1977, "Maximum likelihood from incomplete data", section 4.3.
public struct MixtureFit: Sendable {
    /// How many Gaussians.
    public var components: Int
    /// Whether covariances are full matrices.
    public var isFull: Bool
    /// The most iterations.
    public var iterations: Int
    /// Ends when the mean log-likelihood gains less.
    public var tolerance: Double
    /// Added to every variance.
    public var regularisation: Double
    /// Of the K-means start.
    public var seed: UInt64

    /// Chooses the hyper-parameters.
    public init(
        components: Int,
        isFull: Bool = true,
        iterations: Int = 100,
        tolerance: Double = 1e-3,
        regularisation: Double = 1e-6,
        seed: UInt64 = 0
    ) {
        (self.components, self.isFull, self.iterations) = (components, isFull, iterations)
        (self.tolerance, self.regularisation, self.seed) = (tolerance, regularisation, seed)
    }

    /// Fits a mixture.
    public func fit(_ table: Table, on team: PoolTeam) throws -> MixtureModel {
        let start = try CentroidFit(clusters: components, seed: seed).fit(table, on: team)
        let labels = try start.predict(table, on: team, plan: nil).labels
        var duties = [Double](repeating: 0, count: table.rows * components)
        for (row, label) in labels.enumerated() { duties[row * components + Int(label)] = 1 }
        var model = try maximise(table, duties, team)
        var last = -Double.infinity
        for _ in 0..<iterations {
            let likelihood = expect(table, model, &duties, team)
            model = try maximise(table, duties, team)
            if abs(likelihood - last) < tolerance { break }
            last = likelihood
        }
        return model
    }

    /// The mean log-likelihood; writes each component's share of every sample.
    func expect(
        _ table: Table,
        _ model: MixtureModel,
        _ duties: inout [Double],
        _ team: PoolTeam
    ) -> Double {
        let (n, k, d) = (table.rows, components, table.width)
        var sums = [Double](repeating: 0, count: n)
        duties.withUnsafeMutableBufferPointer { duties in
            sums.withUnsafeMutableBufferPointer { sums in
                nonisolated(unsafe) let (duties, sums) = (duties, sums)
                team.run(n, grain: 64) { range in
                    table.values.withUnsafeBufferPointer { values in
                        guard let base = values.baseAddress else { return }
                        for row in range {
                            var top = -Double.infinity
                            for component in 0..<k {
                                let density = model.logDensity(component, base + row * d)
                                duties[row * k + component] = density
                                top = max(top, density)
                            }
                            var sum = 0.0
                            for component in 0..<k {
                                let power = Elementary.exp(duties[row * k + component] - top)
                                duties[row * k + component] = power
                                sum += power
                            }
                            for component in 0..<k { duties[row * k + component] /= sum }
                            sums[row] = top + Elementary.log(sum)
                        }
                    }
                }
            }
        }
        return sums.reduce(0, +) / Double(n)
    }

    private func maximise(
        _ table: Table,
        _ duties: [Double],
        _ team: PoolTeam
    ) throws -> MixtureModel {
        let (n, k, d) = (table.rows, components, table.width)
        let size = isFull ? d * d : d
        var (weights, means) = (
            [Double](repeating: 0, count: k), [Double](repeating: 0, count: k * d)
        )
        var covariances = [Double](repeating: 0, count: k * size)
        let (isFull, regularisation) = (isFull, regularisation)
        // A task sums some columns of one component; each counts the component's shares for itself.
        let columns = isFull ? d : Self.columnsTogether
        let chunks = (d + columns - 1) / columns
        weights.withUnsafeMutableBufferPointer { weights in
            means.withUnsafeMutableBufferPointer { means in
                covariances.withUnsafeMutableBufferPointer { covariances in
                    nonisolated(unsafe) let (weights, means) = (weights, means)
                    nonisolated(unsafe) let covariances = covariances
                    team.processor.pool.run(tasks: k * chunks) { task in
                        let (component, chunk) = (task / chunks, task % chunks)
                        let range = chunk * columns..<min((chunk + 1) * columns, d)
                        let (mean, start) = (component * d, component * size)
                        let sums = Sums(table, duties, k, component)
                        let total = sums.total + 10 * Double.ulpOfOne
                        sums.addMeans(of: range, to: means, from: mean)
                        for column in range { means[mean + column] /= total }
                        if chunk == 0 { weights[component] = total / Double(n) }
                        guard isFull else {
                            sums.addVariances(of: range, around: means, to: covariances, from: mean)
                            for column in range {
                                covariances[start + column] /= total
                                covariances[start + column] += regularisation
                            }
                            return
                        }
                        sums.addCovariances(around: means, from: mean, to: covariances, start)
                        for line in 0..<d {
                            for column in 0...line {
                                let value = covariances[start + line * d + column] / total
                                let spread = line == column ? regularisation : 0
                                covariances[start + line * d + column] = value + spread
                                covariances[start + column * d + line] = value + spread
                            }
                        }
                    }
                }
            }
        }
        return try MixtureModel(
            width: d,
            isFull: isFull,
            weights: weights,
            means: means,
            covariances: covariances
        )
    }

    /// Columns of a diagonal covariance that one task sums: those of one vector.
    private static let columnsTogether = 8
}

/// Sums over all samples, each weighed by its share of one component.
private struct Sums {
    let table: Table
    let duties: [Double]
    let components: Int
    let component: Int

    init(_ table: Table, _ duties: [Double], _ components: Int, _ component: Int) {
        (self.table, self.duties) = (table, duties)
        (self.components, self.component) = (components, component)
    }

    /// Calls a closure with every sample and its share, in order.
    @inline(__always)
    private func forEach(_ body: (UnsafePointer<Float>, Double) -> Void) {
        table.values.withUnsafeBufferPointer { values in
            duties.withUnsafeBufferPointer { duties in
                guard let base = values.baseAddress else { return }
                for row in 0..<table.rows {
                    let duty = duties[row * components + component]
                    if duty > 0 { body(base + row * table.width, duty) }
                }
            }
        }
    }

    var total: Double {
        var sum = 0.0
        forEach { _, duty in sum += duty }
        return sum
    }

    func addMeans(
        of columns: Range<Int>,
        to means: UnsafeMutableBufferPointer<Double>,
        from first: Int
    ) {
        guard columns.count == 8 else {
            return forEach { x, duty in
                for column in columns { means[first + column] += duty * Double(x[column]) }
            }
        }
        var sums = SIMD8<Double>()
        forEach { x, duty in sums += duty * Self.eight(x + columns.lowerBound) }
        for (lane, column) in columns.enumerated() { means[first + column] += sums[lane] }
    }

    func addVariances(
        of columns: Range<Int>,
        around means: UnsafeMutableBufferPointer<Double>,
        to variances: UnsafeMutableBufferPointer<Double>,
        from first: Int
    ) {
        guard columns.count == 8 else {
            return forEach { x, duty in
                for column in columns {
                    let step = Double(x[column]) - means[first + column]
                    variances[first + column] += duty * step * step
                }
            }
        }
        var centre = SIMD8<Double>()
        for (lane, column) in columns.enumerated() { centre[lane] = means[first + column] }
        var sums = SIMD8<Double>()
        forEach { x, duty in
            let step = Self.eight(x + columns.lowerBound) - centre
            sums += duty * step * step
        }
        for (lane, column) in columns.enumerated() { variances[first + column] += sums[lane] }
    }

    private static func eight(_ x: UnsafePointer<Float>) -> SIMD8<Double> {
        SIMD8<Double>(UnsafeRawPointer(x).loadUnaligned(as: SIMD8<Float>.self))
    }

    /// The lower triangle.
    func addCovariances(
        around means: UnsafeMutableBufferPointer<Double>,
        from first: Int,
        to covariances: UnsafeMutableBufferPointer<Double>,
        _ start: Int
    ) {
        let width = table.width
        var steps = [Double](repeating: 0, count: width)
        steps.withUnsafeMutableBufferPointer { steps in
            forEach { x, duty in
                for column in 0..<width {
                    steps[column] = Double(x[column]) - means[first + column]
                }
                for line in 0..<width {
                    let scaled = duty * steps[line]
                    let at = start + line * width
                    for column in 0...line { covariances[at + column] += scaled * steps[column] }
                }
            }
        }
    }
}
