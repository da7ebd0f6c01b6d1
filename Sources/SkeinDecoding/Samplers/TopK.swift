/// Keeps the k most probable tokens.
///
/// Ties at the edge go to smaller ids, so exactly min(k, finite logits) tokens are kept.
///
/// - Paper: Fan, Lewis & Dauphin 2018, "Hierarchical neural story generation", arXiv:1805.04833,
///   section 5.4.
package enum TopK {
    /// The k largest finite logits, from the most probable down.
    ///
    /// A buffer of 2 k candidates is cut back to k whenever it fills; what does not beat the k-th best
    /// so far is passed over with one comparison.
    ///
    /// - Complexity: O(V + m · log k), m being how many candidates enter the buffer: about
    ///   k · log(V / k) for logits in random order, V at worst.
    package static func select(_ k: Int, from logits: borrowing Span<Float>) -> [Candidate] {
        let k = min(k, logits.count)
        guard k > 0 else { return [] }
        let capacity = max(2 * k, 64)
        var kept: [Candidate] = []
        kept.reserveCapacity(min(capacity, logits.count))
        var threshold = -Float.infinity
        var i = 0
        while i < logits.count {
            if i + 8 <= logits.count, !Self.anyExceeds(threshold, logits, i) {
                i += 8
                continue
            }
            let end = min(i + 8, logits.count)
            while i < end {
                let logit = logits[i]
                i += 1
                guard logit > threshold, logit < .infinity else { continue }
                kept.append(Candidate(token: Int32(truncatingIfNeeded: i - 1), logit: logit))
                guard kept.count == capacity else { continue }
                kept.sort()
                kept.removeLast(capacity - k)
                threshold = kept[k - 1].logit
            }
        }
        kept.sort()
        if kept.count > k { kept.removeLast(kept.count - k) }
        return kept
    }

    /// Whether one of the eight logits from `first` on exceeds the threshold, without a branch for each.
    @inline(__always)
    private static func anyExceeds(
        _ threshold: Float,
        _ logits: borrowing Span<Float>,
        _ first: Int
    ) -> Bool {
        unsafe logits.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return false }
            let at = unsafe UnsafeRawPointer(base + first)
            let block = unsafe at.loadUnaligned(as: SIMD8<Float>.self)
            return any(block .> threshold)
        }
    }
}
