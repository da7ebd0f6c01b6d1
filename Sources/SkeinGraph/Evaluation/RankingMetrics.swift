internal import Foundation

/// Measures of a ranking.
public enum RankingMetrics {
    /// The area under the ROC curve; ties count half.
    ///
    /// - Parameters:
    ///   - positives: Scores of pairs that should rank high.
    ///   - negatives: Scores of pairs that should rank low.
    /// - Returns: A share of pairs; NaN when one side is empty.
    /// - Complexity: O(n log n).
    public static func areaUnderCurve(positives: [Float], negatives: [Float]) -> Double {
        guard !positives.isEmpty, !negatives.isEmpty else { return .nan }
        let all = (positives.map { ($0, true) } + negatives.map { ($0, false) })
            .sorted { $0.0 < $1.0 }
        var rankSum = 0.0
        var index = 0
        while index < all.count {
            var end = index
            while end < all.count, all[end].0 == all[index].0 { end += 1 }
            let rank = Double(index + end + 1) / 2
            rankSum += rank * Double(all[index..<end].count { $0.1 })
            index = end
        }
        let (p, n) = (Double(positives.count), Double(negatives.count))
        return (rankSum - p * (p + 1) / 2) / (p * n)
    }

    /// Average precision: the mean over recall steps of the precision there.
    ///
    /// - Parameters:
    ///   - positives: Scores of pairs that should rank high.
    ///   - negatives: Scores of pairs that should rank low.
    /// - Returns: A share; NaN without positives.
    public static func averagePrecision(positives: [Float], negatives: [Float]) -> Double {
        guard !positives.isEmpty else { return .nan }
        let all = (positives.map { ($0, true) } + negatives.map { ($0, false) })
            .sorted { $0.0 > $1.0 }
        var (hits, seen, sum) = (0, 0, 0.0)
        var index = 0
        while index < all.count {
            var end = index
            while end < all.count, all[end].0 == all[index].0 { end += 1 }
            let gained = all[index..<end].count { $0.1 }
            hits += gained
            seen = end
            sum += Double(gained) * Double(hits) / Double(seen)
            index = end
        }
        return sum / Double(positives.count)
    }

    /// The share of relevant items among the first k.
    ///
    /// - Parameters:
    ///   - ranked: Items, best first.
    ///   - relevant: The items that were meant.
    ///   - k: How many items are looked at.
    /// - Returns: A share of `relevant`.
    public static func recall(_ ranked: [Int], relevant: Set<Int>, k: Int) -> Double {
        guard !relevant.isEmpty else { return 0 }
        return Double(ranked.prefix(k).count { relevant.contains($0) }) / Double(relevant.count)
    }

    /// The normalised discounted cumulative gain of the first k, with gains of one.
    ///
    /// - Parameters:
    ///   - ranked: Items, best first.
    ///   - relevant: The items that were meant.
    ///   - k: How many items are looked at.
    /// - Returns: A share of the best order's gain.
    public static func normalizedGain(_ ranked: [Int], relevant: Set<Int>, k: Int) -> Double {
        let gain = ranked.prefix(k).enumerated().reduce(0.0) {
            relevant.contains($1.element) ? $0 + 1 / log2(Double($1.offset) + 2) : $0
        }
        let best = (0..<min(k, relevant.count)).reduce(0.0) { $0 + 1 / log2(Double($1) + 2) }
        return best > 0 ? gain / best : 0
    }

    /// Micro- and macro-averaged F1 of predicted label sets.
    ///
    /// - Parameters:
    ///   - predicted: The labels that were predicted of each node.
    ///   - actual: The labels it has.
    ///   - labels: How many labels there are.
    /// - Returns: Both averages; a label that is neither had nor predicted counts zero.
    public static func f1(
        predicted: [[Int]],
        actual: [[Int]],
        labels: Int
    ) -> (micro: Double, macro: Double) {
        var (hits, wrong, missed) = (
            [Int](repeating: 0, count: labels), [Int](repeating: 0, count: labels),
            [Int](repeating: 0, count: labels)
        )
        for (guess, truth) in zip(predicted, actual) {
            for label in guess {
                if truth.contains(label) { hits[label] += 1 } else { wrong[label] += 1 }
            }
            for label in truth where !guess.contains(label) { missed[label] += 1 }
        }
        func score(_ hit: Int, _ wrong: Int, _ missed: Int) -> Double {
            hit > 0 ? 2 * Double(hit) / Double(2 * hit + wrong + missed) : 0
        }
        let macro = (0..<labels).reduce(0.0) { $0 + score(hits[$1], wrong[$1], missed[$1]) }
        return (
            score(hits.reduce(0, +), wrong.reduce(0, +), missed.reduce(0, +)),
            labels > 0 ? macro / Double(labels) : 0
        )
    }
}
