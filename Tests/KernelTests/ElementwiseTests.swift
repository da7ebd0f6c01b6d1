import CSkeinKernels
import Foundation
import SkeinTestSupport
import Testing

@Suite struct ElementwiseTests {
    static let sizes = [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 576]

    @Test(arguments: Level.all, sizes)
    func `functions of one value agree with double precision`(level: Level, n: Int) {
        var random = SplitMix64(seed: UInt64(n))
        let x = random.normals(n, deviation: 3)
        let kernels = level.kernels
        func check(
            _ kernel: (UnsafeMutablePointer<Float>, UnsafePointer<Float>, Int) -> Void,
            _ function: (Double) -> Double
        ) {
            var y = [Float](repeating: .nan, count: n)
            kernel(&y, x, n)
            // The far tail of GELU multiplies the rounding of its exponent: 6e-6 of a tiny value.
            #expect(Tolerance.nmse(y, x.map { Float(function(Double($0))) }) < 1e-10)
        }
        check(kernels.exp) { Foundation.exp($0) }
        check(kernels.tanh) { Foundation.tanh($0) }
        check(kernels.silu) { $0 / (1 + Foundation.exp(-$0)) }
        check(kernels.gelu_erf) { 0.5 * $0 * erfc(-$0 / 2.0.squareRoot()) }
        check(kernels.gelu_tanh) {
            // 0.5 (1 + tanh u) without its cancellation near u = -∞
            $0 / (1 + Foundation.exp(-2 * 0.797_884_560_802_865_4 * ($0 + 0.044715 * $0 * $0 * $0)))
        }
        check({ y, x, n in kernels.scale(y, x, 0.3, n) }, { $0 * Double(Float(0.3)) })
    }

    @Test(arguments: Level.all)
    func `exp is within two units in the last place over its whole range`(level: Level) {
        let x = stride(from: Float(-104), through: 89, by: 0.000_731).map { $0 }
        var y = [Float](repeating: 0, count: x.count)
        level.kernels.exp(&y, x, x.count)
        var worst = 0.0
        for (value, found) in zip(x, y) {
            let exact = Foundation.exp(Double(value))
            if exact > Double(Float.greatestFiniteMagnitude) {
                #expect(found == .infinity || found == .greatestFiniteMagnitude)
            } else {
                worst = max(worst, abs(Double(found) - exact) / Double(Float(exact).ulp))
            }
        }
        #expect(worst <= 2)
        var special = [Float](repeating: 0, count: 5)
        level.kernels.exp(&special, [.nan, .infinity, -.infinity, 0, -0.0], 5)
        #expect(special[0].isNaN)
        #expect(special[1...] == [.infinity, 0, 1, 1])
    }

    @Test(arguments: Level.all, sizes)
    func `sums, products and gates agree with double precision`(level: Level, n: Int) {
        var random = SplitMix64(seed: UInt64(n) + 50)
        let kernels = level.kernels
        let a = random.normals(6 * n)
        let b = random.normals(6 * n)
        var y = [Float](repeating: .nan, count: 6 * n)
        kernels.add(&y, a, b, 6 * n)
        #expect(y == zip(a, b).map { $0 + $1 })
        kernels.multiply(&y, a, b, 6 * n)
        #expect(y == zip(a, b).map { $0 * $1 })
        var expected: [Float] = []
        for row in 0..<3 {
            for i in 0..<n {
                let gate = Double(a[row * 2 * n + i])
                expected.append(Float(gate / (1 + exp(-gate)) * Double(a[row * 2 * n + n + i])))
            }
        }
        var gated = [Float](repeating: .nan, count: 3 * n)
        kernels.silu_gate(&gated, n, a, 2 * n, 3, n)
        #expect(Tolerance.nmse(gated, expected) < 1e-12)
        var curved = [Float](repeating: .nan, count: n)
        kernels.gelu_tanh(&curved, a, n)
        kernels.gelu_gate(&gated, n, a, 2 * n, 3, n)
        #expect(Array(gated[..<n]) == (0..<n).map { curved[$0] * a[n + $0] })
    }

