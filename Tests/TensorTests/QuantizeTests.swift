import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

/// EasyQuant's searches against what they promise.
@Suite struct QuantizeTests {
    enum Shape: String, CaseIterable { case gaussian, studentT, laplace }

    /// 16 rows of 4,096 weights of scale 0.02.
    static func weights(_ shape: Shape) -> [Float] {
        var random = SplitMix64(seed: 41)
        func uniform() -> Double { Double.random(in: 1e-12..<1, using: &random) }
        func normal() -> Double { (-2 * log(uniform())).squareRoot() * cosine(uniform()) }
        return (0..<16 * 4096).map { _ in
            switch shape {
            case .gaussian: return Float(0.02 * normal())
            case .studentT:
                let chi = (0..<4).reduce(0.0) { sum, _ in
                    let value = normal()
                    return sum + value * value
                }
                return Float(0.02 * normal() / (chi / 4).squareRoot())
            case .laplace:
                let u = uniform() - 0.5
                return Float(-0.02 * (u < 0 ? -1 : 1) * log(max(1e-12, 1 - 2 * abs(u))))
            }
        }
    }

    static func log(_ x: Double) -> Double {
        // ln by the series of the exponent and an artanh series: no Foundation in these tests.
        let exponent = Double(x.exponent)
        let z = (x.significand - 1) / (x.significand + 1)
        var (term, sum) = (z, 0.0)
        for k in 0..<40 {
            sum += term / Double(2 * k + 1)
            term *= z * z
        }
        return 2 * sum + exponent * 0.693_147_180_559_945_3
    }

    static func cosine(_ turn: Double) -> Double {
        let x = (turn - 0.5) * 6.283_185_307_179_586
        var (term, sum) = (1.0, 0.0)
        for k in 1..<30 {
            sum += term
            term *= -x * x / Double((2 * k - 1) * 2 * k)
        }
        return -sum
    }

    static func quantize(
        _ values: [Float],
        outputs: Int,
        _ recipe: QuantizationRecipe,
        threads: Int = 2
    ) throws -> QuantizedMatrix {
        let processor = try Processor(threads: threads)
        return try values.withUnsafeBufferPointer {
            try processor.quantize($0, name: "w", outputs: outputs, recipe: recipe)
        }
    }

    static func error(_ matrix: QuantizedMatrix, _ weights: [Float]) throws -> Double {
        let floats = try matrix.record().floats()
        var (error, power) = (0.0, 0.0)
        for (a, b) in zip(floats, weights) {
            error += Double(a - b) * Double(a - b)
            power += Double(b) * Double(b)
        }
        return error / power
    }

    /// The squared errors of the specification, for rows of 4,096 weights in 4 bits.
    static let expectations:
        [(Shape, nearest: Double, ranged: Double, kept: Double, both: Double)] = [
            (.gaussian, 0.0195, 0.0120, 0.0117, 0.0098), (.studentT, 0.134, 0.059, 0.0116, 0.0100),
            (.laplace, 0.049, 0.026, 0.0116, 0.0101),
        ]

