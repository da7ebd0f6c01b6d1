public import SkeinClassic
internal import SkeinCore
internal import SkeinTensor

/// k-nearest neighbours: the training samples themselves.
public struct NeighbourModel: ClassicModel {
    /// Always nearest neighbours.
    public var kind: ClassicKind { .nearestNeighbours }
    /// The stored samples.
    public let data: Dataset
    /// How many neighbours vote.
    public let k: Int

    /// Stores samples; throws when there are fewer than `k`.
    public init(_ data: Dataset, k: Int) throws {
        guard k > 0, k <= data.table.rows else {
            throw SkeinError(
                .invalidArgument,
                "k is \(k), but there are \(data.table.rows) samples to be neighbours"
            )
        }
        try requireFinite(data.table)
        (self.data, self.k) = (data, k)
    }

    /// The names of the classes.
    public var classes: [String] { data.classes }
    /// D: the features of a sample.
    public var width: Int { data.table.width }
    /// `samples` and `targets`.
    public var arrays: [String: NumberArray] {
        [
            "samples": NumberArray(data.table.values, shape: [data.table.rows, width]),
            "targets": NumberArray(data.labels.map(Double.init), shape: [data.table.rows]),
        ]
    }
    /// `k`.
    public var parameters: [String: Double] { ["k": Double(k)] }

    /// The majority among the k nearest; batches without a forced plan use bulk products.
    public func predict(_ table: Table, on team: PoolTeam, plan: Plan?) throws -> Prediction {
        if let plan { return kernel(table, team, plan) }
        if table.rows * data.table.rows < 1 << 16 {
            return kernel(table, team, table.rows >= team.workers ? .batch : .rows)
        }
        return try bulk(table, team)
    }

    private func kernel(_ table: Table, _ team: PoolTeam, _ plan: Plan) -> Prediction {
        typealias Kernel = NearestKernel<Float>
        let (n, workers) = (table.rows, team.workers)
        var labels = [Int32](repeating: 0, count: n)
        let empty = Kernel.Neighbour(distance: 0, index: 0)
        var neighbours = [Kernel.Neighbour](repeating: empty, count: n * k)
        var scratch = [Kernel.Neighbour](
            repeating: empty,
            count: Kernel.scratchCount(samples: n, count: data.table.rows, k: k, workers: workers)
        )
        var votes = [Int32](repeating: 0, count: workers * classes.count)
        lend(data.table.values, data.labels, table.values) { stored, targets, x in
            labels.withUnsafeMutableBufferPointer { labels in
                neighbours.withUnsafeMutableBufferPointer { neighbours in
                    scratch.withUnsafeMutableBufferPointer { scratch in
                        votes.withUnsafeMutableBufferPointer { votes in
                            guard let labels = labels.baseAddress, let votes = votes.baseAddress,
                                let neighbours = neighbours.baseAddress,
                                let scratch = scratch.baseAddress
                            else { return }
                            team.run(
                                Kernel(
                                    stored: stored,
                                    classes: targets,
                                    count: data.table.rows,
                                    width: width,
                                    classCount: classes.count,
                                    k: k,
                                    x: x,
                                    samples: n,
                                    neighbours: neighbours,
                                    labels: labels,
                                    scratch: scratch,
                                    votes: votes,
                                    plan: plan,
                                    workers: workers
                                )
                            )
                        }
                    }
                }
            }
        }
        return Prediction(labels: labels, scores: [], columns: 0)
    }

    /// Candidates by `x · c - ½|c|²` in bulk, then exact distances among a few more than k.
    private func bulk(_ table: Table, _ team: PoolTeam) throws -> Prediction {
        let (count, k, d) = (data.table.rows, k, width)
        let keep = min(count, k + 8)
        let packed = try team.processor.packed(
            data.table.values,
            as: .f32,
            outputs: count,
            inputs: d
        )
        let halves = halfNorms(data.table)
        let projection = Projection([Projection.Part(matrix: packed, bias: Vector(halves))])
        var labels = [Int32](repeating: 0, count: table.rows)
        // As many rows as keep their scores in a second-level cache.
        let tile = max(1, min(256, (1 << 18) / count))
        let (stored, targets, classCount) = (data.table.values, data.labels, classes.count)
        let processor = team.processor
        for start in stride(from: 0, to: table.rows, by: tile) {
            let rows = min(tile, table.rows - start)
            let points = Array(table.values[start * d..<(start + rows) * d])
            let x = Tensor(points, rows: rows, width: d, arena: processor.arena)
            let scores = processor.project(x, through: projection)
            labels.withUnsafeMutableBufferPointer { buffer in
                nonisolated(unsafe) let labels = buffer
                team.run(rows, grain: 4) { range in
                    lend(points, stored, targets) { points, stored, targets in
                        var votes = [Int32](repeating: 0, count: classCount)
                        for row in range {
                            let point = points + row * d
                            let near = processor.largest(keep, of: scores, row: row).map { index in
                                (distance(point, stored + index * d, d), index)
                            }.sorted { $0 < $1 }
                            for place in votes.indices { votes[place] = 0 }
                            for (_, index) in near.prefix(k) { votes[Int(targets[index])] += 1 }
                            labels[start + row] = firstLargest(votes)
                        }
                    }
                }
            }
        }
        return Prediction(labels: labels, scores: [], columns: 0)
    }
}

/// The squared distance of two samples in 64 bits.
func distance(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ width: Int) -> Double {
    var sums = SIMD4<Double>.zero
    var column = 0
    while column &+ 4 <= width {
        let one = UnsafeRawPointer(a + column).loadUnaligned(as: SIMD4<Float>.self)
        let other = UnsafeRawPointer(b + column).loadUnaligned(as: SIMD4<Float>.self)
        let step = SIMD4<Double>(one) - SIMD4<Double>(other)
        sums += step * step
        column &+= 4
    }
    var sum = sums.sum()
    while column < width {
        let step = Double(a[column]) - Double(b[column])
        sum += step * step
        column &+= 1
    }
    return sum
}

/// `-½|x|²` of every sample.
func halfNorms(_ table: Table) -> [Float] {
    table.values.withUnsafeBufferPointer { values in
        (0..<table.rows).map { row in
            var sum = 0.0
            for value in UnsafeBufferPointer(
                rebasing: values[row * table.width..<(row + 1) * table.width]
            ) { sum += Double(value) * Double(value) }
            return Float(-0.5 * sum)
        }
    }
}

/// The place of the first largest value.
func firstLargest<Value: Comparable>(_ values: [Value]) -> Int32 {
    var best = 0
    for index in values.indices where values[index] > values[best] { best = index }
    return Int32(best)
}