    @Test(arguments: Level.all, sizes.dropFirst())
    func `norms agree with double precision and rows do not touch`(level: Level, n: Int) {
        var random = SplitMix64(seed: UInt64(n) + 100)
        let kernels = level.kernels
        let x = random.normals(4 * n, deviation: 2).map { $0 + 0.5 }
        let weight = random.normals(n)
        let bias = random.normals(n)
        var root: [Float] = []
        var layer: [Float] = []
        for row in 0..<4 {
            let values = x[row * n..<(row + 1) * n].map(Double.init)
            let mean = values.reduce(0, +) / Double(n)
            let square = values.reduce(0) { $0 + $1 * $1 } / Double(n)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)
            for i in 0..<n {
                root.append(Float(values[i] / (square + 1e-5).squareRoot() * Double(weight[i])))
                let centred = (values[i] - mean) / (variance + 1e-5).squareRoot()
                layer.append(Float(centred * Double(weight[i]) + Double(bias[i])))
            }
        }
        var y = [Float](repeating: .nan, count: 4 * n)
        kernels.rms_norm(&y, n, x, n, weight, 4, n, 1e-5)
        #expect(Tolerance.nmse(y, root) < 1e-12)
        var alone = [Float](repeating: .nan, count: n)
        kernels.rms_norm(&alone, n, Array(x[2 * n..<3 * n]), n, weight, 1, n, 1e-5)
        #expect(alone == Array(y[2 * n..<3 * n]))
        kernels.layer_norm(&y, n, x, n, weight, bias, 4, n, 1e-5)
        #expect(Tolerance.nmse(y, layer) < 1e-10)
    }

    @Test(arguments: Level.all, [Int32(0), 1])
    func `rotary turns pairs and leaves the rest`(level: Level, interleaved: Int32) {
        var random = SplitMix64(seed: 9)
        for half in [0, 1, 3, 4, 5, 8, 17, 32, 64] {
            let headDim = 2 * half + 3
            let x = random.normals(2 * 3 * headDim)
            let angles = (0..<2 * half).map { Float($0) * 0.37 }
            let cosines = angles.map { Foundation.cos($0) }
            let sines = angles.map { Foundation.sin($0) }
            var expected = x
            for row in 0..<2 {
                for head in 0..<3 {
                    for i in 0..<half {
                        let start = (row * 3 + head) * headDim
                        let first = start + (interleaved == 1 ? 2 * i : i)
                        let second = start + (interleaved == 1 ? 2 * i + 1 : i + half)
                        let (c, s) = (
                            Double(cosines[row * half + i]), Double(sines[row * half + i])
                        )
                        let (a, b) = (Double(x[first]), Double(x[second]))
                        expected[first] = Float(a * c - b * s)
                        expected[second] = Float(a * s + b * c)
                    }
                }
            }
            var y = x
            level.kernels.rotary(
                &y,
                3 * headDim,
                cosines,
                sines,
                2,
                3,
                headDim,
                half,
                interleaved
            )
            #expect(Tolerance.nmse(y, expected) < 1e-12)
        }
    }

    @Test(arguments: Level.all, sizes)
    func `softmax and log-sum-exp agree with double precision`(level: Level, n: Int) {
        var random = SplitMix64(seed: UInt64(n) + 7)
        let x = random.normals(n, deviation: 4)
        let top = Double(x.max() ?? 0)
        let sum = x.reduce(0) { $0 + exp(Double($1) - top) }
        var y = [Float](repeating: .nan, count: n)
        level.kernels.softmax(&y, x, n)
        #expect(Tolerance.nmse(y, x.map { Float(exp(Double($0) - top) / sum) }) < 1e-12)
        let total = level.kernels.log_sum_exp(x, n)
        #expect(n == 0 ? total == -.infinity : abs(Double(total) - top - log(sum)) < 1e-5)
    }

    @Test(arguments: Level.all, sizes)
    func `the largest values are those of a sorted row`(level: Level, n: Int) {
        var random = SplitMix64(seed: UInt64(n) + 8)
        // Few kinds of values make many equals, of which the earlier comes first.
        for kinds in [2, 1 << 20] {
            let x = (0..<n).map { _ in Float(Int.random(in: -kinds...kinds, using: &random)) }
            let sorted = x.indices.sorted { (x[$1], $0) < (x[$0], $1) }
            for keep in [0, 1, 2, 13, n] where keep <= n {
                var places = [Int32](repeating: -1, count: keep)
                var values = [Float](repeating: .nan, count: keep)
                level.kernels.select_largest(&places, &values, keep, x, n)
                #expect(places.map(Int.init) == Array(sorted.prefix(keep)))
                #expect(values == places.map { x[Int($0)] })
            }
        }
    }

    @Test(arguments: Level.all, [-1000, 1000])
    func `softmax does not see a shift`(level: Level, shift: Float) {
        // Eighths stay exact when shifted, so the bits must stay too.
        var random = SplitMix64(seed: 3)
        let x = (0..<37).map { _ in Float(Int.random(in: -40...40, using: &random)) / 8 }
        var plain = [Float](repeating: .nan, count: x.count)
        var shifted = plain
        level.kernels.softmax(&plain, x, x.count)
        level.kernels.softmax(&shifted, x.map { $0 + shift }, x.count)
        #expect(plain == shifted)
        let total = level.kernels.log_sum_exp(x.map { $0 + shift }, x.count)
        #expect(abs(total - shift - level.kernels.log_sum_exp(x, x.count)) < 1e-3)
    }

    @Test(arguments: Level.all)
    func `reductions treat infinities and NaN as documented`(level: Level) {
        let kernels = level.kernels
        for n in [1, 8, 9, 33] {
            let none = [Float](repeating: -.infinity, count: n)
            var y = [Float](repeating: 7, count: n)
            kernels.softmax(&y, none, n)
            #expect(y.allSatisfy { $0 == 0 })
            #expect(kernels.log_sum_exp(none, n) == -.infinity)
            #expect(kernels.argmax(none, n) == 0)
            #expect(kernels.all_finite(none, n) == 0)
            let missing = [Float](repeating: .nan, count: n)
            #expect(kernels.argmax(missing, n) == -1)
            #expect(kernels.log_sum_exp(missing, n).isNaN)
            for place in 0..<n {
                var x = [Float](repeating: 1, count: n)
                #expect(kernels.all_finite(x, n) == 1)
                x[place] = 2
                x[n - 1] = max(x[n - 1], 2)
                #expect(kernels.argmax(x, n) == place)
                x[place] = .nan
                #expect(kernels.all_finite(x, n) == 0)
                #expect(kernels.argmax(x, n) != place)
                kernels.softmax(&y, x, n)
                #expect(y[place].isNaN)
            }
        }
        #expect(kernels.argmax([], 0) == -1)
        #expect(kernels.all_finite([], 0) == 1)
    }
}
