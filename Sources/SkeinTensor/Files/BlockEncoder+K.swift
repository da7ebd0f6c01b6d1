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
        let wanted = (0..<16).map { block in
            (0..<16).reduce(Float(0)) { max($0, abs(x[block * 16 + $1])) } / 31
        }
        let stored = HalfFloat.bits((wanted.max() ?? 0) / 127)
        let d = HalfFloat.float(stored)
        put(stored, at: out + 208)
        var codes = [UInt8](repeating: 32, count: 256)
        for block in 0..<16 {
            let scale = min(127, (wanted[block] * inverse(d)).rounded())
            out[192 + block] = UInt8(scale)
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
            var (low, high) = (Float(0), Float(0))
            for index in block * 32..<block * 32 + 32 {
                low = min(low, x[index])
                high = max(high, x[index])
            }
            steps.append((high - low) / largestCode)
            depths.append(-low)
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
