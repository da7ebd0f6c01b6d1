/// The types whose blocks hold 256 values in sub-blocks with small integer scales.
extension BlockEncoder {
    /// x ≈ d · s · q - dmin · m, with 6-bit s and m for each 32 values, q within 0 to 15.
    static func q4_K(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) {
        let scales = SubBlockScales(x, largestCode: 15)
        scales.write(to: out)
        for chunk in 0..<4 {
            for index in 0..<32 {
                let low = scales.code(x[chunk * 64 + index], subBlock: 2 * chunk)
                let high = scales.code(x[chunk * 64 + 32 + index], subBlock: 2 * chunk + 1)
                out[16 + chunk * 32 + index] = low | high << 4
            }
        }
    }

    /// As `q4_K` with q within 0 to 31; the fifth bits lie in 32 bytes, one bit a sub-block.
    static func q5_K(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) {
        let scales = SubBlockScales(x, largestCode: 31)
        scales.write(to: out)
        for chunk in 0..<4 {
            for index in 0..<32 {
                let low = scales.code(x[chunk * 64 + index], subBlock: 2 * chunk)
                let high = scales.code(x[chunk * 64 + 32 + index], subBlock: 2 * chunk + 1)
                out[16 + index] |= (low >> 4) << (2 * chunk) | (high >> 4) << (2 * chunk + 1)
                out[48 + chunk * 32 + index] = low & 15 | (high & 15) << 4
            }
        }
    }

    /// x ≈ d · s · (q - 32), with an 8-bit s for each 16 values, q within 0 to 63.
    static func q6_K(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) {
        let wanted = (0..<16).map { symmetricStep(x + $0 * 16) }
        let extreme = wanted.max { abs($0) < abs($1) } ?? 0
        let stored = HalfFloat.bits(extreme / -128)
        let d = HalfFloat.float(stored)
        put(stored, at: out + 208)
        var codes = [UInt8](repeating: 32, count: 256)
        for block in 0..<16 {
            let scale = max(-128, min(127, (wanted[block] * inverse(d)).rounded()))
            out[192 + block] = UInt8(bitPattern: Int8(scale))
            let step = inverse(d * scale)
            for index in block * 16..<block * 16 + 16 {
                codes[index] = UInt8(max(-32, min(31, (x[index] * step).rounded())) + 32)
            }
        }
        for half in 0..<2 {
            for index in 0..<32 {
                let q = (0..<4).map { codes[half * 128 + $0 * 32 + index] }
                out[half * 64 + index] = q[0] & 15 | (q[2] & 15) << 4
                out[half * 64 + 32 + index] = q[1] & 15 | (q[3] & 15) << 4
                out[128 + half * 32 + index] =
                    q[0] >> 4 | (q[1] >> 4) << 2 | (q[2] >> 4) << 4 | (q[3] >> 4) << 6
            }
        }
    }
}

extension BlockEncoder {
    /// The step of least squared error for 16 values with codes of -32 to 31; its sign gives the extreme
    /// value the side of 32 codes.
    fileprivate static func symmetricStep(_ x: UnsafePointer<Float>) -> Float {
        var extreme: Float = 0
        for index in 0..<16 where abs(x[index]) > abs(extreme) { extreme = x[index] }
        guard extreme != 0 else { return 0 }
        var best = extreme / -32
        var most: Float = 0
        for trial in -9...9 {
            let inverse = -(32 + 0.1 * Float(trial)) / extreme
            var (wxq, wqq) = (Float(0), Float(0))
            for index in 0..<16 {
                let q = max(-32, min(31, (x[index] * inverse).rounded()))
                let weight = x[index] * x[index]
                wxq += weight * x[index] * q
                wqq += weight * q * q
            }
            if wqq > 0, wxq * (wxq / wqq) > most {
                most = wxq * (wxq / wqq)
                best = wxq / wqq
            }
        }
        return best
    }
}

