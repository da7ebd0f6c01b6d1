extension SoftFloat {
    /// -1, 0 or 1 as `a` is below, equal to or above `b`; `unordered` if one is not a number.
    @inline(__always)
    public static func order(_ a: UInt32, _ b: UInt32, unordered: Int32) -> Int32 {
        let (x, y) = (a &<< 1, b &<< 1)
        if x > 0xff00_0000 || y > 0xff00_0000 { return unordered }
        if a == b || x | y == 0 { return 0 }
        let (left, right) = (Int32(bitPattern: a), Int32(bitPattern: b))
        // Patterns of negative numbers run the other way.
        let isBelow = left & right < 0 ? left > right : left < right
        return isBelow ? -1 : 1
    }

    /// Whether one of two is not a number.
    @inline(__always)
    public static func isUnordered(_ a: UInt32, _ b: UInt32) -> Bool {
        a &<< 1 > 0xff00_0000 || b &<< 1 > 0xff00_0000
    }

    /// The float nearest to an integer.
    public static func converted(_ value: UInt32) -> UInt32 { magnitude(0, value) }

    /// The float nearest to an integer.
    public static func converted(_ value: Int32) -> UInt32 {
        let bits = UInt32(bitPattern: value)
        return value < 0 ? magnitude(sign, 0 &- bits) : magnitude(0, bits)
    }

    /// The float nearest to an integer.
    public static func converted(_ value: UInt64) -> UInt32 { magnitude(0, value) }

    /// The float nearest to an integer.
    public static func converted(_ value: Int64) -> UInt32 {
        let bits = UInt64(bitPattern: value)
        return value < 0 ? magnitude(sign, 0 &- bits) : magnitude(0, bits)
    }

    @inline(__always)
    static func magnitude(_ sign: UInt32, _ value: UInt32) -> UInt32 {
        if value == 0 { return 0 }
        // The leading one goes to bit 31, whose worth is 2^31.
        var (significand, exponent) = (value, 127 + 31 as UInt32)
        if significand & 0xffff_0000 == 0 {
            significand &<<= 16
            exponent &-= 16
        }
        if significand & 0xff00_0000 == 0 {
            significand &<<= 8
            exponent &-= 8
        }
        while significand & Self.sign == 0 {
            significand &<<= 1
            exponent &-= 1
        }
        return rounded(sign, exponent, significand)
    }

    @inline(__always)
    static func magnitude(_ sign: UInt32, _ value: UInt64) -> UInt32 {
        let (high, low) = (
            UInt32(truncatingIfNeeded: value &>> 32), UInt32(truncatingIfNeeded: value)
        )
        if high == 0 { return magnitude(sign, low) }
        var (top, rest, exponent) = (high, low, 127 + 63 as UInt32)
        while top & Self.sign == 0 {
            top = (top &<< 1) | (rest &>> 31)
            rest &<<= 1
            exponent &-= 1
        }
        return rounded(sign, exponent, rest == 0 ? top : top | 1)
    }

    /// The integer towards zero; beyond the range the nearest bound, and for not-a-number the largest, as the
    /// F extension's `fcvt` answers.
    public static func integer(_ a: UInt32) -> Int32 {
        let size = a & ~sign
        // Not below 2^31.
        if size >= 0x4f00_0000 { return a & sign == 0 || size > infinity ? .max : .min }
        let value = Int32(bitPattern: whole(size))
        return a & sign == 0 ? value : 0 &- value
    }

    /// The integer towards zero, with the bounds as above.
    public static func naturalNumber(_ a: UInt32) -> UInt32 {
        let size = a & ~sign
        if size > infinity { return .max }
        if a & sign != 0 { return 0 }
        return size >= 0x4f80_0000 ? .max : whole(size)
    }

    /// The integer towards zero, with the bounds as above.
    public static func wideInteger(_ a: UInt32) -> Int64 {
        let size = a & ~sign
        if size >= 0x5f00_0000 { return a & sign == 0 || size > infinity ? .max : .min }
        let value = Int64(bitPattern: wideWhole(size))
        return a & sign == 0 ? value : 0 &- value
    }

    /// The integer towards zero, with the bounds as above.
    public static func wideNaturalNumber(_ a: UInt32) -> UInt64 {
        let size = a & ~sign
        if size > infinity { return .max }
        if a & sign != 0 { return 0 }
        return size >= 0x5f80_0000 ? .max : wideWhole(size)
    }

    /// The whole part of a positive number below 2^32.
    @inline(__always)
    static func whole(_ size: UInt32) -> UInt32 {
        let exponent = size &>> 23
        if exponent < 127 { return 0 }
        return ((size &<< 8) | sign) &>> (127 &+ 31 &- exponent)
    }

    /// The whole part of a positive number below 2^64.
    @inline(__always)
    static func wideWhole(_ size: UInt32) -> UInt64 {
        let exponent = size &>> 23
        if exponent < 127 { return 0 }
        let significand = UInt64(wide: (size &<< 8) | sign) &<< 32
        return significand &>> UInt64(wide: 127 &+ 63 &- exponent)
    }
}
