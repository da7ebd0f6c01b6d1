extension SoftFloat {
    /// `a · b`.
    @inline(__always)
    public static func multiply(_ a: UInt32, _ b: UInt32) -> UInt32 {
        let left = (a &<< 1) &>> 24
        let right = (b &<< 1) &>> 24
        if left &- 1 >= 254 || right &- 1 >= 254 {
            // Zero times a number is common enough to be quick.
            if a &<< 1 == 0 && right != 255 || b &<< 1 == 0 && left != 255 { return (a ^ b) & sign }
            return multiplyRarely(a, b)
        }
        return product(
            (a ^ b) & sign,
            left &+ right &- 127,
            (a &<< 8) | sign,
            (b &<< 8) | sign
        )
    }

    /// The product of two significands whose leading ones are bit 31.
    @inline(__always)
    static func product(_ sign: UInt32, _ power: UInt32, _ a: UInt32, _ b: UInt32) -> UInt32 {
        let full = a.multipliedFullWidth(by: b)
        var (exponent, significand) = (power, full.high)
        if full.low != 0 { significand |= 1 }
        if significand & Self.sign == 0 {
            significand &<<= 1
        } else {
            exponent &+= 1
        }
        return rounded(sign, exponent, significand)
    }

    /// Rounds a significand of 24 bits above eight; exponents beyond the range are handled.
    @inline(__always)
    static func rounded(_ sign: UInt32, _ exponent: UInt32, _ significand: UInt32) -> UInt32 {
        if exponent &- 1 >= 254 { return roundedRarely(sign, exponent, significand) }
        let kept = significand &>> 8
        let up: UInt32 = (significand & 0xff) &+ (kept & 1) > 0x80 ? 1 : 0
        return (sign | ((exponent &- 1) &<< 23)) &+ kept &+ up
    }

    /// Infinity above the largest exponent, subnormals and zero below the least.
    @inline(never)
    static func roundedRarely(_ sign: UInt32, _ exponent: UInt32, _ all: UInt32) -> UInt32 {
        let power = Int32(bitPattern: exponent)
        if power >= 255 { return sign | infinity }
        // Below half of the least subnormal.
        if power < -24 { return sign }
        let shift = UInt32(bitPattern: 1 &- power)
        var significand = all &>> shift
        if significand &<< shift != all { significand |= 1 }
        let kept = significand &>> 8
        let up: UInt32 = (significand & 0xff) &+ (kept & 1) > 0x80 ? 1 : 0
        return sign | (kept &+ up)
    }

    /// Subnormals, infinity and not-a-number; zero only beside those.
    @inline(never)
    static func multiplyRarely(_ a: UInt32, _ b: UInt32) -> UInt32 {
        let sign = (a ^ b) & Self.sign
        let (x, y) = (a & ~Self.sign, b & ~Self.sign)
        if x == 0 || y == 0 { return nan }
        if x > infinity || y > infinity { return nan }
        if x == infinity || y == infinity { return sign | infinity }
        let (left, right) = (normalised(x), normalised(y))
        return product(
            sign,
            left.exponent &+ right.exponent &- 127,
            left.significand,
            right.significand
        )
    }

    /// `a / b`.
    @inline(__always)
    public static func divide(_ a: UInt32, _ b: UInt32) -> UInt32 {
        let left = (a &<< 1) &>> 24
        let right = (b &<< 1) &>> 24
        if left &- 1 >= 254 || right &- 1 >= 254 { return divideRarely(a, b) }
        return quotient(
            (a ^ b) & sign,
            left &- right &+ 127,
            (a & 0x7f_ffff) | 0x80_0000,
            (b & 0x7f_ffff) | 0x80_0000
        )
    }

    /// The quotient of two significands of 24 bits: four times eight bits by the divider.
    @inline(__always)
    static func quotient(_ sign: UInt32, _ power: UInt32, _ a: UInt32, _ b: UInt32) -> UInt32 {
        var (exponent, rest) = (power, a)
        if rest < b {
            rest &<<= 1
            exponent &-= 1
        }
        // The first digit is 128 to 255, so that the leading one of the quotient is bit 31.
        rest &<<= 7
        var digit = rest / b
        rest = (rest &- digit &* b) &<< 8
        var result = digit &<< 8
        digit = rest / b
        rest = (rest &- digit &* b) &<< 8
        result = (result | digit) &<< 8
        digit = rest / b
        rest = (rest &- digit &* b) &<< 8
        result = (result | digit) &<< 8
        digit = rest / b
        result |= digit
        if rest != digit &* b { result |= 1 }
        return rounded(sign, exponent, result)
    }

    /// Zero, subnormals, infinity and not-a-number.
    @inline(never)
    static func divideRarely(_ a: UInt32, _ b: UInt32) -> UInt32 {
        let sign = (a ^ b) & Self.sign
        let (x, y) = (a & ~Self.sign, b & ~Self.sign)
        if x > infinity || y > infinity { return nan }
        if x == infinity { return y == infinity ? nan : sign | infinity }
        if y == infinity { return sign }
        if y == 0 { return x == 0 ? nan : sign | infinity }
        if x == 0 { return sign }
        let (left, right) = (normalised(x), normalised(y))
        return quotient(
            sign,
            left.exponent &- right.exponent &+ 127,
            left.significand &>> 8,
            right.significand &>> 8
        )
    }

    /// A positive number's significand with its leading one in bit 31, and the exponent that belongs to it.
    @inline(__always)
    static func normalised(_ x: UInt32) -> (exponent: UInt32, significand: UInt32) {
        var (exponent, significand) = (x &>> 23, x &<< 8)
        if exponent != 0 { return (exponent, significand | sign) }
        exponent = 1
        while significand & sign == 0 {
            significand &<<= 1
            exponent &-= 1
        }
        return (exponent, significand)
    }
}
