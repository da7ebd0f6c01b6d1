#if canImport(Glibc)
import Glibc
#else
import Foundation
#endif

/// Unnormalised probabilities exp((logit − peak) / temperature), in double precision.
///
/// Sums run in the order of the candidates, or of the ids, one after another: their bits depend on the
/// logits alone.
package struct Weights: Sendable {
    /// The largest logit, whose weight is one.
    private let peak: Double
    /// What differences of logits are divided by; above 0.
    private let temperature: Double

    /// Creates the weights of a distribution.
    package init(peak: Float, temperature: Double) {
        self.peak = Double(peak)
        self.temperature = temperature
    }

    /// The logarithm of a logit's weight.
    package func exponent(_ logit: Float) -> Double { (Double(logit) - peak) / temperature }

    /// A logit's weight, from 0 to 1.
    package func weight(_ logit: Float) -> Double { exp(exponent(logit)) }

    /// The sum of the candidates' weights.
    package func total(_ candidates: some Sequence<Candidate>) -> Double {
        candidates.reduce(0) { $0 + weight($1.logit) }
    }

    /// The sum of the weights of all finite logits that reach a floor, in the order of ids.
    ///
    /// - Complexity: O(V).
    package func total(_ logits: borrowing Span<Float>, floor: Double) -> Double {
        // Below this exponent a weight is 0, so that the call can be saved.
        let least = max(floor, peak - 746 * temperature)
        var sum = 0.0
        for i in logits.indices {
            let logit = Double(logits[i])
            if logit >= least, logit < .infinity, logit > -.infinity {
                sum += weight(logits[i])
            }
        }
        return sum
    }
}
