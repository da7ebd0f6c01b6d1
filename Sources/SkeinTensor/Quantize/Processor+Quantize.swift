internal import CSkeinKernels
internal import SkeinCore

extension Processor {
    /// Turns a matrix into codes, on all threads.
    ///
    /// The result does not depend on their number.
    ///
    /// EasyQuant (arXiv 2403.02775), section 3: outliers by the matrix's standard deviation, then each
    /// group's range by the error of reconstruction.
    ///
    /// - Parameters:
    ///   - weights: `outputs · inputs` values, row by row.
    ///   - name: The matrix's name, for errors.
    ///   - outputs: N.
    ///   - recipe: What to do.
    ///   - measuresNearest: Whether the report says what rounding to nearest would have cost.
    /// - Returns: The codes.
    /// - Throws: `SkeinError.Code.notFinite` with the place of a value that is not finite or too large
    ///   for the scales, `.invalidArgument` for a recipe that contradicts itself.
    public func quantize(
        _ weights: UnsafeBufferPointer<Float>,
        name: String,
        outputs: Int,
        recipe: QuantizationRecipe,
        measuresNearest: Bool = true
    ) throws -> QuantizedMatrix {
        try recipe.check()
        let inputs = outputs == 0 ? 0 : weights.count / outputs
        var result = QuantizedMatrix(format: recipe.format, outputs: outputs, inputs: inputs)
        guard let base = weights.baseAddress, inputs > 0 else { return result }
        try measure(base, name, outputs, inputs, &result.report)
        let job = RowQuantizer(
            weights: base,
            inputs: inputs,
            recipe: recipe,
            report: result.report,
            measuresNearest: measuresNearest,
            processor: self
        )
        let format = recipe.format
        let groups = format.groups(inputs: inputs)
        let stride = format.codeBytes(inputs: inputs)
        result.codes = [UInt8](repeating: 0, count: outputs * stride)
        result.scales = [UInt16](repeating: 0, count: outputs * groups)
        if format.scaleBits == 8 {
            result.shares = [Int8](repeating: 0, count: outputs * groups)
            result.units = [UInt16](repeating: 0, count: outputs)
        }
        result.minimums = [UInt16](
            repeating: 0,
            count: format.hasMinimum ? outputs * groups : 0
        )
        var rows = [RowQuantizer.Outcome](repeating: RowQuantizer.Outcome(), count: outputs)
        result.codes.withUnsafeMutableBufferPointer { codes in
            result.scales.withUnsafeMutableBufferPointer { scales in
                result.minimums.withUnsafeMutableBufferPointer { minimums in
                    rows.withUnsafeMutableBufferPointer { rows in
                        guard let codes = codes.baseAddress, let scales = scales.baseAddress,
                            let outcomes = rows.baseAddress
                        else { return }
                        // An empty array may still have an address.
                        let lows = format.hasMinimum ? minimums.baseAddress : nil
                        nonisolated(unsafe) let to = (codes, scales, lows, outcomes)
                        pool.run(count: outputs, grain: max(1, 16_384 / inputs)) { range in
                            var scratch = RowQuantizer.Scratch(inputs: inputs)
                            for row in range {
                                to.3[row] = job.run(
                                    row,
                                    codes: to.0 + row * stride,
                                    scales: to.1 + row * groups,
                                    minimums: to.2.map { $0 + row * groups },
                                    scratch: &scratch
                                )
                            }
                        }
                    }
                }
            }
        }
        try gather(rows, name, recipe, into: &result)
        for (row, outcome) in rows.enumerated() where format.scaleBits == 8 {
            result.units[row] = outcome.unit
            for group in 0..<groups { result.shares[row * groups + group] = outcome.shares[group] }
        }
        return result
    }

    /// Moments of the matrix, row by row and then over the rows in order.
    private func measure(
        _ weights: UnsafePointer<Float>,
        _ name: String,
        _ outputs: Int,
        _ inputs: Int,
        _ report: inout QuantizationReport
    ) throws {
        var sums = [Double](repeating: 0, count: outputs * 4)
        sums.withUnsafeMutableBufferPointer { sums in
            guard let base = sums.baseAddress else { return }
            nonisolated(unsafe) let to = base
            nonisolated(unsafe) let from = weights
            pool.run(count: outputs, grain: max(1, 16_384 / inputs)) { [kernels] rows in
                for row in rows {
                    kernels.power_sums(to + 4 * row, from + row * inputs, inputs)
                }
            }
        }
        var total = [0.0, 0, 0, 0]
        for row in 0..<outputs {
            for power in 0..<4 { total[power] += sums[4 * row + power] }
        }
        guard total.allSatisfy(\.isFinite) else {
            let index = (0..<outputs * inputs).first { !weights[$0].isFinite } ?? 0
            throw SkeinError(
                .notFinite,
                "\(name)[\(index / inputs), \(index % inputs)] is \(weights[index]), expected a"
                    + " finite number",
                hint: "the checkpoint is damaged"
            )
        }
        let count = Double(outputs * inputs)
        let moments = total.map { $0 / count }
        let mean = moments[0]
        let variance = max(0, moments[1] - mean * mean)
        let fourth =
            moments[3] - 4 * mean * moments[2] + 6 * mean * mean * moments[1]
            - 3 * mean * mean * mean * mean
        report.mean = mean
        report.deviation = variance.squareRoot()
        report.kurtosis = variance > 0 ? fourth / (variance * variance) : 0
        report.power = total[1]
    }

    private func gather(
        _ rows: [RowQuantizer.Outcome],
        _ name: String,
        _ recipe: QuantizationRecipe,
        into result: inout QuantizedMatrix
    ) throws {
        if let row = rows.firstIndex(where: { !$0.error.isFinite }) {
            throw SkeinError(
                .notFinite,
                "row \(row) of \(name) needs a scale beyond binary16, whose largest is 65504",
                hint: "leave this tensor out with --exclude"
            )
        }
        if recipe.sigmas != nil { result.starts = [0] }
        for row in rows {
            result.report.error += row.error
            result.report.nearestError += row.nearestError
            result.report.mostOutliers = max(result.report.mostOutliers, row.columns.count)
            guard recipe.sigmas != nil else { continue }
            result.columns += row.columns
            result.values += row.values
            result.starts.append(Int32(result.columns.count))
        }
        guard case .adam(let steps, _) = recipe.method, !rows.isEmpty else { return }
        for step in 0...steps {
            let ranges = rows.reduce(0) { $0 + $1.ranges[step] }
            result.report.ranges.append(ranges / Double(rows.count))
            result.report.errors.append(rows.reduce(0) { $0 + $1.errors[step] })
        }
    }
}
