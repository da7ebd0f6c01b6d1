internal import Foundation
internal import SkeinDecoding
internal import SkeinTensor

/// The answers of one step to one slot's wishes, reading the step's logits in place.
struct StepOutputs: Outputs, ~Copyable {
    /// Where the rows of a wish are found.
    struct Place {
        /// How many leading rows ran.
        var rows: Int
        /// The first row of `logits` that belongs to the wish.
        var firstLogit: Int
        /// The rows of the wish that have logits, ascending.
        var headRows: [Int32]
        var wish: Wish
    }

    let logits: Tensor?
    let places: [Place]
    let processor: Processor

    private func place(_ wish: WishID) -> Place? { places.first { $0.wish.id == wish } }

    /// The row of the step's logits that belongs to a row of a wish.
    private func index(_ wish: WishID, _ row: Int) -> (logits: Tensor, row: Int) {
        guard let logits, let place = place(wish),
            let offset = place.headRows.firstIndex(of: Int32(row))
        else {
            preconditionFailure("row \(row) of wish \(wish.id) has no logits")
        }
        return (logits, place.firstLogit + offset)
    }

    private func wanted(_ wish: WishID, _ row: Int) -> Wanted? {
        place(wish)?.wish.wanted.first { $0.rows.contains(row) }?.what
    }

    func isAnswered(_ wish: WishID) -> Bool { place(wish) != nil }

    func rowsAnswered(_ wish: WishID) -> Int { place(wish)?.rows ?? 0 }

    func withLogits<R>(
        _ wish: WishID,
        row: Int,
        _ body: (borrowing Span<Float>) throws -> R
    ) rethrows -> R {
        let (logits, row) = index(wish, row)
        return try logits.withRow(row, body)
    }

    func best(_ wish: WishID, row: Int) -> Int32 {
        let (logits, row) = index(wish, row)
        return processor.argmax(logits, row: row).map(Int32.init) ?? -1
    }

    func top(_ wish: WishID, row: Int) -> [ScoredToken] {
        guard case .top(let count) = wanted(wish, row) else { return [] }
        return alternatives(wish, row: row, count: count)
    }

    func score(_ wish: WishID, row: Int, token: Int32, alternatives count: Int) -> TokenScore {
        let (logits, place) = index(wish, row)
        let logSumExp = processor.logSumExp(logits, row: place)
        let logit = logits.withRow(place) { values in
            values.indices.contains(Int(token)) ? values[Int(token)] : .nan
        }
        return TokenScore(
            token: token,
            logProbability: logit - logSumExp,
            top: count > 0 ? alternatives(wish, row: row, count: count) : []
        )
    }

    private func alternatives(_ wish: WishID, row: Int, count: Int) -> [ScoredToken] {
        let (logits, place) = index(wish, row)
        let logSumExp = processor.logSumExp(logits, row: place)
        return logits.withRow(place) { values in
            TopK.select(count, from: values).map {
                ScoredToken(token: $0.token, logProbability: $0.logit - logSumExp)
            }
        }
    }

    func draws(_ wish: WishID, row: Int) -> [ScoredToken] {
        guard case .draws(let count, let key, let temperature) = wanted(wish, row),
            let place = place(wish)
        else { return [] }
        let (tensor, index) = index(wish, row)
        guard let best = processor.argmax(tensor, row: index) else { return [] }
        let noise = Philox(key)
        let position = UInt64(truncatingIfNeeded: place.wish.positions[row])
        return tensor.withRow(index) { logits in
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
        guard case .logProbability(let tokens) = wanted(wish, row), let place = place(wish),
            let want = place.wish.wanted.first(where: { $0.rows.contains(row) })
        else { return .nan }
        return score(wish, row: row, token: tokens[row - want.rows.lowerBound], alternatives: 0)
            .logProbability ?? .nan
    }

    func pooled(_ wish: WishID) -> [Float] { [] }
}
