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

    /// Wraps centroids `[clusters, width]`.
    public init(width: Int, centres: [Float], iterations: Int = 0, inertia: Double = 0) {
        (self.width, self.centres) = (width, centres)
        (self.iterations, self.inertia) = (iterations, inertia)
    }

    /// `cluster_centers`.
    public var arrays: [String: NumberArray] {
        ["cluster_centers": NumberArray(centres, shape: [centres.count / width, width])]
    }
    /// `inertia` and `iterations`.
    public var parameters: [String: Double] {
        ["inertia": inertia, "iterations": Double(iterations)]
    }

    /// The nearest centroid; batches without a forced plan use a bulk product.
    public func predict(_ table: Table, on team: PoolTeam, plan: Plan?) throws -> Prediction {
        try lend(centres, [0], [0]) { centres, _, _ in
            let terms = CentreTerms<Float>(
                rows: self.centres.count / width,
                width: width,
                centres: centres
            )
            let isBulk = plan == nil && table.rows * self.centres.count >= 1 << 16
            return isBulk
                ? try bulk(terms, table, team) : scoreRows(terms, table, on: team, plan: plan)
        }
    }

    /// Labels by `x · c - ½|c|²` in bulk; where rounding could change the nearest centroid, by distances.
    ///
    /// A label is the one that a plan would give, its score exact; the other scores are `-|x - c|²` up to the
    /// rounding of `|x|²`.
    private func bulk(
        _ terms: CentreTerms<Float>,
        _ table: Table,
        _ team: PoolTeam
    ) throws -> Prediction {
        let (clusters, width, rows) = (terms.rows, width, table.rows)
        let halves = halfNorms(Table(centres, rows: clusters, width: width))
        let x = team.tensor(table)
        let products = try team.product(x, centres, outputs: clusters, bias: halves)
        // What products and distances may be wrong by, as a share of the squared lengths.
        let share = Float(width + 8) * 0x1p-22
        let longest = -2 * (halves.min() ?? 0)
        var labels = [Int32](repeating: 0, count: rows)
        var scores = [Double](repeating: 0, count: rows * clusters)
        labels.withUnsafeMutableBufferPointer { labels in
            scores.withUnsafeMutableBufferPointer { scores in
                nonisolated(unsafe) let (labels, scores) = (labels, scores)
                team.run(rows) { range in
                    for row in range {
                        let sample = UnsafePointer(x.pointer + row * width)
                        let product = products.pointer + row * clusters
                        let square = Float.dot(sample, sample, width)
                        var (best, most, second) = (0, product[0], -Float.infinity)
                        scores[row * clusters] = Double(2 * most - square)
                        for cluster in 1..<max(clusters, 1) {
                            let value = product[cluster]
                            scores[row * clusters + cluster] = Double(2 * value - square)
                            if value > most {
                                (best, most, second) = (cluster, value, most)
                            } else if value > second {
                                second = value
                            }
                        }
                        if most - second > share * (square + longest) {
                            let score = terms.part(best, 0..<width, of: sample)
                            scores[row * clusters + best] = Double(score)
                        } else {
                            // Also where a sum overflowed and nothing can be told.
                            best = 0
                            for cluster in 0..<clusters {
                                let place = row * clusters + cluster
                                let score = terms.part(cluster, 0..<width, of: sample)
                                scores[place] = Double(score)
                                if scores[place] > scores[row * clusters + best] { best = cluster }
                            }
                        }
                        labels[row] = Int32(best)
                    }
                }
            }
        }
        return Prediction(labels: labels, scores: scores, columns: clusters)
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
        // The samples are packed once, as the matrix of every product; centroids are its few rows.
        let samples = Projection([
            Projection.Part(
                matrix: try team.processor.packed(table.values, as: .f32, outputs: n, inputs: d)
            )
        ])
        let variances = moments(table).variances
        let stop = tolerance * variances.reduce(0, +) / Double(d)
        var centres = try start ?? seeds(table, samples, team)
        var clustering = Clustering(rows: n, width: d, clusters: clusters)
        var rounds = 0
        var isSettled = false
        while rounds < iterations, !isSettled {
            rounds += 1
            isSettled = clustering.assign(table, samples, centres, team) == 0
            if clustering.move(&centres) <= stop { break }
        }
        // Samples that moved last, or centroids, may have neared others.
        if !isSettled { _ = clustering.assign(table, samples, centres, team) }
        let inertia = clustering.inertia(table, centres, team)
        return CentroidModel(width: d, centres: centres, iterations: rounds, inertia: inertia)
    }

    private func seeds(
        _ table: Table,
        _ samples: Projection,
        _ team: PoolTeam
    ) throws -> [Float] {
        let n = table.rows
        let noise = Philox(NoiseKey(seed: seed, stream: 0x6b6d))
        var position: UInt64 = 0
        func draw() -> Double {
            position += 1
            return noise.uniform(at: position)
        }
        let norms = halfNorms(table).map { -2 * $0 }
        let first = min(Int(draw() * Double(n)), n - 1)
        var chosen: [Int] = []
        var nearest = [Float](repeating: .infinity, count: n)
        let trials = 2 + Int(Elementary.log(Double(clusters)))
        while chosen.count < clusters {
            var candidates = [first]
            if !chosen.isEmpty {
                let total = nearest.reduce(0.0) { $0 + Double($1) }
                candidates = (0..<trials).map { _ in
                    var left = draw() * total
                    return nearest.firstIndex {
                        left -= Double($0)
                        return left < 0
                    } ?? n - 1
                }
            }
            let count = candidates.count
            let products = products(table.taking(candidates).values, samples, team)
            let own = candidates.map { norms[$0] }
            let best = lend(norms, own, nearest) { norms, own, nearest in
                let products = UnsafePointer(products.pointer)
                let potentials = (0..<count).map { trial in
                    (0..<n).reduce(0.0) { sum, row in
                        let square = norms[row] + own[trial] - 2 * products[trial * n + row]
                        return sum + Double(min(nearest[row], max(0, square)))
                    }
                }
                return potentials.indices.min { potentials[$0] < potentials[$1] } ?? 0
            }
            for row in 0..<n {
                let square = norms[row] + own[best] - 2 * products.pointer[best * n + row]
                nearest[row] = min(nearest[row], max(0, square))
            }
            chosen.append(candidates[best])
        }
        return table.taking(chosen).values
    }
}

