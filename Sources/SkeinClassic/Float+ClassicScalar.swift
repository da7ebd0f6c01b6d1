extension Float: ClassicSum {
    /// The sum.
    @inlinable
    public func plus(_ other: Float) -> Float { self + other }

    /// The bits.
    @inlinable
    public var pattern: UInt64 { UInt64(wide: bitPattern) }

    /// Whether two sums in other orders, of some hundred terms, may differ so much.
    @inlinable
    public func agrees(with other: Float) -> Bool {
        if self == other { return true }
        let size = other.magnitude > 1 ? other.magnitude : 1
        return (self - other).magnitude <= 1e-4 * size
    }
}

extension Float: ClassicScalar {
    /// Sums are floats.
    public typealias Sum = Float

    /// Floats do not overflow in practice.
    @inlinable
    public static var maximumWidth: Int { .max }

    /// Infinity.
    @inlinable
    public static var farthest: Float { .infinity }

    /// `a · b`.
    @inlinable
    public static func product(_ a: Float, _ b: Float) -> Float { a * b }

    /// `(a - b)²`.
    @inlinable
    public static func square(_ a: Float, _ b: Float) -> Float { (a - b) * (a - b) }

    /// `weight · (a - b)²`.
    @inlinable
    public static func weightedSquare(_ a: Float, _ b: Float, _ weight: Float) -> Float {
        weight * ((a - b) * (a - b))
    }

    /// Infinity for not-a-number.
    @inlinable
    public static func comparable(_ sum: Float) -> Float { sum == sum ? sum : .infinity }

    /// `-sum`.
    @inlinable
    public static func negated(_ sum: Float) -> Float { -sum }

    /// The float itself.
    @inlinable
    public static func widened(_ value: Float) -> Float { value }

    /// The quotient; the count becomes a float by its bits, since conversions call the library on some chips.
    @inlinable
    public static func mean(_ total: Float, _ count: Int32) -> Float {
        total / (Float(bitPattern: 0x4b00_0000 | UInt32(bitPattern: count)) - 8_388_608)
    }

    #if arch(x86_64) || arch(arm64)
    /// `Σ a · b` in eight lanes.
    @inlinable
    public static func dot(
        _ a: UnsafePointer<Float>,
        _ b: UnsafePointer<Float>,
        _ count: Int
    ) -> Float {
        let (left, right) = (UnsafeRawPointer(a), UnsafeRawPointer(b))
        var sums = SIMD8<Float>.zero
        var index = 0
        while index + 8 <= count {
            sums +=
                left.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self)
                * right.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self)
            index += 8
        }
        var rest: Float = 0
        while index < count {
            rest += a[index] * b[index]
            index += 1
        }
        return sums.sum() + rest
    }

    /// `Σ (a - b)²` in eight lanes.
    @inlinable
    public static func distance(
        _ a: UnsafePointer<Float>,
        _ b: UnsafePointer<Float>,
        _ count: Int
    ) -> Float {
        let (left, right) = (UnsafeRawPointer(a), UnsafeRawPointer(b))
        var sums = SIMD8<Float>.zero
        var index = 0
        while index + 8 <= count {
            let difference =
                left.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self)
                - right.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self)
            sums += difference * difference
            index += 8
        }
        var rest: Float = 0
        while index < count {
            rest += (a[index] - b[index]) * (a[index] - b[index])
            index += 1
        }
        return sums.sum() + rest
    }
    #endif
}
