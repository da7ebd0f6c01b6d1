import CSkeinKernels
import SkeinTestSupport

/// A random product: weights in a type's file layout and activations.
struct Product {
    var type: sk_type
    var rows: Int
    var n: Int
    var k: Int
    var x: [Float]
    private var source: [UInt8]

    private var stride: Int { k / sk_block_values(type) * sk_block_bytes(type) }

    init(type: sk_type, rows: Int, n: Int, k: Int, seed: UInt64) {
        var random = SplitMix64(seed: seed)
        self.type = type
        self.rows = rows
        self.n = n
        self.k = k
        x = (0..<rows * k).map { _ in Float.random(in: -1...1, using: &random) }
        source = []
        for _ in 0..<n * k / sk_block_values(type) {
            source += Self.block(type, &random)
        }
    }

    /// Random bytes with sane scales: f16 of magnitude 2⁻⁷ to 2⁻³.
    private static func block(_ type: sk_type, _ random: inout SplitMix64) -> [UInt8] {
        var bytes = (0..<sk_block_bytes(type)).map { _ in UInt8.random(in: 0...255, using: &random)
        }
        func scale(at offset: Int) {
            bytes[offset + 1] = 0x20 | bytes[offset + 1] & 0x8b
        }
        switch Int(type) {
        case SK_F32:
            let value = Float.random(in: -1...1, using: &random)
            return withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
        case SK_BF16:
            let value = Float.random(in: -1...1, using: &random)
            return withUnsafeBytes(of: UInt16(value.bitPattern >> 16)) { Array($0) }
        case SK_Q6_K:
            scale(at: 208)
        case SK_Q4_1, SK_Q5_1, SK_Q4_K, SK_Q5_K:
            scale(at: 0)
            scale(at: 2)
        default:
            scale(at: 0)
        }
        return bytes
    }

    /// The product in double precision of the dequantised weights, and the sum of its squared terms.
    ///
    /// A single sum may cancel to almost nothing, so errors are held against what its terms weigh.
    func exact() -> (values: [Double], power: Double) {
        let weights = (0..<n).map { row in
            Weights.values(type, source[row * stride..<(row + 1) * stride], k)
        }
        var values: [Double] = []
        var power = 0.0
        for r in 0..<rows {
            for w in weights {
                var sum = 0.0
                for i in 0..<k {
                    let term = Double(x[r * k + i]) * w[i]
                    sum += term
                    power += term * term
                }
                values.append(sum)
            }
        }
        return (values, power)
    }

    /// The packed weights, packed `step` rows a call into memory full of `fill`.
    func pack(
        _ kernels: UnsafePointer<sk_kernels>,
        from fill: UInt8 = 0,
        step: Int = 1 << 20
    ) -> [UInt8] {
        var packed = [UInt8](repeating: fill, count: kernels.pointee.packed_bytes(type, n, k))
        source.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            for first in Swift.stride(from: 0, to: n, by: step) {
                let end = min(first + step, n)
                kernels.pointee.pack(
                    type,
                    &packed,
                    base + first * stride,
                    stride,
                    first,
                    end,
                    n,
                    k
                )
            }
        }
        return packed
    }

    /// The product by calls of at most `height` rows and `split` outputs.
    func run(
        _ kernels: UnsafePointer<sk_kernels>,
        split: Int = 1 << 20,
        height: Int = 1 << 20,
        bias: [Float]? = nil,
        accumulateOnto start: Float? = nil
    ) -> [Float] {
        let packed = pack(kernels)
        let bytes = kernels.pointee.activation_bytes(type, k)
        var y = [Float](repeating: start ?? -77, count: rows * n)
        let activations = UnsafeMutableRawPointer.allocate(byteCount: bytes * rows, alignment: 64)
        defer { activations.deallocate() }
        x.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            kernels.pointee.prepare(type, activations, base, k, rows, k)
        }
        packed.withUnsafeBytes { weights in
            y.withUnsafeMutableBufferPointer { result in
                guard let weights = weights.baseAddress, let result = result.baseAddress else {
                    return
                }
                for row in Swift.stride(from: 0, to: rows, by: height) {
                    for first in Swift.stride(from: 0, to: n, by: split) {
                        call(
                            bias,
                            sk_matmul(
                                type: type,
                                weights: weights,
                                activations: activations + row * bytes,
                                y: result + row * n,
                                ldy: n,
                                rows: min(height, rows - row),
                                n: n,
                                k: k,
                                n_begin: first,
                                n_end: min(first + split, n),
                                bias: nil,
                                accumulate: start == nil ? 0 : 1,
                                outliers: nil
                            ),
                            kernels
                        )
                    }
                }
            }
        }
        return y
    }

    private func call(_ bias: [Float]?, _ args: sk_matmul, _ kernels: UnsafePointer<sk_kernels>) {
        var args = args
        guard let bias else { return kernels.pointee.matmul(&args) }
        bias.withUnsafeBufferPointer {
            args.bias = $0.baseAddress
            kernels.pointee.matmul(&args)
        }
    }
}

