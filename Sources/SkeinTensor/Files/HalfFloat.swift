/// Conversions between IEEE binary16 bits and `Float`, on every platform.
public enum HalfFloat {
    /// The value of binary16 bits; exact.
    public static func float(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let magnitude = UInt32(bits & 0x7fff)
        switch magnitude {
        case 0x7c00...:
            return Float(bitPattern: sign | 0x7f80_0000 | (magnitude & 0x3ff) << 13)
        case 0x0400...:
            return Float(bitPattern: sign | (magnitude << 13) + 0x3800_0000)
        default:
            // Subnormal or zero: the magnitude counts units of 2⁻²⁴.
            let value = Float(magnitude) * 0x1p-24
            return Float(bitPattern: sign | value.bitPattern)
        }
    }

    /// The nearest binary16 bits, ties to even; too large becomes infinity.
    public static func bits(_ value: Float) -> UInt16 {
        let pattern = value.bitPattern
        let sign = UInt16(truncatingIfNeeded: pattern >> 16) & 0x8000
        let magnitude = pattern & 0x7fff_ffff
        if magnitude > 0x7f80_0000 { return sign | 0x7e00 }
        if magnitude >= 0x4780_0000 { return sign | 0x7c00 }
        if magnitude < 0x3880_0000 {
            // Adding 0.5 aligns the last place to 2⁻²⁴, and the addition rounds to even.
            let aligned = Float(bitPattern: magnitude) + 0.5
            return sign | UInt16(truncatingIfNeeded: aligned.bitPattern &- 0x3f00_0000)
        }
        let rounded = magnitude &+ 0xfff &+ (magnitude >> 13 & 1)
        return sign | UInt16(truncatingIfNeeded: (rounded &- 0x3800_0000) >> 13)
    }

    /// The nearest bfloat16 bits, ties to even.
    public static func brainBits(_ value: Float) -> UInt16 {
        let pattern = value.bitPattern
        if value.isNaN { return UInt16(truncatingIfNeeded: pattern >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (pattern &+ 0x7fff &+ (pattern >> 16 & 1)) >> 16)
    }
}