/// Which sample belongs to which cluster, and the sums of the clusters.
///
/// Samples that change their cluster are taken from one sum and added to another; the sums are in 64 bits,
/// so that this leaves no trace in 32. Samples are divided into the same parts for any number of threads.
private struct Clustering {
    private let rows: Int
    private let width: Int
    private let clusters: Int
    private let parts: Int
    private var labels: [Int32]
    /// `[parts, clusters, width]`.
    private var sums: [Double]
    /// `[parts, clusters]`.
    private var counts: [Int]

    init(rows: Int, width: Int, clusters: Int) {
        (self.rows, self.width, self.clusters) = (rows, width, clusters)
        parts = min(16, max(1, rows / 256))
        labels = .init(repeating: -1, count: rows)
        sums = .init(repeating: 0, count: parts * clusters * width)
        counts = .init(repeating: 0, count: parts * clusters)
    }

    private func range(_ part: Int) -> Range<Int> {
        rows * part / parts..<rows * (part + 1) / parts
    }

    /// Gives every sample to the nearest centroid, which has the largest `x · c - ½|c|²`.
    ///
    /// - Returns: How many changed.
    mutating func assign(
        _ table: Table,
        _ samples: Projection,
        _ centres: [Float],
        _ team: PoolTeam
    ) -> Int {
        let (rows, width, clusters, parts) = (rows, width, clusters, parts)
        let scores = products(centres, samples, team)
        let halves = halfNorms(Table(centres, rows: clusters, width: width))
        let ranges = (0..<parts).map(range)
        var changes = [Int](repeating: 0, count: parts)
        table.values.withUnsafeBufferPointer { values in
            labels.withUnsafeMutableBufferPointer { labels in
                sums.withUnsafeMutableBufferPointer { sums in
                    counts.withUnsafeMutableBufferPointer { counts in
                        changes.withUnsafeMutableBufferPointer { changes in
                            guard let x = values.baseAddress, let base = sums.baseAddress
                            else { return }
                            nonisolated(unsafe) let (values, sums) = (x, base)
                            nonisolated(unsafe) let (labels, counts) = (labels, counts)
                            nonisolated(unsafe) let changes = changes
                            nonisolated(unsafe) let scores = UnsafePointer(scores.pointer)
                            team.processor.pool.run(tasks: parts) { part in
                                let range = ranges[part]
                                var best = [Float](repeating: -.infinity, count: range.count)
                                var nearest = [Int32](repeating: 0, count: range.count)
                                for cluster in 0..<clusters {
                                    let score = scores + cluster * rows + range.lowerBound
                                    Self.keepLarger(
                                        score,
                                        halves[cluster],
                                        Int32(cluster),
                                        &best,
                                        &nearest
                                    )
                                }
                                for row in range {
                                    let label = Int(nearest[row - range.lowerBound])
                                    let old = Int(labels[row])
                                    guard old != label else { continue }
                                    labels[row] = Int32(label)
                                    changes[part] += 1
                                    let sample = values + row * width
                                    let target = sums + (part * clusters + label) * width
                                    for column in 0..<width {
                                        target[column] += Double(sample[column])
                                    }
                                    counts[part * clusters + label] += 1
                                    guard old >= 0 else { continue }
                                    let source = sums + (part * clusters + old) * width
                                    for column in 0..<width {
                                        source[column] -= Double(sample[column])
                                    }
                                    counts[part * clusters + old] -= 1
                                }
                            }
                        }
                    }
                }
            }
        }
        return changes.reduce(0, +)
    }

