public import SkeinTensor

/// A round's answers to one slot's wishes.
///
/// Rows count within their wish. Logits are read through a closure, because they lie in the engine's
/// buffers.
public protocol Outputs: ~Copyable {
    /// Whether the wish ran this round.
    func isAnswered(_ wish: WishID) -> Bool
    /// How many of the wish's leading rows have run, over all rounds.
    func rowsAnswered(_ wish: WishID) -> Int
    /// Lends the logits `[V]` of a row that asked for `.logits`.
    func withLogits<R>(
        _ wish: WishID,
        row: Int,
        _ body: (borrowing Span<Float>) throws -> R
    ) rethrows -> R
    /// The most probable token of a row that asked for `.best`, the first of equals; −1 if there is
    /// none.
    func best(_ wish: WishID, row: Int) -> Int32
    /// The most probable tokens of a row that asked for `.top`.
    func top(_ wish: WishID, row: Int) -> [ScoredToken]
    /// The draws of a row that asked for `.draws`.
    func draws(_ wish: WishID, row: Int) -> [ScoredToken]
    /// The log-probability of the named token of a row.
    func logProbability(_ wish: WishID, row: Int) -> Float
    /// The log-probability of a token at a row that asked for `.logits` or `.best`, and the most
    /// probable tokens there.
    func score(_ wish: WishID, row: Int, token: Int32, alternatives: Int) -> TokenScore
    /// The vector of a wish that asked for `.pooled`.
    func pooled(_ wish: WishID) -> [Float]
}
