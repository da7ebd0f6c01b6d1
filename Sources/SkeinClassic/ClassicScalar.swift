/// What products, squares and votes are summed in.
public protocol ClassicSum: Comparable, AdditiveArithmetic, BitwiseCopyable, Sendable {
    /// The sum of two; integers do not check, because the widths of rows are bounded.
    func plus(_ other: Self) -> Self
    /// The bits, extended with the sign.
    var pattern: UInt64 { get }
    /// Whether two chips may disagree so much: not at all for integers, rounding for floats.
    func agrees(with other: Self) -> Bool
}

extension ClassicSum {
    /// The sum of two.
    @inlinable
    static func &+ (a: Self, b: Self) -> Self { a.plus(b) }
}

extension Int32: ClassicSum {
    /// The sum, without a check.
    @inlinable
    public func plus(_ other: Int32) -> Int32 { self.addingReportingOverflow(other).partialValue }

    /// The bits.
    @inlinable
    public var pattern: UInt64 { UInt64(bitPattern: Int64(wide: self)) }

    /// Whether the bits are equal.
    @inlinable
    public func agrees(with other: Int32) -> Bool { self == other }
}

extension Int64: ClassicSum {
    /// The sum, without a check.
    @inlinable
    public func plus(_ other: Int64) -> Int64 { self.addingReportingOverflow(other).partialValue }

    /// The bits.
    @inlinable
    public var pattern: UInt64 { UInt64(bitPattern: self) }

    /// Whether the bits are equal.
    @inlinable
    public func agrees(with other: Int64) -> Bool { self == other }
}

/// The nearest integer to a quotient, halves away from zero, without a 64-bit divider.
@inlinable
func roundedQuotient(_ total: Int64, _ count: Int32) -> Int64 {
    let divisor = UInt32(bitPattern: count)
    let size = UInt64(bitPattern: total < 0 ? 0 &- total : total) &+ UInt64(wide: divisor &>> 1)
    let high = UInt32(truncatingIfNeeded: size &>> 32)
    var rest = high % divisor
    var low = UInt32(truncatingIfNeeded: size)
    // One bit of the lower half a step; the rest stays below the divisor, which is below 2^31.
    for _ in 0..<32 {
        rest = (rest &<< 1) | (low &>> 31)
        low &<<= 1
        if rest >= divisor {
            rest &-= divisor
            low |= 1
        }
    }
    let upper = UInt64(wide: high / divisor) &<< 32
    let quotient = Int64(bitPattern: upper | UInt64(wide: low))
    return total < 0 ? 0 &- quotient : quotient
}

/// A number that kernels compute with: a 32-bit float or a fixed-point fraction.
///
/// `Sum` holds sums of up to `maximumWidth` products or squares without overflow, so kernels never
/// check; values that do not fit are saturated, and counted, when they are quantised.
public protocol ClassicScalar: BitwiseCopyable, Comparable, Sendable {
    /// What products and squares are summed in.
    associatedtype Sum: ClassicSum
    /// The widest row whose sums are exact or at least cannot overflow.
    static var maximumWidth: Int { get }
    /// A sum larger than every distance.
    static var farthest: Sum { get }
    /// `a · b`.
    static func product(_ a: Self, _ b: Self) -> Sum
    /// `(a - b)²`.
    static func square(_ a: Self, _ b: Self) -> Sum
    /// `weight · (a - b)²`.
    static func weightedSquare(_ a: Self, _ b: Self, _ weight: Self) -> Sum
    /// A distance that compares: not-a-number becomes `farthest`.
    static func comparable(_ sum: Sum) -> Sum
    /// `-sum`.
    static func negated(_ sum: Sum) -> Sum
    /// The number as a sum of one.
    static func widened(_ value: Self) -> Sum
    /// The mean of `count` widened numbers, rounded to the nearest; `count` is positive and below 2^23.
    static func mean(_ total: Sum, _ count: Int32) -> Self
    /// `Σ a · b`.
    static func dot(_ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, _ count: Int) -> Sum
    /// `Σ (a - b)²`.
    static func distance(_ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, _ count: Int) -> Sum
}

extension ClassicScalar {
    /// `Σ a · b` in four chains, added in a fixed order.
    @inlinable
    public static func dot(
        _ a: UnsafePointer<Self>,
        _ b: UnsafePointer<Self>,
        _ count: Int
    ) -> Sum {
        var (s0, s1, s2, s3) = (Sum.zero, Sum.zero, Sum.zero, Sum.zero)
        var index = 0
        while index &+ 4 <= count {
            s0 = s0 &+ product(a[index], b[index])
            s1 = s1 &+ product(a[index &+ 1], b[index &+ 1])
            s2 = s2 &+ product(a[index &+ 2], b[index &+ 2])
            s3 = s3 &+ product(a[index &+ 3], b[index &+ 3])
            index &+= 4
        }
        while index < count {
            s0 = s0 &+ product(a[index], b[index])
            index &+= 1
        }
        return s0 &+ s1 &+ s2 &+ s3
    }

    /// `Σ (a - b)²` in four chains, added in a fixed order.
    @inlinable
    public static func distance(
        _ a: UnsafePointer<Self>,
        _ b: UnsafePointer<Self>,
        _ count: Int
    ) -> Sum {
        var (s0, s1, s2, s3) = (Sum.zero, Sum.zero, Sum.zero, Sum.zero)
        var index = 0
        while index &+ 4 <= count {
            s0 = s0 &+ square(a[index], b[index])
            s1 = s1 &+ square(a[index &+ 1], b[index &+ 1])
            s2 = s2 &+ square(a[index &+ 2], b[index &+ 2])
            s3 = s3 &+ square(a[index &+ 3], b[index &+ 3])
            index &+= 4
        }
        while index < count {
            s0 = s0 &+ square(a[index], b[index])
            index &+= 1
        }
        return s0 &+ s1 &+ s2 &+ s3
    }

    /// `Σ weight · (a - b)²`.
    @inlinable
    public static func weightedDistance(
        _ a: UnsafePointer<Self>,
        _ b: UnsafePointer<Self>,
        _ weights: UnsafePointer<Self>,
        _ count: Int
    ) -> Sum {
        var (s0, s1) = (Sum.zero, Sum.zero)
        var index = 0
        while index &+ 2 <= count {
            s0 = s0 &+ weightedSquare(a[index], b[index], weights[index])
            s1 = s1 &+ weightedSquare(a[index &+ 1], b[index &+ 1], weights[index &+ 1])
            index &+= 2
        }
        if index < count { s0 = s0 &+ weightedSquare(a[index], b[index], weights[index]) }
        return s0 &+ s1
    }
}