    @Test func `errors are those of the specification`() throws {
        for (shape, nearest, ranged, kept, both) in Self.expectations {
            let weights = Self.weights(shape)
            let format = try GroupedFormat(bits: 4, group: .row)
            let way = QuantizationRecipe.Method.adam(steps: 100, rate: 1e-3)
            let cases: [(QuantizationRecipe, Double)] = [
                (QuantizationRecipe(format: format, method: .nearest), nearest),
                (QuantizationRecipe(format: format, method: .search), ranged),
                (QuantizationRecipe(format: format, method: .nearest, sigmas: 3), kept),
                (QuantizationRecipe(format: format, method: .search, sigmas: 3), both),
                (QuantizationRecipe(format: format, method: way, sigmas: 3), both),
            ]
            for (recipe, expected) in cases {
                let matrix = try Self.quantize(weights, outputs: 16, recipe)
                let error = try Self.error(matrix, weights)
                // Heavy tails make the errors of whole ranges a matter of the sample.
                let isHeavy = shape != .gaussian && recipe.sigmas == nil
                let bound = isHeavy ? 0.35 : 0.05
                #expect(
                    abs(error - expected) <= bound * expected,
                    "\(shape) \(recipe.name): \(error), expected \(expected)"
                )
                #expect(abs(error - matrix.report.relativeError) <= 1e-3 * error)
            }
        }
    }

    /// The least error over all scales: the error is a parabola between breakpoints |x| / (k + 1/2).
    static func exact(_ x: [Float], bits: Int) -> Double {
        let zero = 1 << (bits - 1)
        var best = Double.infinity
        for sign in [1.0, -1.0] {
            let values = x.map { Double($0) * sign }
            var events: [(at: Double, index: Int)] = []
            for (index, value) in values.enumerated() where value != 0 {
                // The side of the sign has `zero` codes, the other one less.
                for k in 0..<(value < 0 ? zero : zero - 1) {
                    events.append((abs(value) / (Double(k) + 0.5), index))
                }
            }
            events.sort { $0.at > $1.at }
            let square = values.reduce(0) { $0 + $1 * $1 }
            var codes = [Double](repeating: 0, count: values.count)
            var (a, b) = (0.0, 0.0)
            for (place, event) in events.enumerated() {
                a += abs(values[event.index])
                b += 2 * codes[event.index] + 1
                codes[event.index] += 1
                let low = place + 1 < events.count ? events[place + 1].at : 0
                let scale = min(max(a / b, low), event.at)
                best = min(best, square - 2 * scale * a + scale * scale * b)
            }
        }
        return best
    }

    @Test(arguments: [2, 3, 4]) func `the search comes close to the best scale`(bits: Int) throws {
        for shape in Shape.allCases {
            let weights = Array(Self.weights(shape).prefix(64 * 64))
            let recipe = QuantizationRecipe(
                format: try GroupedFormat(bits: bits, group: .values(64))
            )
            let matrix = try Self.quantize(weights, outputs: 1, recipe)
            let found = try Self.error(matrix, weights)
            var (best, power) = (0.0, 0.0)
            for group in 0..<64 {
                best += Self.exact(Array(weights[group * 64..<(group + 1) * 64]), bits: bits)
            }
            for value in weights { power += Double(value) * Double(value) }
            #expect(found >= best / power * 0.999)
            // The search looks at one sign only: the one that gives the extreme value a code more.
            #expect(found <= best / power * 1.06, "\(shape) \(found) for \(best / power)")
        }
    }

    @Test func `outliers are kept whole and take no code`() throws {
        let weights = Self.weights(.studentT)
        let recipe = QuantizationRecipe(
            format: try GroupedFormat(bits: 4, group: .values(128)),
            sigmas: 3
        )
        let matrix = try Self.quantize(weights, outputs: 16, recipe)
        let report = matrix.report
        let floats = try matrix.record().floats()
        #expect(matrix.columns.count > 100)
        for row in 0..<16 {
            for index in Int(matrix.starts[row])..<Int(matrix.starts[row + 1]) {
                let place = row * 4096 + Int(matrix.columns[index])
                let rounded = Float(bitPattern: UInt32(matrix.values[index]) << 16)
                #expect(floats[place] == rounded)
                #expect(abs(rounded - weights[place]) <= abs(weights[place]) / 256)
                let code = Int(matrix.codes[place / 2] >> UInt8(place % 2 * 4)) & 15
                #expect(code == 8)
                #expect(
                    abs(Double(weights[place]) - report.mean) >= 3 * report.deviation * 0.999_999
                )
            }
        }
    }

    @Test func `each step of the method lowers the error`() throws {
        for shape in Shape.allCases {
            let weights = Self.weights(shape)
            let format = try GroupedFormat(bits: 4, group: .row)
            let recipes = [
                QuantizationRecipe(format: format, method: .nearest),
                QuantizationRecipe(format: format, method: .nearest, sigmas: 3),
                QuantizationRecipe(format: format, method: .search, sigmas: 3),
                QuantizationRecipe(
                    format: try GroupedFormat(bits: 4, group: .values(64)),
                    sigmas: 3
                ),
            ]
            var last = Double.infinity
            for recipe in recipes {
                let error = try Self.error(
                    Self.quantize(weights, outputs: 16, recipe),
                    weights
                )
                #expect(error < last, "\(shape) \(recipe.name)")
                last = error
            }
        }
    }

    @Test func `the range of the published method shrinks and settles`() throws {
        let recipe = QuantizationRecipe(
            format: try GroupedFormat(bits: 4, group: .row),
            method: .adam(steps: 200, rate: 1e-3)
        )
        let report = try Self.quantize(Self.weights(.studentT), outputs: 16, recipe).report
        try #require(report.ranges.count == 201 && report.errors.count == 201)
        #expect(report.ranges[100] < 0.8 * report.ranges[0])
        #expect(report.errors[200] < report.errors[0])
        #expect(abs(report.ranges[200] - report.ranges[170]) < 0.08 * report.ranges[0])
    }

    @Test func `bytes do not depend on the number of threads`() throws {
        let weights = Self.weights(.laplace)
        for method in [QuantizationRecipe.Method.search, .nearest, .adam(steps: 5, rate: 1e-3)] {
            let recipe = QuantizationRecipe(
                format: try GroupedFormat(bits: 3, group: .values(64)),
                method: method,
                sigmas: 2.5
            )
            let a = try Self.quantize(weights, outputs: 64, recipe, threads: 1)
            let b = try Self.quantize(weights, outputs: 64, recipe, threads: 2)
            #expect(a.codes == b.codes && a.scales == b.scales && a.values == b.values)
            #expect(a.report.error == b.report.error)
        }
    }

    @Test func `rows of zeros, constants and odd sizes survive`() throws {
        for (outputs, inputs) in [(1, 1), (3, 7), (2, 33), (5, 129)] {
            for value: Float in [0, 0.25, -3] {
                for bits in [2, 3, 4, 5, 6, 8] {
                    let weights = [Float](repeating: value, count: outputs * inputs)
                    let recipe = QuantizationRecipe(
                        format: try GroupedFormat(bits: bits, group: .values(32)),
                        sigmas: 3
                    )
                    let matrix = try Self.quantize(weights, outputs: outputs, recipe)
                    for float in try matrix.record().floats() {
                        #expect(abs(float - value) <= abs(value) * 1e-3)
                    }
                }
            }
        }
    }

    @Test func `values without a code are errors that name the place`() throws {
        var weights = [Float](repeating: 0.5, count: 4 * 64)
        let recipe = QuantizationRecipe(format: try GroupedFormat(bits: 4, group: .values(32)))
        weights[70] = .nan
        #expect {
            _ = try Self.quantize(weights, outputs: 4, recipe)
        } throws: { error in
            let error = error as? SkeinError
            return error?.code == .notFinite && error?.message.contains("w[1, 6]") == true
        }
        weights[70] = 1e7
        #expect {
            _ = try Self.quantize(weights, outputs: 4, recipe)
        } throws: { error in
            (error as? SkeinError)?.message.contains("row 1 of w") == true
        }
    }

    @Test func `recipes and names that make no sense are refused`() throws {
        for name in [
            "", "G7_64", "G4_48", "Q4_64", "G4", "G8_32_MIN", "G6_32_MIN", "G4_32_MAX",
            "G4_32_MIN_X", "G4_ROW_S8",
        ] {
            #expect(throws: SkeinError.self) { try GroupedFormat(name: name) }
        }
        for format in GroupedProductTests.formats {
            #expect(try GroupedFormat(name: format.name) == format)
        }
        let format = try GroupedFormat(bits: 4, group: .row)
        for recipe in [
            QuantizationRecipe(format: format, method: .halfQuadratic),
            QuantizationRecipe(format: format, sigmas: -1),
            QuantizationRecipe(format: format, method: .adam(steps: -1, rate: 1)),
            QuantizationRecipe(format: format, method: .adam(steps: 1, rate: .nan)),
        ] {
            #expect(throws: SkeinError.self) {
                try Self.quantize([1, 2, 3, 4], outputs: 1, recipe)
            }
        }
    }
}
