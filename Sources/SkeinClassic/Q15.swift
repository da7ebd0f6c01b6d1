/// A fixed-point fraction of 16 bits: `bits · 2^-15` times a scale that the model remembers.
@frozen
public struct Q15: ClassicScalar {
    /// Sums have 64 bits.
    public typealias Sum = Int64

    /// The integer.
    public var bits: Int16

    /// Creates a fraction from its integer.
    @inlinable
    public init(bits: Int16) { self.bits = bits }

    /// Weighted squares have at most 47 bits.
    @inlinable
    public static var maximumWidth: Int { 32768 }

    /// The largest sum.
    @inlinable
    public static var farthest: Int64 { .max }

    /// Whether `a` is below `b`.
    @inlinable
    public static func < (a: Self, b: Self) -> Bool { a.bits < b.bits }

    /// `a · b`, exact.
    @inlinable
    public static func product(_ a: Self, _ b: Self) -> Int64 {
        Int64(wide: Int32(a.bits) &* Int32(b.bits))
    }

    /// `(a - b)²`, exact.
    @inlinable
    public static func square(_ a: Self, _ b: Self) -> Int64 {
        let difference = Int64(wide: Int32(a.bits) &- Int32(b.bits))
        return difference &* difference
    }

    /// `weight · (a - b)²`, exact.
    @inlinable
    public static func weightedSquare(_ a: Self, _ b: Self, _ weight: Self) -> Int64 {
        let difference = Int64(wide: Int32(a.bits) &- Int32(b.bits))
        return Int64(wide: Int32(weight.bits)) &* (difference &* difference)
    }

    /// The sum itself.
    @inlinable
    public static func comparable(_ sum: Int64) -> Int64 { sum }

    /// `-sum`.
    @inlinable
    public static func negated(_ sum: Int64) -> Int64 { 0 &- sum }

    /// The integer.
    @inlinable
    public static func widened(_ value: Self) -> Int64 { Int64(wide: Int32(value.bits)) }

    /// The mean, rounded to the nearest.
    @inlinable
    public static func mean(_ total: Int64, _ count: Int32) -> Self {
        Self(
            bits: Int16(truncatingIfNeeded: roundedQuotient(total, count))
        )
    }
}
