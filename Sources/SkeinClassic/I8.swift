/// A fixed-point fraction of 8 bits: `bits · 2^-7` times a scale that the model remembers.
@frozen
public struct I8: ClassicScalar {
    /// Sums have 32 bits.
    public typealias Sum = Int32

    /// The integer.
    public var bits: Int8

    /// Creates a fraction from its integer.
    @inlinable
    public init(bits: Int8) { self.bits = bits }

    /// Terms have at most 18 bits.
    @inlinable
    public static var maximumWidth: Int { 8192 }

    /// The largest sum.
    @inlinable
    public static var farthest: Int32 { .max }

    /// Whether `a` is below `b`.
    @inlinable
    public static func < (a: Self, b: Self) -> Bool { a.bits < b.bits }

    /// `a · b`, exact.
    @inlinable
    public static func product(_ a: Self, _ b: Self) -> Int32 {
        Int32(a.bits) &* Int32(b.bits)
    }

    /// `(a - b)²`, exact.
    @inlinable
    public static func square(_ a: Self, _ b: Self) -> Int32 {
        let difference = Int32(a.bits) &- Int32(b.bits)
        return difference &* difference
    }

    /// `weight · (a - b)²`, without its lowest 7 bits.
    @inlinable
    public static func weightedSquare(_ a: Self, _ b: Self, _ weight: Self) -> Int32 {
        let difference = Int32(a.bits) &- Int32(b.bits)
        return (Int32(weight.bits) &* (difference &* difference)) &>> 7
    }

    /// The sum itself.
    @inlinable
    public static func comparable(_ sum: Int32) -> Int32 { sum }

    /// `-sum`.
    @inlinable
    public static func negated(_ sum: Int32) -> Int32 { 0 &- sum }

    /// The integer.
    @inlinable
    public static func widened(_ value: Self) -> Int32 { Int32(value.bits) }

    /// The mean, rounded to the nearest.
    @inlinable
    public static func mean(_ total: Int32, _ count: Int32) -> Self {
        Self(
            bits: Int8(truncatingIfNeeded: roundedQuotient(Int64(wide: total), count))
        )
    }
}
