internal import SkeinClassic

/// Writes a model's tables in one kind of number, for inputs scaled so.
struct ChipQuantizer<Scalar: ChipScalar> {
    let tables: ChipTables
    let width: Int
    let input: InputScale
    /// How many powers of two the parameters are scaled beyond the largest one's fit; above zero some saturate.
    var shift = 0
    private(set) var parameters = SaturationCount()

    init(_ tables: ChipTables, width: Int, input: InputScale) {
        (self.tables, self.width, self.input) = (tables, width, input)
    }

    /// A blob with samples and without expected results.
    mutating func writer(_ samples: [Scalar]) -> BlobWriter {
        parameters = SaturationCount()
        var writer = BlobWriter(tables.kind, Scalar.numbers)
        writer[.width] = width
        writer[.samples] = samples.count / width
        writer.add(samples, at: .x)
        switch tables {
        case .linear(let weights, let biases): linear(weights, biases, &writer)
        case .gaussian(let means, let precisions, let constants):
            gaussian(means, precisions, constants, &writer)
        case .cholesky(let means, let factors, let constants):
            writer[.rows] = constants.count
            writer.add(means, at: .table0)
            writer.add(factors, at: .table1)
            writer.add(constants, at: .table2)
        case .centre(let centres), .iteration(let centres):
            writer[.rows] = centres.count / width
            writer.add(points(centres), at: .table0)
        case .nearest(let stored, let classes, let classCount, let k):
            writer[.rows] = classCount
            writer[.count] = classes.count
            writer[.k] = k
            writer.add(points(stored), at: .table0)
            writer.add(classes, at: .table1)
        case .forest(let model, let costs): forest(model, costs, &writer)
        }
        return writer
    }

    /// Samples, centroids or means as inputs are.
    private mutating func points(_ values: [Float]) -> [Scalar] {
        values.indices.map { index in
            input.encode(values[index], index % width, &parameters, as: Scalar.self)
        }
    }

    /// The factor that makes the largest value the largest integer, before the shift.
    private func fit(_ values: [Double]) -> Double {
        guard let largest = Scalar.largest else { return 1 }
        let most = values.reduce(0) { max($0, abs($1)) }
        let factor = most > 0 && most.isFinite ? largest / most : 1
        return shift >= 0 ? factor * Double(1 << shift) : factor / Double(1 << -shift)
    }

    /// `w x + b = Σ (w / s) (x - c) s + b + Σ w c`.
    private mutating func linear(
        _ weights: [Float],
        _ biases: [Float],
        _ writer: inout BlobWriter
    ) {
        var bases = biases.map(Double.init)
        let scaled = weights.indices.map { index in
            let (weight, feature) = (Double(weights[index]), index % width)
            bases[index / width] += weight * input.centres[feature]
            return input.scales[feature] == 0 ? 0 : weight / input.scales[feature]
        }
        let factor = fit(scaled)
        let worth = Scalar.largest == nil ? 1 : factor / Double(1 << Scalar.productShift)
        writer[.rows] = biases.count
        writer.add(scaled.map { saturated($0 * factor, &parameters, as: Scalar.self) }, at: .table0)
        writer.add(
            bases.map { saturatedSum($0 * worth, &parameters, as: Scalar.self) },
            at: .table1
        )
    }

    /// `g (x - μ)² = (g / s²) ((x - c) s - (μ - c) s)²`; a constant feature becomes part of K.
    private mutating func gaussian(
        _ means: [Float],
        _ precisions: [Float],
        _ constants: [Float],
        _ writer: inout BlobWriter
    ) {
        var bases = constants.map(Double.init)
        let scaled = precisions.indices.map { index in
            let (precision, feature) = (Double(precisions[index]), index % width)
            if input.scales[feature] == 0 {
                let offset = input.centres[feature] - Double(means[index])
                bases[index / width] -= precision * offset * offset
                return 0.0
            }
            return precision / (input.scales[feature] * input.scales[feature])
        }
        let factor = fit(scaled)
        let worth =
            Scalar.largest == nil
            ? 1 : factor * Double(sign: .plus, exponent: -Scalar.weightedShift, significand: 1)
        writer[.rows] = constants.count
        let centres = means.indices.map { index in
            // Means of constant features are out of reach of the inputs' scale, and weigh nothing.
            input.scales[index % width] == 0
                ? Scalar(nearest: 0)
                : input.encode(means[index], index % width, &parameters, as: Scalar.self)
        }
        writer.add(centres, at: .table0)
        writer.add(scaled.map { saturated($0 * factor, &parameters, as: Scalar.self) }, at: .table1)
        writer.add(
            bases.map { saturatedSum($0 * worth, &parameters, as: Scalar.self) },
            at: .table2
        )
    }

    /// Thresholds by the same rounding as inputs, so that order is kept; votes in parts of 65536.
    private mutating func forest(
        _ model: ForestModel,
        _ costs: [Float],
        _ writer: inout BlobWriter
    ) {
        writer[.rows] = model.classes.count
        writer[.count] = model.roots.count
        writer.add(model.roots, at: .table0)
        writer.add(model.features, at: .table1)
        let thresholds = model.thresholds.indices.map { node -> Scalar in
            let feature = Int(model.features[node])
            guard feature >= 0 else { return Scalar(nearest: 0) }
            if Scalar.largest != nil, input.scales[feature] == 0 {
                // The input is always 0: its constant value goes left or right for good.
                let goesLeft = input.centres[feature] <= Double(model.thresholds[node])
                return Scalar(nearest: goesLeft ? 0 : -1)
            }
            return input.encode(model.thresholds[node], feature, &parameters, as: Scalar.self)
        }
        writer.add(thresholds, at: .table2)
        writer.add(model.rights, at: .table3)
        let worth = Scalar.largest == nil ? 1.0 : 65536
        writer.add(model.leaves.map { Scalar.sum(nearest: $0 * worth) }, at: .table4)
        writer.add(costs, at: .table5)
    }
}
