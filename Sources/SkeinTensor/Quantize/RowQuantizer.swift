internal import CSkeinKernels

/// Turns one row after another into codes; rows do not depend on each other.
struct RowQuantizer: @unchecked Sendable {
    let weights: UnsafePointer<Float>
    let inputs: Int
    let recipe: QuantizationRecipe
    let report: QuantizationReport
    let measuresNearest: Bool
    let processor: Processor

    /// What became of a row.
    struct Outcome: Sendable {
        var error = 0.0
        /// The part of the error that rounding outliers makes.
        var lostInOutliers = 0.0
        var nearestError = 0.0
        var columns: [Int32] = []
        var values: [UInt16] = []
        var unit: UInt16 = 0
        var shares: [Int8] = []
        var ranges: [Double] = []
        var errors: [Double] = []
    }

    /// The row without its outliers.
    struct Scratch {
        var values: [Float]
        init(inputs: Int) { values = [Float](repeating: 0, count: inputs) }
    }

    /// Outliers take at most this share of a row: a few hot rows shall not take them all.
    private static let mostOfRow = 0.03

    func run(
        _ row: Int,
        codes: UnsafeMutablePointer<UInt8>,
        scales: UnsafeMutablePointer<UInt16>,
        minimums: UnsafeMutablePointer<UInt16>?,
        scratch: inout Scratch
    ) -> Outcome {
        var outcome = Outcome()
        let source = weights + row * inputs
        let width = recipe.format.values(inputs: inputs)
        scratch.values.withUnsafeMutableBufferPointer { buffer in
            guard let x = buffer.baseAddress else { return }
            x.update(from: source, count: inputs)
            if measuresNearest {
                for group in 0..<recipe.format.groups(inputs: inputs) {
                    let first = group * width
                    let count = min(width, inputs - first)
                    outcome.nearestError += Double(
                        sums(x + first, count, nearestScale(x + first, count)).error
                    )
                }
            }
            takeOutliers(x, &outcome)
            let groups = recipe.format.groups(inputs: inputs)
            for group in 0..<groups {
                let first = group * width
                fit(x + first, min(width, inputs - first), group, &outcome, scales, minimums)
            }
            if recipe.format.scaleBits == 8 { share(scales, groups, x, &outcome) }
            for group in 0..<groups {
                let first = group * width
                processor.kernels.encode_codes(
                    codes + first * recipe.format.bits / 8,
                    x + first,
                    min(width, inputs - first),
                    Int32(recipe.format.bits),
                    HalfFloat.float(scales[group]),
                    minimums.map { HalfFloat.float($0[group]) } ?? 0
                )
            }
        }
        return outcome
    }

    /// Moves values far from the mean to the outcome, and leaves zeros, which cost nothing.
    private func takeOutliers(_ x: UnsafeMutablePointer<Float>, _ outcome: inout Outcome) {
        guard let sigmas = recipe.sigmas, report.deviation > 0 else { return }
        let mean = Float(report.mean)
        let limit = Float(sigmas * report.deviation)
        var found: [Int32] = []
        for column in 0..<inputs where abs(x[column] - mean) >= limit {
            found.append(Int32(column))
        }
        let most = max(4, Int(Self.mostOfRow * Double(inputs)))
        if found.count > most {
            found.sort {
                let (a, b) = (abs(x[Int($0)] - mean), abs(x[Int($1)] - mean))
                return a != b ? a > b : $0 < $1
            }
            found = found[..<most].sorted()
        }
        for column in found {
            let value = x[Int(column)]
            let bits = HalfFloat.brainBits(value)
            let kept = Double(value) - Double(Float(bitPattern: UInt32(bits) << 16))
            outcome.lostInOutliers += kept * kept
            outcome.values.append(bits)
            x[Int(column)] = 0
        }
        outcome.columns = found
        outcome.error = outcome.lostInOutliers
    }

