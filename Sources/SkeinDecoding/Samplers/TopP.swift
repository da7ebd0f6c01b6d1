/// Keeps the smallest set of most probable tokens whose mass reaches p: the nucleus.
///
/// - Paper: Holtzman et al. 2020, "The curious case of neural text degeneration", arXiv:1904.09751,
///   equations 2 and 3.
package enum TopP {
    /// How many leading candidates are the nucleus, or `nil` when all of them together fall short.
    ///
    /// - Parameters:
    ///   - candidates: Descending.
    ///   - mass: The share to reach; at least one candidate is kept even at 0.
    ///   - total: The sum of the weights of everything in play.
    ///   - weights: Turns logits into unnormalised probabilities, at temperature 1.
    /// - Returns: The size of the nucleus.
    /// - Complexity: O(nucleus).
    package static func count(
        of candidates: [Candidate],
        mass: Double,
        total: Double,
        weights: Weights
    ) -> Int? {
        var sum = 0.0
        for (i, candidate) in candidates.enumerated() {
            sum += weights.weight(candidate.logit)
            if sum >= mass * total { return i + 1 }
        }
        return nil
    }
}
