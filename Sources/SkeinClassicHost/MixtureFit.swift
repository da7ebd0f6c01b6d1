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
        weights.withUnsafeMutableBufferPointer { weights in
            means.withUnsafeMutableBufferPointer { means in
                covariances.withUnsafeMutableBufferPointer { covariances in
                    nonisolated(unsafe) let (weights, means) = (weights, means)
                    nonisolated(unsafe) let covariances = covariances
                    team.processor.pool.run(tasks: k) { component in
                        let (mean, start) = (component * d, component * size)
                        var total = 10 * Double.ulpOfOne
                        for row in 0..<n {
                            let duty = duties[row * k + component]
                            total += duty
                            for column in 0..<d {
                                means[mean + column] +=
                                    duty * Double(table.values[row * d + column])
                            }
                        }
                        for column in 0..<d { means[mean + column] /= total }
                        weights[component] = total / Double(n)
                        var steps = [Double](repeating: 0, count: d)
                        for row in 0..<n where duties[row * k + component] > 0 {
                            let duty = duties[row * k + component]
                            for column in 0..<d {
                                steps[column] =
                                    Double(table.values[row * d + column]) - means[mean + column]
                            }
                            for line in 0..<d {
                                let scaled = duty * steps[line]
                                if isFull {
                                    for column in 0...line {
                                        covariances[start + line * d + column] +=
                                            scaled * steps[column]
                                    }
                                } else {
                                    covariances[start + line] += scaled * steps[line]
                                }
                            }
                        }
                        for line in 0..<d {
                            if !isFull {
                                covariances[start + line] /= total
                                covariances[start + line] += regularisation
                                continue
                            }
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
}
