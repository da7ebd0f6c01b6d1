/// A set of Unicode scalar values as sorted ranges that neither touch nor overlap; surrogates excluded.
struct ScalarSet: Hashable, Sendable {
    private(set) var ranges: [ClosedRange<UInt32>]

    /// All scalar values there are.
    static let all = ScalarSet([0...0x10FFFF])

    /// Creates the union of ranges in any order.
    init(_ ranges: [ClosedRange<UInt32>]) {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound &+ 1 {
                let upper = max(last.upperBound, range.upperBound)
                merged[merged.count - 1] = last.lowerBound...upper
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged.flatMap(Self.withoutSurrogates)
    }

    private static func withoutSurrogates(_ range: ClosedRange<UInt32>) -> [ClosedRange<UInt32>] {
        guard range.overlaps(0xD800...0xDFFF) else { return [range] }
        var parts: [ClosedRange<UInt32>] = []
        if range.lowerBound < 0xD800 { parts.append(range.lowerBound...0xD7FF) }
        if range.upperBound > 0xDFFF { parts.append(0xE000...range.upperBound) }
        return parts
    }

    /// The set of the scalars of a text.
    init(of text: String) {
        self.init(text.unicodeScalars.map { $0.value...$0.value })
    }

    var isEmpty: Bool { ranges.isEmpty }

    func union(_ other: Self) -> Self { Self(ranges + other.ranges) }

    /// Every scalar that is not in the set.
    func inverted() -> Self {
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { gaps.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= 0x10FFFF { gaps.append(next...0x10FFFF) }
        return Self(gaps)
    }

    func intersection(_ other: Self) -> Self {
        inverted().union(other.inverted()).inverted()
    }

    func subtracting(_ other: Self) -> Self { intersection(other.inverted()) }

    func contains(_ value: UInt32) -> Bool { ranges.contains { $0.contains(value) } }

    /// The UTF-8 encodings of the set, as sequences of byte ranges.
    var byteSequences: [[ClosedRange<UInt8>]] { ranges.flatMap(Self.byteSequences) }

    private static func byteSequences(of range: ClosedRange<UInt32>) -> [[ClosedRange<UInt8>]] {
        let (low, high) = (range.lowerBound, range.upperBound)
        for limit: UInt32 in [0x7F, 0x7FF, 0xFFFF] where low <= limit && high > limit {
            return byteSequences(of: low...limit) + byteSequences(of: limit + 1...high)
        }
        if high > 0x7F {
            for shift: UInt32 in [6, 12, 18] {
                let mask = (UInt32(1) << shift) - 1
                guard low & ~mask != high & ~mask else { continue }
                if low & mask != 0 {
                    return byteSequences(of: low...(low | mask))
                        + byteSequences(of: (low | mask) + 1...high)
                }
                if high & mask != mask {
                    return byteSequences(of: low...(high & ~mask) - 1)
                        + byteSequences(of: (high & ~mask)...high)
                }
            }
        }
        return [zip(encoded(low), encoded(high)).map { $0...$1 }]
    }

    /// The UTF-8 encoding of a scalar value.
    static func encoded(_ value: UInt32) -> [UInt8] {
        func byte(_ lead: UInt32, _ shift: UInt32, _ mask: UInt32) -> UInt8 {
            UInt8(truncatingIfNeeded: lead | ((value >> shift) & mask))
        }
        return switch value {
        case ..<0x80: [UInt8(truncatingIfNeeded: value)]
        case ..<0x800: [byte(0xC0, 6, 0x1F), byte(0x80, 0, 0x3F)]
        case ..<0x10000: [byte(0xE0, 12, 0xF), byte(0x80, 6, 0x3F), byte(0x80, 0, 0x3F)]
        default:
            [byte(0xF0, 18, 7), byte(0x80, 12, 0x3F), byte(0x80, 6, 0x3F), byte(0x80, 0, 0x3F)]
        }
    }
}
