/// Lays a point on tokens that stand side by side, each as wide as its weight.
///
/// - Source: Devroye 1986, "Non-uniform random variate generation", chapter III, section 2.
package enum InverseCDF {
    /// The first candidate whose running sum exceeds the target.
    ///
    /// - Parameters:
    ///   - candidates: In the order in which they stand; not empty.
    ///   - target: At least 0, below the total weight.
    ///   - weights: Turns logits into widths.
    /// - Returns: The token, and whether the sum got there. Where it did not (the candidates are not
    ///   all, or rounding), the last one of positive width.
    /// - Complexity: O(candidates passed).
    package static func pick(
        _ candidates: [Candidate],
        at target: Double,
        weights: Weights
    ) -> (token: Int32?, isReached: Bool) {
        var sum = 0.0
        var last: Int32?
        for candidate in candidates {
            let weight = weights.weight(candidate.logit)
            guard weight > 0 else { break }
            sum += weight
            last = candidate.token
            if sum > target { return (last, true) }
        }
        return (last, false)
    }
}
