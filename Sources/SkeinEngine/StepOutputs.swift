internal import Foundation
internal import SkeinDecoding
internal import SkeinTensor

/// The answers of one step to one slot's wishes, reading the step's logits in place.
struct StepOutputs: Outputs, ~Copyable {
    /// Where the rows of a wish are found.
    struct Place {
        /// How many leading rows ran.
        var rows: Int
        /// The row of `logits` that belongs to a row of the wish.
        var logitRows: [Int: Int]
        var wish: Wish
    }

    let logits: Tensor?
    let places: [WishID: Place]

    func isAnswered(_ wish: WishID) -> Bool { places[wish] != nil }

    func rowsAnswered(_ wish: WishID) -> Int { places[wish]?.rows ?? 0 }

    func withLogits<R>(
        _ wish: WishID,
        row: Int,
        _ body: (borrowing Span<Float>) throws -> R
    ) rethrows -> R {
        guard let logits, let place = places[wish]?.logitRows[row] else {
            preconditionFailure("row \(row) of wish \(wish.id) has no logits")
        }
        return try logits.withRow(place, body)
    }

    func best(_ wish: WishID, row: Int) -> ScoredToken {
        withLogits(wish, row: row) { logits in
            let (index, logSumExp) = Self.reduce(logits)
            guard index >= 0 else { return ScoredToken(token: -1, logProbability: .nan) }
            return ScoredToken(token: Int32(index), logProbability: logits[index] - logSumExp)
        }
    }

    func top(_ wish: WishID, row: Int) -> [ScoredToken] {
        guard let want = places[wish]?.wish.wanted.first(where: { $0.rows.contains(row) }),
            case .top(let count) = want.what
        else { return [] }
        return withLogits(wish, row: row) { logits in
            let (_, logSumExp) = Self.reduce(logits)
            var order = (0..<logits.count).filter { logits[$0].isFinite }
            order.sort { (logits[$0], $1) > (logits[$1], $0) }
            return order.prefix(count).map {
                ScoredToken(token: Int32($0), logProbability: logits[$0] - logSumExp)
            }
        }
    }

    func draws(_ wish: WishID, row: Int) -> [ScoredToken] {
        guard let place = places[wish],
            let want = place.wish.wanted.first(where: { $0.rows.contains(row) }),
            case .draws(let count, let key, let temperature) = want.what
        else { return [] }
        let noise = Philox(key)
        let position = UInt64(truncatingIfNeeded: place.wish.positions[row])
        return withLogits(wish, row: row) { logits in
            let (best, _) = Self.reduce(logits)
            guard best >= 0 else { return [] }
            let weights = (0..<logits.count).map {
                exp(Double((logits[$0] - logits[best]) / temperature))
            }
            let total = weights.reduce(0) { $0 + ($1.isNaN ? 0 : $1) }
            return (0..<count).map { lane in
                let goal = noise.uniform(at: position, lane: UInt32(lane)) * total
                var sum = 0.0
                var token = best
                for (index, weight) in weights.enumerated() where weight > 0 {
                    sum += weight
                    token = index
                    if sum > goal { break }
                }
                return ScoredToken(
                    token: Int32(token),
                    logProbability: Float(log(weights[token] / total))
                )
            }
        }
    }

    func logProbability(_ wish: WishID, row: Int) -> Float {
        guard let want = places[wish]?.wish.wanted.first(where: { $0.rows.contains(row) }),
            case .logProbability(let tokens) = want.what
        else { return .nan }
        let token = Int(tokens[row - want.rows.lowerBound])
        return withLogits(wish, row: row) { logits in
            guard (0..<logits.count).contains(token) else { return .nan }
            return logits[token] - Self.reduce(logits).logSumExp
        }
    }

    func pooled(_ wish: WishID) -> [Float] { [] }

    /// The first of the largest logits and the logarithm of the sum of all exponentials.
    static func reduce(_ logits: borrowing Span<Float>) -> (index: Int, logSumExp: Float) {
        var best = -1
        for index in 0..<logits.count {
            let value = logits[index]
            if value.isNaN || value == .infinity { continue }
            if best < 0 || value > logits[best] { best = index }
        }
        guard best >= 0 else { return (-1, .nan) }
        var sum = 0.0
        for index in 0..<logits.count { sum += exp(Double(logits[index] - logits[best])) }
        return (best, logits[best] + Float(log(sum)))
    }
}
