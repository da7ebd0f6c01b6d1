internal import Foundation
internal import SkeinTensor

/// Where a subgraph stands in a run; every random draw of its embedding starts from here.
public struct SubgraphSeed: Hashable, Sendable {
    /// The run's seed.
    public var seed: UInt64
    /// The level of the recursion.
    public var level: Int
    /// The part of that level.
    public var part: Int

    /// Creates a place in a run; the defaults are those of a whole graph.
    public init(_ seed: UInt64, level: Int = 0, part: Int = 0) {
        self.seed = seed
        self.level = level
        self.part = part
    }

    /// A generator for one purpose at one position.
    func random(_ purpose: Purpose, at position: Int = 0, lane: Int = 0) -> GraphRandom {
        let mixed = GraphRandom.mixed(UInt64(level) << 40 ^ UInt64(part) ^ 0x5ce1_9a4d)
        let key = NoiseKey(seed: seed ^ mixed, stream: purpose.rawValue)
        let words = Philox(key).words(at: UInt64(position), lane: UInt32(truncatingIfNeeded: lane))
        return GraphRandom(state: UInt64(words[0]) << 32 | UInt64(words[1]))
    }
}

/// What a draw is for.
enum Purpose: UInt32 {
    case walk = 0x6701
    case training, start, order, edges, projection, split, negatives, classifier, layers
}

/// A fast sequence of words from a place in the counter-based space: SplitMix64.
///
/// - Paper: Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators".
package struct GraphRandom: Sendable {
    var state: UInt64

    @inline(__always) mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mixed(state)
    }

    /// An integer below `bound`, which is at most 2³².
    @inline(__always) mutating func below(_ bound: Int) -> Int {
        Int(((next() >> 32) &* UInt64(bound)) >> 32)
    }

    /// A number in [0, 1).
    @inline(__always) mutating func unit() -> Float { Float(next() >> 40) * 0x1p-24 }

    /// A draw from the standard normal distribution, by Box and Muller.
    mutating func normal() -> Float {
        let radius = (-2 * log((Double(next() >> 11) + 0.5) * 0x1p-53)).squareRoot()
        return Float(radius * cos(2 * Double.pi * Double(next() >> 11) * 0x1p-53))
    }

    @inline(__always) static func mixed(_ word: UInt64) -> UInt64 {
        var z = word
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A hash of a node under a seed and a round.
    @inline(__always) static func hash(_ node: Int, _ seed: UInt64, _ round: Int = 0) -> UInt64 {
        mixed(key(seed, round) ^ UInt64(node))
    }

    /// What a node's number is combined with before its hash is mixed.
    @inline(__always) package static func key(_ seed: UInt64, _ round: Int = 0) -> UInt64 {
        mixed(seed &+ UInt64(round) &* 0x9e37_79b9_7f4a_7c15)
    }
}
