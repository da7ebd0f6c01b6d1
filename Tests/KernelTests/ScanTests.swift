import CSkeinKernels
import Foundation
import SkeinTestSupport
import Testing

/// Scan and convolution against plain loops in double precision.
@Suite struct ScanTests {
    /// One case's numbers, drawn.
    struct Case {
        var rows: Int
        let (channels, states): (Int, Int)
        var x, step, mixed, gate, skip, rates: [Float]

        init(rows: Int, channels: Int, states: Int, seed: UInt64) {
            var random = SplitMix64(seed: seed)
            self.rows = rows
            (self.channels, self.states) = (channels, states)
            x = random.normals(rows * channels)
            step = random.normals(rows * channels, deviation: 4)
            mixed = random.normals(rows * 2 * states)
            gate = random.normals(rows * channels, deviation: 3)
            skip = random.normals(channels)
            rates = random.normals(channels * states).map { -abs($0) * 3 }
        }

        var blocks: Int { (channels + 15) / 16 }

        /// A log₂ e by blocks.
        var decay: [Float] {
            var result = [Float](repeating: 0, count: blocks * states * 16)
            for channel in 0..<channels {
                for state in 0..<states {
                    result[(channel / 16 * states + state) * 16 + channel % 16] =
                        rates[channel * states + state] * 1.442_695_04
                }
            }
            return result
        }

        /// y, by a recurrence in double precision.
        func expected(from past: [Double]? = nil) -> (y: [Double], state: [Double]) {
            var h = past ?? [Double](repeating: 0, count: channels * states)
            var y: [Double] = []
            for row in 0..<rows {
                for channel in 0..<channels {
                    let place = row * channels + channel
                    let raw = Double(step[place])
                    let size = raw > 30 ? raw : log1p(exp(raw))
                    var sum = Double(skip[channel]) * Double(x[place])
                    for state in 0..<states {
                        let rate = Double(rates[channel * states + state])
                        let index = channel * states + state
                        h[index] =
                            exp(size * rate) * h[index]
                            + size * Double(mixed[row * 2 * states + state]) * Double(x[place])
                        sum += Double(mixed[row * 2 * states + states + state]) * h[index]
                    }
                    let z = Double(gate[place])
                    y.append(sum * z / (1 + exp(-z)))
                }
            }
            return (y, h)
        }

        /// Runs the rows in pieces, each of which goes on from the one before.
        func run(
            _ kernels: sk_kernels,
            cuts: [Int],
            parts: Int = 1,
            from past: [Float]? = nil
        ) -> (y: [Float], state: [Float]) {
            var y = [Float](repeating: .nan, count: rows * channels)
            var state = [Float](repeating: .nan, count: blocks * states * 16)
            let (decay, ends) = (decay, cuts + [rows])
            for (index, first) in ([0] + cuts).enumerated() {
                let before = state
                for part in 0..<parts {
                    y.withUnsafeMutableBufferPointer { y in
                        state.withUnsafeMutableBufferPointer { state in
                            var arguments = sk_scan(
                                x: pointer(x) + first * channels,
                                step: pointer(step) + first * channels,
                                in: pointer(mixed) + first * 2 * states,
                                out: pointer(mixed) + first * 2 * states + states,
                                gate: pointer(gate) + first * channels,
                                decay: pointer(decay),
                                skip: pointer(skip),
                                past: index == 0 ? past.map(pointer) : pointer(before),
                                next: state.baseAddress.unsafelyUnwrapped,
                                y: y.baseAddress.unsafelyUnwrapped + first * channels,
                                steps: nil,
                                ld_x: channels,
                                ld_step: channels,
                                ld_in: 2 * states,
                                ld_gate: channels,
                                ld_y: channels,
                                rows: ends[index] - first,
                                channels: channels,
                                states: states
                            )
                            kernels.scan(
                                &arguments,
                                blocks * part / parts,
                                blocks * (part + 1) / parts
                            )
                        }
                    }
                }
            }
            return (y, state)
        }

        /// What all rows come to from zeros: the state and the sums of steps.
        func summary(_ kernels: sk_kernels) -> (state: [Float], steps: [Float]) {
            var state = [Float](repeating: .nan, count: blocks * states * 16)
            var steps = [Float](repeating: .nan, count: blocks * 16)
            let decay = decay
            state.withUnsafeMutableBufferPointer { state in
                steps.withUnsafeMutableBufferPointer { steps in
                    var arguments = sk_scan(
                        x: pointer(x),
                        step: pointer(step),
                        in: pointer(mixed),
                        out: pointer(mixed) + states,
                        gate: nil,
                        decay: pointer(decay),
                        skip: pointer(skip),
                        past: nil,
                        next: state.baseAddress.unsafelyUnwrapped,
                        y: nil,
                        steps: steps.baseAddress,
                        ld_x: channels,
                        ld_step: channels,
                        ld_in: 2 * states,
                        ld_gate: 0,
                        ld_y: 0,
                        rows: rows,
                        channels: channels,
                        states: states
                    )
                    kernels.scan(&arguments, 0, blocks)
                }
            }
            return (state, steps)
        }

        private func pointer(_ values: [Float]) -> UnsafePointer<Float> {
            values.withUnsafeBufferPointer { $0.baseAddress.unsafelyUnwrapped }
        }
    }

