internal import Foundation
public import SkeinTensor

/// Rotary position embedding: heads are rotated by angles proportional to their position.
///
/// - Paper: Su et al. 2021, arXiv:2104.09864, eq. 34; YaRN: Peng et al. 2023, arXiv:2309.00071.
public struct RotaryEmbedding: Sendable {
    /// How frequencies are stretched beyond the trained context.
    public enum Scaling: Sendable, Hashable {
        /// Not at all.
        case none
        /// All frequencies are divided by a factor.
        case linear(factor: Double)
        /// Llama 3.1's: long waves are divided, short ones kept, those between blended.
        case llama3(factor: Double, lowFactor: Double, highFactor: Double, originalContext: Double)
        /// YaRN's ramp between interpolated and original frequencies, with its attention factor.
        case yarn(
            factor: Double,
            betaFast: Double,
            betaSlow: Double,
            originalContext: Double,
            attentionFactor: Double,
            isTruncated: Bool
        )
        /// Frequencies divided one by one, as checkpoints may list them.
        case factors([Float])
    }

    /// The angle of one position for each pair, in radians.
    public let frequencies: [Float]
    /// What cosines and sines are multiplied by.
    public let magnitude: Float
    /// Whether pairs are neighbours (2i, 2i + 1) instead of (i, i + half).
    public let isInterleaved: Bool

    /// Creates the frequencies of a head.
    ///
    /// - Parameters:
    ///   - width: The number of rotated values of a head; even.
    ///   - base: θ, usually 10,000.
    ///   - scaling: How frequencies are stretched.
    ///   - isInterleaved: Whether pairs are neighbours.
    public init(width: Int, base: Double, scaling: Scaling = .none, isInterleaved: Bool) {
        let half = width / 2
        let plain = (0..<half).map { index in
            1 / Float(pow(base, Double(2 * index) / Double(width)))
        }
        self.isInterleaved = isInterleaved
        switch scaling {
        case .none:
            frequencies = plain
            magnitude = 1
        case .linear(let factor):
            frequencies = plain.map { $0 / Float(factor) }
            magnitude = 1
        case .factors(let factors):
            frequencies = zip(plain, factors).map { $0 / $1 }
            magnitude = 1
        case .llama3(let factor, let low, let high, let context):
            frequencies = plain.map { Self.llama3($0, factor, low, high, context) }
            magnitude = 1
        case .yarn(let factor, let fast, let slow, let context, let attention, let isTruncated):
            let ramp = Self.yarnRamp(
                half,
                width,
                base,
                fast,
                slow,
                context,
                isTruncated: isTruncated
            )
            frequencies = zip(plain, ramp).map { frequency, share in
                frequency / Float(factor) * share + frequency * (1 - share)
            }
            magnitude = Float(attention)
        }
    }

    /// The rotations of rows at the given positions.
    public func table(_ positions: [Int32]) -> RotaryTable {
        RotaryTable(
            positions: positions,
            frequencies: frequencies,
            magnitude: magnitude,
            isInterleaved: isInterleaved
        )
    }

    private static func llama3(
        _ frequency: Float,
        _ factor: Double,
        _ low: Double,
        _ high: Double,
        _ context: Double
    ) -> Float {
        let wavelength = 2 * Double.pi / Double(frequency)
        if wavelength > context / low { return frequency / Float(factor) }
        if wavelength < context / high { return frequency }
        let smooth = Float((context / wavelength - low) / (high - low))
        return (1 - smooth) * frequency / Float(factor) + smooth * frequency
    }

    /// The share of interpolation for each pair: 0 keeps the frequency, 1 divides it.
    private static func yarnRamp(
        _ half: Int,
        _ width: Int,
        _ base: Double,
        _ fast: Double,
        _ slow: Double,
        _ context: Double,
        isTruncated: Bool
    ) -> [Float] {
        func dimension(_ rotations: Double) -> Double {
            Double(width) * log(context / (rotations * 2 * .pi)) / (2 * log(base))
        }
        var low = dimension(fast)
        var high = dimension(slow)
        if isTruncated {
            low = low.rounded(.down)
            high = high.rounded(.up)
        }
        low = max(low, 0)
        high = min(high, Double(width - 1))
        if low == high { high += 0.001 }
        return (0..<half).map { Float(min(max((Double($0) - low) / (high - low), 0), 1)) }
    }
}
