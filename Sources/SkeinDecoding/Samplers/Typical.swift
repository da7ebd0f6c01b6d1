#if canImport(Glibc)
import Glibc
#else
import Foundation
#endif

/// Keeps the tokens whose information is closest to the entropy, up to a probability mass.
///
/// - Paper: Meister et al. 2023, "Locally typical sampling", arXiv:2202.00666, equation 10.
package enum Typical {
    /// A candidate's distance from the entropy; ties go to the more probable, then the smaller id.
    private struct Deviation: Comparable {
        var distance: Double
        var candidate: Candidate

        static func < (a: Self, b: Self) -> Bool {
            a.distance != b.distance ? a.distance < b.distance : a.candidate < b.candidate
        }
    }

    /// The smallest set of most typical candidates whose mass reaches the threshold, descending.
    ///
    /// - Parameters:
    ///   - candidates: Descending; their probabilities are relative to each other.
    ///   - mass: The share to reach; at least one candidate is kept even at 0.
    /// - Returns: A subset of the candidates.
    /// - Complexity: O(n · log n).
    package static func filter(_ candidates: [Candidate], mass: Double) -> [Candidate] {
        guard let first = candidates.first else { return [] }
        let weights = Weights(peak: first.logit, temperature: 1)
        let total = weights.total(candidates)
        let logTotal = log(total)
        var entropy = 0.0
        for candidate in candidates {
            let weight = weights.weight(candidate.logit)
            let information = logTotal - weights.exponent(candidate.logit)
            if weight > 0 { entropy += weight / total * information }
        }
        let deviations = candidates.map { candidate in
            let information = logTotal - weights.exponent(candidate.logit)
            return Deviation(distance: abs(information - entropy), candidate: candidate)
        }
        var kept: [Candidate] = []
        var sum = 0.0
        for deviation in deviations.sorted() {
            kept.append(deviation.candidate)
            sum += weights.weight(deviation.candidate.logit)
            if sum >= mass * total { break }
        }
        return kept.sorted()
    }
}