    static let cases = [
        Case(rows: 1, channels: 16, states: 16, seed: 1),
        Case(rows: 33, channels: 40, states: 16, seed: 2),
        Case(rows: 70, channels: 7, states: 1, seed: 3),
        Case(rows: 19, channels: 150, states: 5, seed: 4),
        Case(rows: 5, channels: 33, states: 64, seed: 5),
    ]

    @Test(arguments: Level.all)
    func `a scan equals its recurrence`(_ level: Level) {
        for one in Self.cases {
            let (y, _) = one.run(level.kernels, cuts: [])
            let expected = one.expected().y
            let largest = expected.map(abs).max() ?? 0
            for (found, wanted) in zip(y, expected) {
                #expect(abs(Double(found) - wanted) <= 2e-6 * max(largest, 1))
            }
        }
    }

    @Test(arguments: Level.all)
    func `cuts and parts leave the same bits`(_ level: Level) {
        for one in Self.cases {
            let whole = one.run(level.kernels, cuts: [])
            let single = one.run(
                level.kernels,
                cuts: Array(1..<max(one.rows, 2)).filter { $0 < one.rows }
            )
            #expect(single.y == whole.y && single.state == whole.state)
            let pieces = one.run(
                level.kernels,
                cuts: [one.rows / 3, one.rows / 2].filter { $0 > 0 },
                parts: one.blocks
            )
            #expect(pieces.y == whole.y && pieces.state == whole.state)
        }
    }

    @Test(arguments: Level.all)
    func `steps far from zero keep the state in bounds`(_ level: Level) {
        for raw: Float in [-200, -60, 25, 90, 1e4] {
            var one = Case(rows: 12, channels: 18, states: 3, seed: 9)
            one.step = one.step.map { _ in raw }
            let (y, _) = one.run(level.kernels, cuts: [])
            let expected = one.expected().y
            let largest = max(expected.map(abs).max() ?? 0, 1)
            for (found, wanted) in zip(y, expected) {
                #expect(abs(Double(found) - wanted) <= 2e-6 * largest, "\(raw)")
            }
        }
    }

    @Test(arguments: Level.all)
    func `what is not a number stays one`(_ level: Level) {
        var one = Case(rows: 3, channels: 17, states: 2, seed: 10)
        one.step[18] = .nan
        let (y, _) = one.run(level.kernels, cuts: [])
        #expect(y[18].isNaN && y[35].isNaN && !y[1].isNaN && y[17].isFinite)
    }

    /// With one state, A = −1, B = C = 1 and exact zero-order hold the state is a gated average; the Euler
    /// rule that checkpoints need differs from it by design.
    ///
    /// - Paper: Gu and Dao 2023, arXiv:2312.00752, theorem 1.
    @Test func `one state is a gate up to the discretisation`() {
        var one = Case(rows: 40, channels: 16, states: 1, seed: 11)
        one.rates = one.rates.map { _ in -1 }
        one.mixed = one.mixed.map { _ in 1 }
        one.skip = one.skip.map { _ in 0 }
        one.step = one.step.map { $0 - 9 }
        let (y, _) = one.run(Level.portable, cuts: [])
        var (h, largest) = (0.0, 0.0)
        for row in 0..<one.rows {
            let g = 1 / (1 + exp(-Double(one.step[row * 16])))
            h = (1 - g) * h + g * Double(one.x[row * 16])
            let z = Double(one.gate[row * 16])
            let difference = abs(Double(y[row * 16]) - h * z / (1 + exp(-z)))
            largest = max(largest, difference)
        }
        #expect(largest < 0.05)
    }

    /// Rows put behind others by what they come to: from zeros, with the sum of their steps.
    @Test(arguments: Level.all)
    func `states of rows put together are those of the rows in order`(_ level: Level) {
        for one in Self.cases where one.rows > 2 {
            let middle = one.rows / 2
            func part(_ rows: Range<Int>) -> Case {
                var part = one
                part.rows = rows.count
                func cut(_ values: [Float], _ width: Int) -> [Float] {
                    Array(values[rows.lowerBound * width..<rows.upperBound * width])
                }
                part.x = cut(one.x, one.channels)
                part.step = cut(one.step, one.channels)
                part.mixed = cut(one.mixed, 2 * one.states)
                return part
            }
            let earlier = part(0..<middle).run(level.kernels, cuts: []).state
            let (later, steps) = part(middle..<one.rows).summary(level.kernels)
            var state = later
            level.kernels.scan_append(
                &state,
                earlier,
                one.decay,
                steps,
                one.states,
                one.blocks
            )
            let expected = one.run(level.kernels, cuts: []).state
            let largest = expected.map(abs).max() ?? 0
            #expect(zip(state, expected).allSatisfy { abs($0 - $1) <= 2e-6 * largest })
        }
    }

    /// A decay above one would let a state grow over a million rows that bring nothing.
    @Test(arguments: Level.all)
    func `a state that nothing enters never grows`(_ level: Level) {
        for raw in stride(from: Float(-100), through: 4, by: 0.37) {
            var one = Case(rows: 1, channels: 16, states: 3, seed: 12)
            one.step = one.step.map { _ in raw }
            one.x = one.x.map { _ in 0 }
            let before = [Float](repeating: 1, count: 16 * 3)
            let after = one.run(level.kernels, cuts: [], from: before).state
            #expect(after.allSatisfy { $0 <= 1 }, "\(raw)")
        }
    }
}
