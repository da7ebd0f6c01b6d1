import Foundation
import SkeinClassic
import SkeinTestSupport
import Testing

/// Float routines made of integers, against the hardware.
@Suite struct SoftFloatTests {
    /// Random pairs an operation; `make check-full` asks for ten million.
    private static let pairs =
        ProcessInfo.processInfo.environment["SKEIN_SOFT_FLOAT_PAIRS"].flatMap(Int.init) ?? 300_000

    /// Zeros, subnormals, powers of two, neighbours of bounds, infinity and not-a-number, of both signs.
    private static let special: [UInt32] = {
        let patterns: [UInt32] = [
            0, 1, 2, 3, 0x3f_ffff, 0x40_0000, 0x7f_fffe, 0x7f_ffff, 0x80_0000, 0x80_0001, 0xff_ffff,
            0x100_0000, 0x0c00_0000, 0x3300_0000, 0x3380_0000, 0x3f00_0000, 0x3f7f_ffff,
            0x3f80_0000, 0x3f80_0001, 0x3fff_ffff, 0x4000_0000, 0x4040_0000, 0x4b00_0000,
            0x4b7f_ffff, 0x4b80_0000, 0x4eff_ffff, 0x4f00_0000, 0x4f7f_ffff, 0x4f80_0000,
            0x5eff_ffff, 0x5f00_0000, 0x5f80_0000, 0x7e80_0000, 0x7eff_ffff, 0x7f00_0000,
            0x7f7f_fffe, 0x7f7f_ffff, 0x7f80_0000, 0x7f80_0001, 0x7fc0_0000, 0x7fff_ffff,
        ]
        return patterns + patterns.map { $0 | 0x8000_0000 }
    }()

    private struct Operation: Sendable {
        let name: String
        let ours: @Sendable (UInt32, UInt32) -> UInt32
        let hardware: @Sendable (Float, Float) -> Float
    }

    private static let operations = [
        Operation(name: "+", ours: { SoftFloat.add($0, $1) }, hardware: { $0 + $1 }),
        Operation(name: "-", ours: { SoftFloat.subtract($0, $1) }, hardware: { $0 - $1 }),
        Operation(name: "*", ours: { SoftFloat.multiply($0, $1) }, hardware: { $0 * $1 }),
        Operation(name: "/", ours: { SoftFloat.divide($0, $1) }, hardware: { $0 / $1 }),
    ]

    /// How many results differ, and one of the pairs; any not-a-number is as good as another.
    private func mistakes(
        _ pairs: Int,
        _ pair: (Int) -> (UInt32, UInt32)
    ) -> (count: Int, example: String) {
        var (count, example) = (0, "")
        func note(_ name: String, _ a: UInt32, _ b: UInt32) {
            count += 1
            example = "\(String(a, radix: 16)) \(name) \(String(b, radix: 16))"
        }
        for index in 0..<pairs {
            let (a, b) = pair(index)
            let (x, y) = (Float(bitPattern: a), Float(bitPattern: b))
            for operation in Self.operations {
                let wanted = operation.hardware(x, y)
                let found = operation.ours(a, b)
                if wanted.isNaN ? found != SoftFloat.nan : found != wanted.bitPattern {
                    note(operation.name, a, b)
                }
            }
            let order: Int32 = x.isNaN || y.isNaN ? 7 : x < y ? -1 : x > y ? 1 : 0
            if SoftFloat.order(a, b, unordered: 7) != order { note("<", a, b) }
            if SoftFloat.isUnordered(a, b) != (x.isNaN || y.isNaN) { note("?", a, b) }
        }
        return (count, example)
    }

    @Test func `all pairs of special values`() {
        let some = Self.special
        let found = mistakes(some.count * some.count) {
            (some[$0 / some.count], some[$0 % some.count])
        }
        #expect(found.count == 0, "\(found.example)")
    }

    @Test func `all pairs of signs and exponents`() {
        var generator = SplitMix64(seed: 3)
        let found = mistakes(512 * 512) { index in
            let bits = generator.next()
            let (a, b) = (UInt32(truncatingIfNeeded: bits), UInt32(truncatingIfNeeded: bits >> 32))
            return (
                UInt32(index / 512) << 23 | a & 0x7f_ffff, UInt32(index % 512) << 23 | b & 0x7f_ffff
            )
        }
        #expect(found.count == 0, "\(found.example)")
    }

    @Test func `random pairs, and pairs that nearly cancel`() {
        var generator = SplitMix64(seed: 4)
        let found = mistakes(Self.pairs) { index in
            let bits = generator.next()
            let (a, b) = (UInt32(truncatingIfNeeded: bits), UInt32(truncatingIfNeeded: bits >> 32))
            // Every fourth pair has exponents within seven of each other.
            return index % 4 > 0 ? (a, b) : (a, (a &+ b & 0x3ff_ffff) ^ (b & 0x8000_0000))
        }
        #expect(found.count == 0, "\(found.example)")
    }

    @Test func `conversions`() {
        var generator = SplitMix64(seed: 5)
        var wrong = 0
        for index in 0..<Self.pairs {
            let bits = generator.next()
            let wide = index == 0 ? 0 : bits >> (bits & 63)
            let narrow = UInt32(truncatingIfNeeded: wide)
            wrong += SoftFloat.converted(wide) == Float(wide).bitPattern ? 0 : 1
            wrong += SoftFloat.converted(narrow) == Float(narrow).bitPattern ? 0 : 1
            let (signed, small) = (Int64(bitPattern: wide), Int32(bitPattern: narrow))
            wrong += SoftFloat.converted(signed) == Float(signed).bitPattern ? 0 : 1
            wrong += SoftFloat.converted(small) == Float(small).bitPattern ? 0 : 1
            let pattern =
                index < Self.special.count ? Self.special[index] : UInt32(generator.next() >> 32)
            wrong += isRight(pattern) ? 0 : 1
        }
        #expect(wrong == 0)
    }

    /// Whether the conversions to integers agree with Swift's within the range and with the bounds beyond it.
    private func isRight(_ pattern: UInt32) -> Bool {
        let value = Float(bitPattern: pattern)
        func bounded<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer {
            if value.isNaN { return .max }
            return Integer(exactly: Double(value).rounded(.towardZero)) ?? (value < 0 ? .min : .max)
        }
        return SoftFloat.integer(pattern) == bounded(Int32.self)
            && SoftFloat.naturalNumber(pattern) == bounded(UInt32.self)
            && SoftFloat.wideInteger(pattern) == bounded(Int64.self)
            && SoftFloat.wideNaturalNumber(pattern) == bounded(UInt64.self)
    }
}
