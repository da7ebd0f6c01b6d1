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
        let halves = (0..<count).map { row in
            var sum = 0.0
            for value in data.table.values[row * d..<(row + 1) * d] {
                sum += Double(value) * Double(value)
            }
            return Float(-0.5 * sum)
        }
        let projection = Projection([Projection.Part(matrix: packed, bias: Vector(halves))])
        var labels = [Int32](repeating: 0, count: table.rows)
        let tile = max(1, min(512, (4 << 20) / count))
        let (stored, targets, classCount) = (data.table.values, data.labels, classes.count)
        for start in stride(from: 0, to: table.rows, by: tile) {
            let rows = min(tile, table.rows - start)
            let points = Array(table.values[start * d..<(start + rows) * d])
            let x = Tensor(points, rows: rows, width: d, arena: team.processor.arena)
            let scores = team.processor.project(x, through: projection)
            nonisolated(unsafe) let source = UnsafePointer(scores.pointer)
            labels.withUnsafeMutableBufferPointer { buffer in
                nonisolated(unsafe) let labels = buffer
                team.run(rows, grain: 4) { range in
                    for row in range {
                        let near = largest(keep, of: source + row * count, count)
                        let exact = near.map { index in
                            var sum = 0.0
                            for column in 0..<d {
                                let step =
                                    Double(points[row * d + column])
                                    - Double(stored[index * d + column])
                                sum += step * step
                            }
                            return (sum, index)
                        }.sorted { $0 < $1 }
                        var votes = [Int32](repeating: 0, count: classCount)
                        for (_, index) in exact.prefix(k) { votes[Int(targets[index])] += 1 }
                        labels[start + row] = firstLargest(votes)
                    }
                }
            }
        }
        return Prediction(labels: labels, scores: [], columns: 0)
    }
}

/// The places of the largest values, unsorted beyond their order of merit, ties by place.
func largest(_ keep: Int, of values: UnsafePointer<Float>, _ count: Int) -> [Int] {
    var places = [Int](repeating: 0, count: keep)
    var kept = [Float](repeating: -.infinity, count: keep)
    var filled = 0
    var bar = -Float.infinity
    for index in 0..<count where values[index] > bar || filled < keep {
        let value = values[index]
        var place = min(filled, keep - 1)
        while place > 0, value > kept[place - 1] {
            (kept[place], places[place]) = (kept[place - 1], places[place - 1])
            place -= 1
        }
        (kept[place], places[place]) = (value, index)
        filled = min(filled + 1, keep)
        if filled == keep { bar = kept[keep - 1] }
    }
    return Array(places.prefix(filled))
}

/// The place of the first largest value.
func firstLargest<Value: Comparable>(_ values: [Value]) -> Int32 {
    var best = 0
    for index in values.indices where values[index] > values[best] { best = index }
    return Int32(best)
}
