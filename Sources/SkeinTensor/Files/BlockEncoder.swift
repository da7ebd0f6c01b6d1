internal import SkeinCore

/// Rounds floats to the types of GGUF files, each value to the nearest of its block.
///
/// The types of 32 values follow the format's reference encoder bit for bit; those of 256 search for
/// each sub-block's scale and minimum as it does, not in the same steps. Encoders only: decoding is a
/// kernel.
public enum BlockEncoder {
    /// The bytes of values in a type's file layout.
    ///
    /// - Throws: `SkeinError` with `.invalidArgument` for integer types or values that do not fill
    ///   whole blocks, `.notFinite` for values without a finite code.
    /// - Complexity: O(n).
    public static func encode(_ values: [Float], as dtype: DType) throws -> [UInt8] {
        try values.withUnsafeBufferPointer { try encode($0, as: dtype) }
    }

    /// The bytes of values in a type's file layout.
    ///
    /// - Throws: `SkeinError` with `.invalidArgument` for integer types or values that do not fill
    ///   whole blocks, `.notFinite` for values without a finite code.
    /// - Complexity: O(n).
    public static func encode(
        _ values: UnsafeBufferPointer<Float>,
        as dtype: DType
    ) throws -> [UInt8] {
        guard let encode = encoder(of: dtype) else {
            throw SkeinError(.invalidArgument, "floats are not encoded as \(dtype.name)")
        }
        guard let bytes = dtype.bytes(for: values.count) else {
            throw SkeinError(
                .invalidArgument,
                "\(values.count) values do not fill whole \(dtype.name) blocks of "
                    + "\(dtype.blockValues)"
            )
        }
        guard let source = values.baseAddress, bytes > 0 else { return [] }
        if let index = values.firstIndex(where: { !$0.isFinite }), dtype.isQuantized {
            throw SkeinError(
                .notFinite,
                "value \(index) is \(values[index]); \(dtype.name) holds finite values only"
            )
        }
        var largest: Float = 0
        if dtype.isQuantized { for value in values { largest = max(largest, abs(value)) } }
        guard largest <= largestValue(of: dtype) else {
            throw SkeinError(
                .notFinite,
                "a value of magnitude \(largest) is beyond the scales of \(dtype.name), which "
                    + "reach \(largestValue(of: dtype))"
            )
        }
        return [UInt8](unsafeUninitializedCapacity: bytes) { out, initialized in
            guard let target = out.baseAddress else { return }
            target.initialize(repeating: 0, count: bytes)
            for block in 0..<values.count / dtype.blockValues {
                encode(source + block * dtype.blockValues, target + block * dtype.blockBytes)
            }
            initialized = bytes
        }
    }

    /// Writes one block; the target is zeroed.
    typealias Encoder = (UnsafePointer<Float>, UnsafeMutablePointer<UInt8>) -> Void

    private static func encoder(of dtype: DType) -> Encoder? {
        switch dtype {
        case .f32: { put($0[0].bitPattern, at: $1) }
        case .f16: { put(HalfFloat.bits($0[0]), at: $1) }
        case .bf16: { put(HalfFloat.brainBits($0[0]), at: $1) }
        case .q8_0: q8_0
        case .q4_0: q4_0
        case .q4_1: q4_1
        case .q5_0: q5_0
        case .q5_1: q5_1
        case .q4_K: q4_K
        case .q5_K: q5_K
        case .q6_K: q6_K
        case .i8, .i16, .i32, .i64, .f64, .u8, .bool: nil
        }
    }

    /// The largest magnitude whose binary16 scale is finite, with a margin for rounding.
    private static func largestValue(of dtype: DType) -> Float {
        switch dtype {
        case .q8_0: 65_000 * 127
        case .q4_0: 65_000 * 8
        case .q5_0: 65_000 * 16
        case .q4_1, .q5_1: 65_000
        case .q4_K, .q5_K, .q6_K: 65_000 * 63
        default: .infinity
        }
    }

    static func put(_ value: some FixedWidthInteger, at target: UnsafeMutablePointer<UInt8>) {
        UnsafeMutableRawPointer(target).storeBytes(of: value.littleEndian, as: type(of: value))
    }

    /// 1 / x, or 0 for 0.
    static func inverse(_ x: Float) -> Float { x == 0 ? 0 : 1 / x }

    /// The code ⌊x⌋ within 0 and the limit.
    private static func code(_ x: Float, limit: Float) -> UInt8 {
        UInt8(min(limit, max(0, x)))
    }

    private static func signedExtreme(_ x: UnsafePointer<Float>, count: Int) -> Float {
        var extreme: Float = 0
        for index in 0..<count where abs(x[index]) > abs(extreme) { extreme = x[index] }
        return extreme
    }

    private static func bounds(_ x: UnsafePointer<Float>) -> (low: Float, high: Float) {
        var (low, high) = (x[0], x[0])
        for index in 1..<32 {
            low = min(low, x[index])
            high = max(high, x[index])
        }
        return (low, high)
    }

    /// x ≈ d · q, q within -127 to 127.
    private static func q8_0(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) {
        let d = abs(signedExtreme(x, count: 32)) / 127
        let id = inverse(d)
        put(HalfFloat.bits(d), at: out)
        for index in 0..<32 {
            let q = (x[index] * id).rounded(.toNearestOrAwayFromZero)
            out[2 + index] = UInt8(bitPattern: Int8(max(-127, min(127, q))))
        }
    }

    /// x ≈ d · (q - 8), where the value of largest magnitude is exactly -8 · d.
    private static func q4_0(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) {
        let d = signedExtreme(x, count: 32) / -8
        let id = inverse(d)
        put(HalfFloat.bits(d), at: out)
        for index in 0..<16 {
            let low = code(x[index] * id + 8.5, limit: 15)
            let high = code(x[index + 16] * id + 8.5, limit: 15)
            out[2 + index] = low | high << 4
        }
    }

    /// x ≈ d · q + m, q within 0 to 15.
    private static func q4_1(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) {
        let (low, high) = bounds(x)
        let d = (high - low) / 15
        let id = inverse(d)
        put(HalfFloat.bits(d), at: out)
        put(HalfFloat.bits(low), at: out + 2)
        for index in 0..<16 {
            let first = code((x[index] - low) * id + 0.5, limit: 15)
            let second = code((x[index + 16] - low) * id + 0.5, limit: 15)
            out[4 + index] = first | second << 4
        }
    }

    /// x ≈ d · (q - 16); the fifth bits of all codes form one word.
    private static func q5_0(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) {
        let d = signedExtreme(x, count: 32) / -16
        let id = inverse(d)
        put(HalfFloat.bits(d), at: out)
        fiveBits(out + 2) { code(x[$0] * id + 16.5, limit: 31) }
    }

    /// x ≈ d · q + m, q within 0 to 31.
    private static func q5_1(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) {
        let (low, high) = bounds(x)
        let d = (high - low) / 31
        let id = inverse(d)
        put(HalfFloat.bits(d), at: out)
        put(HalfFloat.bits(low), at: out + 2)
        fiveBits(out + 4) { code((x[$0] - low) * id + 0.5, limit: 31) }
    }

    private static func fiveBits(_ out: UnsafeMutablePointer<UInt8>, _ code: (Int) -> UInt8) {
        var fifth: UInt32 = 0
        for index in 0..<16 {
            let (first, second) = (code(index), code(index + 16))
            fifth |= UInt32(first >> 4) << index | UInt32(second >> 4) << (index + 16)
            out[4 + index] = first & 15 | (second & 15) << 4
        }
        put(fifth, at: out)
    }
}