/// Rows of the file layouts as doubles, written plainly from the formats' descriptions.
enum Weights {
    static func values(_ type: sk_type, _ row: ArraySlice<UInt8>, _ k: Int) -> [Double] {
        let bytes = Array(row)
        let size = sk_block_bytes(type)
        let width = sk_block_values(type)
        return (0..<k).map {
            value(type, Array(bytes[$0 / width * size..<($0 / width + 1) * size]), $0 % width)
        }
    }

    private static func half(_ b: [UInt8], _ at: Int) -> Double {
        let bits = UInt16(b[at]) | UInt16(b[at + 1]) << 8
        let fraction = Double(bits & 0x3ff)
        let exponent = Int(bits >> 10 & 31)
        let size =
            exponent == 0
            ? fraction * 0x1p-24
            : (1 + fraction / 1024)
                * (exponent >= 15 ? Double(1 << (exponent - 15)) : 1 / Double(1 << (15 - exponent)))
        return bits >> 15 == 1 ? -size : size
    }

    private static func value(_ type: sk_type, _ b: [UInt8], _ e: Int) -> Double {
        func nibble(_ at: Int) -> Int { Int(b[at + e % 16] >> UInt8(e / 16 * 4) & 15) }
        func fifth(_ at: Int) -> Int { Int(b[at + e / 8] >> UInt8(e % 8) & 1) << 4 }
        switch Int(type) {
        case SK_F32:
            let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(b[$1]) << UInt32(8 * $1) }
            return Double(Float(bitPattern: bits))
        case SK_F16: return half(b, 0)
        case SK_BF16:
            return Double(Float(bitPattern: (UInt32(b[0]) | UInt32(b[1]) << 8) << 16))
        case SK_Q8_0: return half(b, 0) * Double(Int8(bitPattern: b[2 + e]))
        case SK_Q4_0: return half(b, 0) * Double(nibble(2) - 8)
        case SK_Q4_1: return half(b, 0) * Double(nibble(4)) + half(b, 2)
        case SK_Q5_0: return half(b, 0) * Double((nibble(6) | fifth(2)) - 16)
        case SK_Q5_1: return half(b, 0) * Double(nibble(8) | fifth(4)) + half(b, 2)
        case SK_Q6_K: return sixBits(b, e)
        default: return twoLevels(b, e, hasFifth: Int(type) == SK_Q5_K)
        }
    }

    private static func sixBits(_ b: [UInt8], _ e: Int) -> Double {
        let (part, quarter, lane) = (e / 128, e % 128 / 32, e % 32)
        let low = b[64 * part + 32 * (quarter % 2) + lane] >> UInt8(quarter / 2 * 4) & 15
        let high = b[128 + 32 * part + lane] >> UInt8(2 * quarter) & 3
        let scale = Int8(bitPattern: b[192 + e / 16])
        return half(b, 208) * Double(scale) * Double(Int(low | high << 4) - 32)
    }

    private static func twoLevels(_ b: [UInt8], _ e: Int, hasFifth: Bool) -> Double {
        let j = e / 32
        let scale = j < 4 ? b[4 + j] & 63 : b[8 + j] & 15 | (b[j] >> 6) << 4
        let min = j < 4 ? b[8 + j] & 63 : b[8 + j] >> 4 | (b[4 + j] >> 6) << 4
        var code = b[(hasFifth ? 48 : 16) + j / 2 * 32 + e % 32] >> UInt8(j % 2 * 4) & 15
        if hasFifth { code |= (b[16 + e % 32] >> UInt8(j) & 1) << 4 }
        return half(b, 0) * Double(scale) * Double(code) - half(b, 2) * Double(min)
    }
}
