public import SkeinClassic
internal import SkeinCore
internal import SkeinTensor

/// K-means: centroids.
public struct CentroidModel: ClassicModel {
    /// Always K-means.
    public var kind: ClassicKind { .kMeans }
    /// None.
    public var classes: [String] { [] }
    /// D: the features of a sample.
    public let width: Int
    /// `[clusters, width]`.
    public let centres: [Float]
    /// How many iterations the fit took.
    public let iterations: Int
    /// The sum of squared distances of the training samples to their centroids.
    public let inertia: Double

    /// `cluster_centers`.
    public var arrays: [String: NumberArray] {
        ["cluster_centers": NumberArray(centres, shape: [centres.count / width, width])]
    }
    /// `inertia` and `iterations`.
    public var parameters: [String: Double] {
        ["inertia": inertia, "iterations": Double(iterations)]
    }

    /// The nearest centroid.
    public func predict(_ table: Table, on team: PoolTeam, plan: Plan?) throws -> Prediction {
        lend(centres, [0], [0]) { centres, _, _ in
            let terms = CentreTerms<Float>(
                rows: self.centres.count / width,
                width: width,
                centres: centres
            )
            return scoreRows(terms, table, on: team, plan: plan)
        }
    }
}

/// Fits K-means: k-means++ seeds, then Lloyd's iterations with bulk products.
///
/// - Paper: Arthur & Vassilvitskii 2007, "k-means++", section 2.2; the best of `2 + ln k` draws.
public struct CentroidFit: Sendable {
    /// K.
    public var clusters: Int
    /// The most iterations.
    public var iterations: Int
    /// Ends when centroids move less than this times the mean variance of the features.
    public var tolerance: Double
    /// Of the draws.
    public var seed: UInt64
    /// `[clusters, width]` to begin with instead of seeds drawn.
    public var start: [Float]?

    /// Chooses the hyper-parameters.
    public init(
        clusters: Int,
        iterations: Int = 300,
        tolerance: Double = 1e-4,
        seed: UInt64 = 0,
        start: [Float]? = nil
    ) {
        (self.clusters, self.iterations, self.tolerance) = (clusters, iterations, tolerance)
        (self.seed, self.start) = (seed, start)
    }

    /// Fits centroids; an empty cluster keeps its old centroid.
    public func fit(_ table: Table, on team: PoolTeam) throws -> CentroidModel {
        let (n, d) = (table.rows, table.width)
        guard clusters > 0, clusters <= n, d > 0 else {
            throw SkeinError(
                .invalidArgument,
                "\(clusters) clusters of \(n) samples with \(d) features; there must be between 1 and"
                    + " as many clusters as samples"
            )
        }
        if let start, start.count != clusters * d {
            throw SkeinError(
                .shapeMismatch,
                "\(start.count) values begin \(clusters) centroids of \(d) features"
            )
        }
        try requireFinite(table)
        let x = team.tensor(table)
        let variances = moments(table).variances
        let stop = tolerance * variances.reduce(0, +) / Double(d)
        var centres = try start ?? seeds(table, x, team)
        var assignment = [Int32](repeating: -1, count: n)
        var rounds = 0
        while rounds < iterations {
            rounds += 1
            let before = assignment
            assignment = try assign(x, centres, team)
            let moved = update(&centres, table, assignment, team)
            if assignment == before || moved <= stop { break }
        }
        assignment = try assign(x, centres, team)
        var inertia = 0.0
        for row in 0..<n {
            for column in 0..<d {
                let step =
                    Double(table.values[row * d + column])
                    - Double(centres[Int(assignment[row]) * d + column])
                inertia += step * step
            }
        }
        return CentroidModel(width: d, centres: centres, iterations: rounds, inertia: inertia)
    }

