/// A number that kernels compute with: a 32-bit float or a fixed-point fraction.
///
/// `Sum` holds sums of up to `maximumWidth` products or squares without overflow, so kernels never
/// check; values that do not fit are saturated, and counted, when they are quantised.
public protocol ClassicScalar: BitwiseCopyable, Comparable, Sendable {
    /// What products and squares are summed in.
    associatedtype Sum: Comparable, AdditiveArithmetic, BitwiseCopyable, Sendable
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
        while index + 4 <= count {
            s0 += product(a[index], b[index])
            s1 += product(a[index + 1], b[index + 1])
            s2 += product(a[index + 2], b[index + 2])
            s3 += product(a[index + 3], b[index + 3])
            index += 4
        }
        while index < count {
            s0 += product(a[index], b[index])
            index += 1
        }
        return s0 + s1 + s2 + s3
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
        while index + 4 <= count {
            s0 += square(a[index], b[index])
            s1 += square(a[index + 1], b[index + 1])
            s2 += square(a[index + 2], b[index + 2])
            s3 += square(a[index + 3], b[index + 3])
            index += 4
        }
        while index < count {
            s0 += square(a[index], b[index])
            index += 1
        }
        return s0 + s1 + s2 + s3
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
        while index + 2 <= count {
            s0 += weightedSquare(a[index], b[index], weights[index])
            s1 += weightedSquare(a[index + 1], b[index + 1], weights[index + 1])
            index += 2
        }
        if index < count { s0 += weightedSquare(a[index], b[index], weights[index]) }
        return s0 + s1
    }
}