    /// Keeps `score + half` and the cluster wherever it is larger than what was kept.
    private static func keepLarger(
        _ score: UnsafePointer<Float>,
        _ half: Float,
        _ cluster: Int32,
        _ best: inout [Float],
        _ nearest: inout [Int32]
    ) {
        best.withUnsafeMutableBufferPointer { best in
            nearest.withUnsafeMutableBufferPointer { nearest in
                for row in 0..<best.count {
                    let value = score[row] + half
                    let isLarger = value > best[row]
                    best[row] = isLarger ? value : best[row]
                    nearest[row] = isLarger ? cluster : nearest[row]
                }
            }
        }
    }

    /// Moves centroids to the means of their samples; one without samples stays.
    ///
    /// - Returns: The sum of their squared steps.
    func move(_ centres: inout [Float]) -> Double {
        var moved = 0.0
        for cluster in 0..<clusters {
            let count = (0..<parts).reduce(0) { $0 + counts[$1 * clusters + cluster] }
            guard count > 0 else { continue }
            for column in 0..<width {
                var sum = 0.0
                for part in 0..<parts { sum += sums[(part * clusters + cluster) * width + column] }
                let mean = Float(sum / Double(count))
                let step = Double(mean - centres[cluster * width + column])
                moved += step * step
                centres[cluster * width + column] = mean
            }
        }
        return moved
    }

    /// The sum of squared distances of the samples to their centroids.
    func inertia(_ table: Table, _ centres: [Float], _ team: PoolTeam) -> Double {
        let ranges = (0..<parts).map(range)
        var found = [Double](repeating: 0, count: parts)
        let width = width
        lend(table.values, centres, labels) { values, centres, labels in
            found.withUnsafeMutableBufferPointer { found in
                nonisolated(unsafe) let (values, centres, labels) = (values, centres, labels)
                nonisolated(unsafe) let found = found
                team.processor.pool.run(tasks: parts) { part in
                    for row in ranges[part] {
                        found[part] += distance(
                            values + row * width,
                            centres + Int(labels[row]) * width,
                            width
                        )
                    }
                }
            }
        }
        return found.reduce(0, +)
    }
}

/// The products of points with all samples, `[points, samples]`.
private func products(_ points: [Float], _ samples: Projection, _ team: PoolTeam) -> Tensor {
    let width = samples.parts[0].matrix.inputs
    let x = Tensor(
        points,
        rows: points.count / width,
        width: width,
        arena: team.processor.arena
    )
    return team.processor.project(x, through: samples)
}