    private func assign(_ x: Tensor, _ centres: [Float], _ team: PoolTeam) throws -> [Int32] {
        let (d, k) = (x.width, clusters)
        let halves = (0..<k).map { row in
            -0.5 * centres[row * d..<(row + 1) * d].reduce(Float(0)) { $0 + $1 * $1 }
        }
        let scores = try team.product(x, centres, outputs: k, bias: halves)
        var labels = [Int32](repeating: 0, count: x.rows)
        nonisolated(unsafe) let source = UnsafePointer(scores.pointer)
        labels.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let labels = buffer
            team.run(x.rows, grain: 512) { range in
                for row in range {
                    var best = 0
                    for cluster in 1..<max(k, 1)
                    where source[row * k + cluster] > source[row * k + best] { best = cluster }
                    labels[row] = Int32(best)
                }
            }
        }
        return labels
    }

    private func update(
        _ centres: inout [Float],
        _ table: Table,
        _ assignment: [Int32],
        _ team: PoolTeam
    ) -> Double {
        let (n, d, parts) = (table.rows, table.width, team.workers)
        let size = clusters * (d + 1)
        var sums = [Float](repeating: 0, count: parts * size)
        sums.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let sums = buffer
            let (values, clusters) = (table.values, clusters)
            team.processor.pool.run(tasks: parts) { part in
                values.withUnsafeBufferPointer { values in
                    for row in n * part / parts..<n * (part + 1) / parts {
                        let cluster = Int(assignment[row])
                        let target = part * size + cluster * d
                        for column in 0..<d { sums[target + column] += values[row * d + column] }
                        sums[part * size + clusters * d + cluster] += 1
                    }
                }
            }
        }
        var moved = 0.0
        for cluster in 0..<clusters {
            let count = (0..<parts).reduce(Float(0)) {
                $0 + sums[$1 * size + clusters * d + cluster]
            }
            guard count > 0 else { continue }
            for column in 0..<d {
                let place = cluster * d + column
                let total = (0..<parts).reduce(Float(0)) { $0 + sums[$1 * size + place] }
                let step = Double(total / count - centres[place])
                moved += step * step
                centres[place] = total / count
            }
        }
        return moved
    }

    private func seeds(_ table: Table, _ x: Tensor, _ team: PoolTeam) throws -> [Float] {
        let (n, d) = (table.rows, table.width)
        let noise = Philox(NoiseKey(seed: seed, stream: 0x6b6d))
        var position: UInt64 = 0
        func draw() -> Double {
            position += 1
            return noise.uniform(at: position)
        }
        let norms = (0..<n).map { row in
            table.values[row * d..<(row + 1) * d].reduce(Float(0)) { $0 + $1 * $1 }
        }
        func distances(to rows: [Int]) throws -> [Float] {
            let points = table.taking(rows)
            return try team.product(x, points.values, outputs: rows.count, bias: nil).values
        }
        let first = min(Int(draw() * Double(n)), n - 1)
        var chosen = [first]
        var nearest = try zip(distances(to: chosen), norms).map {
            max(0, $1 + norms[first] - 2 * $0)
        }
        let trials = 2 + Int(Elementary.log(Double(clusters)))
        while chosen.count < clusters {
            let total = nearest.reduce(0.0) { $0 + Double($1) }
            let candidates = (0..<trials).map { _ in
                var left = draw() * total
                for row in 0..<n {
                    left -= Double(nearest[row])
                    if left < 0 { return row }
                }
                return n - 1
            }
            let products = try distances(to: candidates)
            var best: (potential: Double, nearest: [Float], row: Int)?
            for (trial, candidate) in candidates.enumerated() {
                var next = nearest
                var potential = 0.0
                for row in 0..<n {
                    let product = products[row * trials + trial]
                    next[row] = min(next[row], max(0, norms[row] + norms[candidate] - 2 * product))
                    potential += Double(next[row])
                }
                if potential < best?.potential ?? .infinity { best = (potential, next, candidate) }
            }
            guard let best else { break }
            (nearest, chosen) = (best.nearest, chosen + [best.row])
        }
        return table.taking(chosen).values
    }
}