    private func fit(
        _ x: UnsafePointer<Float>,
        _ count: Int,
        _ group: Int,
        _ outcome: inout Outcome,
        _ scales: UnsafeMutablePointer<UInt16>,
        _ minimums: UnsafeMutablePointer<UInt16>?
    ) {
        let bits = Int32(recipe.format.bits)
        switch recipe.method {
        case .nearest:
            let scale = nearestScale(x, count)
            outcome.error += Double(sums(x, count, scale).error)
            scales[group] = HalfFloat.bits(scale)
        case .search:
            var fit = sk_scale_fit()
            let (steps, shrink): (Int32, Float) =
                switch bits {
                case ..<4: (16, 0.3)
                case 4: (14, 0.55)
                case 5: (8, 0.75)
                case 6: (6, 0.87)
                default: (4, 0.97)
                }
            processor.kernels.fit_scale(&fit, x, count, bits, steps, shrink)
            outcome.error += Double(fit.error)
            scales[group] = HalfFloat.bits(fit.scale)
        case .adam(let steps, let rate):
            let scale = descend(x, count, steps, rate, &outcome)
            outcome.error += Double(sums(x, count, scale).error)
            scales[group] = HalfFloat.bits(scale)
        case .halfQuadratic:
            var fit = sk_affine_fit()
            processor.kernels.fit_half_quadratic(&fit, x, count, bits, 20)
            scales[group] = HalfFloat.bits(fit.scale)
            minimums?[group] = HalfFloat.bits(fit.minimum)
            let shifted = (0..<count).map { x[$0] - fit.minimum }
            shifted.withUnsafeBufferPointer {
                if let base = $0.baseAddress {
                    outcome.error += Double(sums(base, count, fit.scale).error)
                }
            }
        }
    }

    /// Rounds a row's scales to shares of the largest, and counts the error that codes make with them.
    private func share(
        _ scales: UnsafeMutablePointer<UInt16>,
        _ groups: Int,
        _ x: UnsafePointer<Float>,
        _ outcome: inout Outcome
    ) {
        let width = recipe.format.values(inputs: inputs)
        let largest = (0..<groups).reduce(Float(0)) { max($0, abs(HalfFloat.float(scales[$1]))) }
        outcome.unit = HalfFloat.bits(largest)
        outcome.error = largest.isFinite ? outcome.lostInOutliers : .infinity
        for group in 0..<groups {
            let scale = HalfFloat.float(scales[group])
            let share =
                largest > 0 && largest.isFinite ? Int8((scale / largest * 127).rounded()) : 0
            outcome.shares.append(share)
            scales[group] = GroupedFormat.scale(share, of: outcome.unit)
            let first = group * width
            let count = min(width, inputs - first)
            outcome.error += Double(
                sums(x + first, count, HalfFloat.float(scales[group])).error
            )
        }
    }

    private func sums(_ x: UnsafePointer<Float>, _ count: Int, _ scale: Float) -> sk_code_sums {
        var sums = sk_code_sums()
        processor.kernels.code_sums(&sums, x, count, Int32(recipe.format.bits), scale)
        return sums
    }

    private func largest(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
        var lanes = SIMD8<Float>(repeating: 0)
        let whole = count / 8 * 8
        for index in stride(from: 0, to: whole, by: 8) {
            let values = UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Float>.self)
            let magnitudes = values.replacing(with: -values, where: values .< 0)
            lanes.replace(with: magnitudes, where: magnitudes .> lanes)
        }
        let most = lanes.indices.reduce(Float(0)) { max($0, lanes[$1]) }
        return (whole..<count).reduce(most) { max($0, abs(x[$1])) }
    }

    /// The scale of a range as it is stored: negative, so that the positive side has one code more.
    private func scale(range: Float) -> Float {
        HalfFloat.float(HalfFloat.bits(-range / Float(recipe.format.zero)))
    }

    private func nearestScale(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
        scale(range: largest(x, count))
    }

    /// Adam on the range R, with s = R / 2^(bits - 1) and dE/ds = 2 (s · Σq² - Σxq) (section 3.2).
    private func descend(
        _ x: UnsafePointer<Float>,
        _ count: Int,
        _ steps: Int,
        _ rate: Double,
        _ outcome: inout Outcome
    ) -> Float {
        let codes = Double(recipe.format.zero)
        let start = Double(largest(x, count))
        var (range, first, second) = (start, 0.0, 0.0)
        var best = (error: Double.infinity, range: start)
        for step in 0...steps {
            // Codes are of -x / s: the stored scale is negative.
            let scale = Float(-range / codes)
            let sums = sums(x, count, scale)
            outcome.ranges.append(range)
            outcome.errors.append(Double(sums.error))
            if Double(sums.error) < best.error { best = (Double(sums.error), range) }
            guard step < steps, start > 0 else { continue }
            let slope = 2 * (Double(scale) * Double(sums.squares) - Double(sums.products))
            let gradient = -slope / codes
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient * gradient
            let power = Double(step + 1)
            let corrected = first / (1 - Self.power(0.9, power))
            let spread = (second / (1 - Self.power(0.999, power))).squareRoot()
            range -= rate * corrected / (spread + 1e-8)
            range = min(max(range, 1e-8), 1.2 * start)
        }
        return self.scale(range: Float(best.range))
    }

    private static func power(_ base: Double, _ exponent: Double) -> Double {
        var result = 1.0
        for _ in 0..<Int(exponent) { result *= base }
        return result
    }
}
