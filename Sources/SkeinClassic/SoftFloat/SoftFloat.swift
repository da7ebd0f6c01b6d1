/// Arithmetic of 32-bit floats on integers alone, for chips without a floating-point unit.
///
/// Operands and results are bit patterns of IEEE 754 binary32. Results are rounded to nearest, ties to even;
/// subnormals are kept; there are no exception flags; every not-a-number that is produced is `nan`.
public enum SoftFloat {
    /// The sign's bit.
    @usableFromInline static var sign: UInt32 { 0x8000_0000 }
    /// Infinity.
    @usableFromInline static var infinity: UInt32 { 0x7f80_0000 }
    /// The one not-a-number that operations produce.
    public static var nan: UInt32 { 0x7fc0_0000 }

    /// `a - b`.
    @inline(__always)
    public static func subtract(_ a: UInt32, _ b: UInt32) -> UInt32 { add(a, b ^ sign) }

    /// `a + b`.
    @inline(__always)
    public static func add(_ a: UInt32, _ b: UInt32) -> UInt32 {
        // x is the operand of larger magnitude.
        var (x, y) = (a, b)
        if a &<< 1 < b &<< 1 { (x, y) = (b, a) }
        var exponent = (x &<< 1) &>> 24
        let other = (y &<< 1) &>> 24
        if exponent == 255 || other == 0 {
            // Adding zero is common enough to be quick; zeros of opposite signs make a positive zero.
            if exponent != 255, y &<< 1 == 0 { return x &<< 1 == 0 ? x & y : x }
            return addRarely(x, y)
        }
        let distance = exponent &- other
        // y is less than half the distance between x and its neighbours.
        if distance > 25 { return x }
        // 24 bits of significand above seven bits that are rounded away.
        let left = ((x &<< 8) | sign) &>> 1
        let whole = ((y &<< 8) | sign) &>> 1
        var right = whole &>> distance
        if right &<< distance != whole { right |= 1 }
        if (x ^ y) & sign == 0 {
            var sum = left &+ right
            if sum & sign != 0 {
                sum = (sum &>> 1) | (sum & 1)
                exponent &+= 1
                if exponent == 255 { return (x & sign) | infinity }
            }
            return packed(x & sign, exponent, sum)
        }
        var difference = left &- right
        if difference == 0 { return 0 }
        if difference & 0x4000_0000 == 0 {
            if difference & 0x7fff_0000 == 0 {
                difference &<<= 15
                exponent &-= 15
                if difference & 0x7f80_0000 == 0 {
                    difference &<<= 8
                    exponent &-= 8
                }
            }
            while difference & 0x4000_0000 == 0 {
                difference &<<= 1
                exponent &-= 1
            }
            if Int32(bitPattern: exponent) <= 0 {
                // Subnormal, and exact: no bit is lost.
                return (x & sign) | (difference &>> (8 &- exponent))
            }
        }
        return packed(x & sign, exponent, difference)
    }

    /// Rounds a significand of 24 bits above seven and adds exponent and sign; a carry out of the
    /// significand is the next exponent, and at the end infinity.
    @inline(__always)
    static func packed(_ sign: UInt32, _ exponent: UInt32, _ significand: UInt32) -> UInt32 {
        let kept = significand &>> 7
        let up: UInt32 = (significand & 0x7f) &+ (kept & 1) > 0x40 ? 1 : 0
        return (sign | ((exponent &- 1) &<< 23)) &+ kept &+ up
    }

    /// Infinity, not-a-number and subnormals; `x` has the larger magnitude, and `y` is no zero beside a number.
    @inline(never)
    static func addRarely(_ x: UInt32, _ y: UInt32) -> UInt32 {
        let (large, small) = (x & ~sign, y & ~sign)
        if large > infinity { return nan }
        if large == infinity {
            return small == infinity && x != y ? nan : x
        }
        let isSum = (x ^ y) & sign == 0
        let exponent = large &>> 23
        if exponent == 0 {
            // Both are subnormal; the sum of patterns is the pattern of the sum.
            if isSum { return x &+ small }
            return large == small ? 0 : x &- small
        }
        // A subnormal below a normal number: its significand has no leading one and exponent 1.
        let distance = exponent &- 1
        if distance > 25 { return x }
        let left = ((x &<< 8) | sign) &>> 1
        let whole = small &<< 7
        var right = whole &>> distance
        if right &<< distance != whole { right |= 1 }
        if isSum {
            var sum = left &+ right
            if sum & sign == 0 { return packed(x & sign, exponent, sum) }
            sum = (sum &>> 1) | (sum & 1)
            return packed(x & sign, exponent &+ 1, sum)
        }
        var (difference, power) = (left &- right, exponent)
        while difference & 0x4000_0000 == 0, power > 1 {
            difference &<<= 1
            power &-= 1
        }
        if difference & 0x4000_0000 == 0 { return (x & sign) | (difference &>> 7) }
        return packed(x & sign, power, difference)
    }
}
