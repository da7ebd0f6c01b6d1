#if canImport(Glibc)
import Glibc
#else
import Foundation
#endif

/// Keeps tokens whose probability is at least p times the largest.
///
/// - Paper: Nguyen et al. 2025, "Turning up the heat: min-p sampling for creative and coherent LLM
///   outputs", arXiv:2407.01082, algorithm 1.
package enum MinP {
    /// The least logit that stays in play; probabilities need not be computed, as their ratios are
    /// differences of logits.
    package static func floor(peak: Float, share: Double) -> Double {
        share > 0 ? Double(peak) + log(share) : -.infinity
    }

    /// How many leading candidates, which are descending, stay in play.
    ///
    /// - Complexity: O(log n).
    package static func count(of candidates: [Candidate], floor: Double) -> Int {
        var range = 0..<candidates.count
        while !range.isEmpty {
            let middle = (range.lowerBound + range.upperBound) / 2
            if Double(candidates[middle].logit) >= floor {
                range = middle + 1..<range.upperBound
            } else {
                range = range.lowerBound..<middle
            }
        }
        return range.lowerBound
    }
}