/// The scales and minima of one block of 256 values in eight sub-blocks.
private struct SubBlockScales {
    let largestCode: Float
    let scaleUnit: UInt16
    let minimumUnit: UInt16
    var scales: [UInt8] = []
    var minima: [UInt8] = []
    /// What one code is worth, inverted, and what is subtracted, as a decoder will see them.
    var inverses: [Float] = []
    var offsets: [Float] = []

    init(_ x: UnsafePointer<Float>, largestCode: Float) {
        self.largestCode = largestCode
        var steps: [Float] = []
        var depths: [Float] = []
        for block in 0..<8 {
            let line = Self.line(x + block * 32, largestCode)
            steps.append(line.step)
            depths.append(line.depth)
        }
        scaleUnit = HalfFloat.bits((steps.max() ?? 0) / 63)
        minimumUnit = HalfFloat.bits((depths.max() ?? 0) / 63)
        let (d, dmin) = (HalfFloat.float(scaleUnit), HalfFloat.float(minimumUnit))
        for block in 0..<8 {
            let scale = min(63, (steps[block] * BlockEncoder.inverse(d)).rounded())
            let minimum = min(63, (depths[block] * BlockEncoder.inverse(dmin)).rounded())
            scales.append(UInt8(scale))
            minima.append(UInt8(minimum))
            inverses.append(BlockEncoder.inverse(d * scale))
            offsets.append(dmin * minimum)
        }
    }

    /// The line `step · code - depth` nearest to 32 values, of those that some twenty divisions of their
    /// range lead to; values count by their magnitude, as large weights matter most.
    private static func line(
        _ x: UnsafePointer<Float>,
        _ largestCode: Float
    ) -> (step: Float, depth: Float) {
        var (low, high, square) = (Float(0), Float(0), Float(0))
        for index in 0..<32 {
            low = min(low, x[index])
            high = max(high, x[index])
            square += x[index] * x[index]
        }
        guard high > low else { return (0, -low) }
        let typical = (square / 32).squareRoot()
        var best = (step: (high - low) / largestCode, depth: -low)
        var least = Float.infinity
        for trial in 0..<21 {
            let inverse = (largestCode - 1 + 0.1 * Float(trial)) / (high - low)
            var (w, wx, wq, wqq, wqx, wxx) = (
                Float(0), Float(0), Float(0), Float(0), Float(0), Float(0)
            )
            for index in 0..<32 {
                let value = x[index]
                let weight = typical + abs(value)
                let q = max(0, min(largestCode, ((value - low) * inverse).rounded()))
                w += weight
                wx += weight * value
                wq += weight * q
                wqq += weight * q * q
                wqx += weight * q * value
                wxx += weight * value * value
            }
            let determinant = w * wqq - wq * wq
            guard determinant > 0 else { continue }
            var step = (w * wqx - wx * wq) / determinant
            var lowest = (wqq * wx - wq * wqx) / determinant
            if lowest > 0 {
                lowest = 0
                step = wqx / wqq
            }
            let error =
                wxx + step * step * wqq + lowest * lowest * w + 2 * step * lowest * wq
                - 2 * step * wqx - 2 * lowest * wx
            if error < least, step > 0 {
                least = error
                best = (step, -lowest)
            }
        }
        return best
    }

    func code(_ x: Float, subBlock: Int) -> UInt8 {
        UInt8(max(0, min(largestCode, ((x + offsets[subBlock]) * inverses[subBlock]).rounded())))
    }

    /// Two units in binary16, then sixteen 6-bit numbers in twelve bytes.
    func write(to out: UnsafeMutablePointer<UInt8>) {
        BlockEncoder.put(scaleUnit, at: out)
        BlockEncoder.put(minimumUnit, at: out + 2)
        for index in 0..<4 {
            out[4 + index] = scales[index] | (scales[index + 4] >> 4) << 6
            out[8 + index] = minima[index] | (minima[index + 4] >> 4) << 6
            out[12 + index] = scales[index + 4] & 15 | minima[index + 4] << 4
        }
    }
}
