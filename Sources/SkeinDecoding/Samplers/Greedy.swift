/// The first of the largest logits.
package enum Greedy {
    /// The most probable token with its logit; the smallest id wins a tie.
    ///
    /// NaN and infinite logits are passed over.
    ///
    /// - Returns: `nil` when no logit is finite.
    /// - Complexity: O(V).
    package static func best(_ logits: borrowing Span<Float>) -> Candidate? {
        var token = -1
        var peak = -Float.infinity
        for i in logits.indices where logits[i] > peak && logits[i] < .infinity {
            peak = logits[i]
            token = i
        }
        return token < 0 ? nil : Candidate(token: Int32(truncatingIfNeeded: token), logit: peak)
    }
}
