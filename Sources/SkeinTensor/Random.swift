/// Counter-based random numbers: a draw is a pure function of its key and its position.
///
/// - Paper: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", Philox-4×32 with ten
///   rounds.
public struct Philox: Sendable {
    /// The key of the stream.
    public let key: NoiseKey

    /// Creates the generator of a stream.
    public init(_ key: NoiseKey) { self.key = key }

    /// The four words at a counter.
    ///
    /// - Parameters:
    ///   - position: The absolute position of the draw.
    ///   - lane: Which draw at that position.
    /// - Returns: Four independent uniform words.
    public func words(at position: UInt64, lane: UInt32 = 0) -> SIMD4<UInt32> {
        var counter = SIMD4<UInt32>(
            UInt32(truncatingIfNeeded: position),
            UInt32(truncatingIfNeeded: position >> 32),
            key.stream,
            lane
        )
        var k0 = UInt32(truncatingIfNeeded: key.seed)
        var k1 = UInt32(truncatingIfNeeded: key.seed >> 32)
        for _ in 0..<10 {
            let a = UInt64(counter[0]) &* 0xd251_1f53
            let b = UInt64(counter[2]) &* 0xcd9e_8d57
            counter = SIMD4(
                UInt32(truncatingIfNeeded: b >> 32) ^ counter[1] ^ k0,
                UInt32(truncatingIfNeeded: b),
                UInt32(truncatingIfNeeded: a >> 32) ^ counter[3] ^ k1,
                UInt32(truncatingIfNeeded: a)
            )
            k0 = k0 &+ 0x9e37_79b9
            k1 = k1 &+ 0xbb67_ae85
        }
        return counter
    }

    /// A double in [0, 1) with 53 random bits.
    public func uniform(at position: UInt64, lane: UInt32 = 0) -> Double {
        let w = words(at: position, lane: lane)
        let bits = (UInt64(w[0]) << 32 | UInt64(w[1])) >> 11
        return Double(bits) * 0x1p-53
    }
}
