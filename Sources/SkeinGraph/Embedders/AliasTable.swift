/// Draws from a discrete distribution in constant time.
///
/// - Paper: Walker 1977, "An efficient method for generating discrete random variables".
struct AliasTable: Sendable {
    /// Of each slot the threshold (upper half) and the other outcome (lower half).
    private(set) var slots: [UInt64]

    /// Prepares the distribution proportional to some weights.
    init(_ weights: [Double]) {
        slots = .init(repeating: 0, count: weights.count)
        slots.withUnsafeMutableBufferPointer { Self.fill($0, weights) }
    }

    /// Writes the slots of a distribution.
    static func fill(_ slots: UnsafeMutableBufferPointer<UInt64>, _ weights: [Double]) {
        let total = weights.reduce(0, +)
        let count = weights.count
        guard total > 0 else { return }
        var scaled = weights.map { $0 * Double(count) / total }
        var small: [Int] = []
        var large: [Int] = []
        for index in scaled.indices {
            if scaled[index] < 1 { small.append(index) } else { large.append(index) }
        }
        while let low = small.popLast() {
            guard let high = large.popLast() else {
                slots[low] = UInt64(UInt32.max) << 32 | UInt64(low)
                continue
            }
            slots[low] = UInt64(scaled[low] * 0x1p32) << 32 | UInt64(high)
            scaled[high] -= 1 - scaled[low]
            if scaled[high] < 1 { small.append(high) } else { large.append(high) }
        }
        for high in large { slots[high] = UInt64(UInt32.max) << 32 | UInt64(high) }
    }

    /// One draw.
    @inline(__always) func draw(_ random: inout GraphRandom) -> Int {
        slots.withUnsafeBufferPointer { Self.draw($0, &random) }
    }

    /// One draw from slots somewhere.
    @inline(__always) static func draw(
        _ slots: UnsafeBufferPointer<UInt64>,
        _ random: inout GraphRandom
    ) -> Int {
        let word = random.next()
        let slot = Int(((word >> 32) &* UInt64(slots.count)) >> 32)
        let value = slots[slot]
        return word & 0xffff_ffff < value >> 32 ? slot : Int(value & 0xffff_ffff)
    }
}
