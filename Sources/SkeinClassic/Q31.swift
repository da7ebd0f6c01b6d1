/// A fixed-point fraction of 32 bits: `bits · 2^-31` times a scale that the model remembers.
@frozen
public struct Q31: ClassicScalar {
    /// Sums have 64 bits.
    public typealias Sum = Int64

    /// The integer.
    public var bits: Int32

    /// Creates a fraction from its integer.
    @inlinable
    public init(bits: Int32) { self.bits = bits }

    /// Terms have at most 48 bits after their shifts.
    @inlinable
    public static var maximumWidth: Int { 32768 }

    /// The largest sum.
    @inlinable
    public static var farthest: Int64 { .max }

    /// Whether `a` is below `b`.
    @inlinable
    public static func < (a: Self, b: Self) -> Bool { a.bits < b.bits }

    /// `a · b`, without its lowest 16 bits.
    @inlinable
    public static func product(_ a: Self, _ b: Self) -> Int64 {
        (Int64(wide: a.bits) &* Int64(wide: b.bits)) &>> 16
    }

    /// `(a - b)²`, without its lowest 18 bits; each difference loses two.
    @inlinable
    public static func square(_ a: Self, _ b: Self) -> Int64 {
        let difference = Int64(wide: a.bits) &- Int64(wide: b.bits)
        return ((difference &>> 2) &* (difference &>> 2)) &>> 14
    }

    /// `weight · (a - b)²`, without its lowest 48 bits; each difference loses two.
    @inlinable
    public static func weightedSquare(_ a: Self, _ b: Self, _ weight: Self) -> Int64 {
        let difference = Int64(wide: a.bits) &- Int64(wide: b.bits)
        return ((((difference &>> 2) &* (difference &>> 2)) &>> 30) &* Int64(wide: weight.bits))
            &>> 14
    }

    /// The sum itself.
    @inlinable
    public static func comparable(_ sum: Int64) -> Int64 { sum }

    /// `-sum`.
    @inlinable
    public static func negated(_ sum: Int64) -> Int64 { 0 &- sum }

    /// The integer.
    @inlinable
    public static func widened(_ value: Self) -> Int64 { Int64(wide: value.bits) }

    /// The mean, rounded to the nearest.
    @inlinable
    public static func mean(_ total: Int64, _ count: Int32) -> Self {
        Self(
            bits: Int32(truncatingIfNeeded: roundedQuotient(total, count))
        )
    }
}
