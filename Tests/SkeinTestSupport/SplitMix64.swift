/// A small seeded generator, so that every random test can be repeated.
public struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    /// Creates a generator from a seed.
    public init(seed: UInt64) { state = seed }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// `count` normal floats with the given deviation (sum of twelve uniforms).
    public mutating func normals(_ count: Int, deviation: Float = 1) -> [Float] {
        (0..<count).map { _ in
            let sum = (0..<12).reduce(Float(0)) { total, _ in
                total + Float.random(in: 0..<1, using: &self)
            }
            return (sum - 6) * deviation
        }
    }
}
