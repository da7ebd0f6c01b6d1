public import SkeinTensor

/// A token with the logarithm of its probability.
public struct ScoredToken: Hashable, Sendable {
    /// The token's id.
    public var token: Int32
    /// Its natural log-probability.
    public var logProbability: Float

    /// Pairs a token with its log-probability.
    public init(token: Int32, logProbability: Float) {
        self.token = token
        self.logProbability = logProbability
    }
}

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
    /// The most probable token of a row that asked for `.best`.
    func best(_ wish: WishID, row: Int) -> ScoredToken
    /// The most probable tokens of a row that asked for `.top`.
    func top(_ wish: WishID, row: Int) -> [ScoredToken]
    /// The draws of a row that asked for `.draws`.
    func draws(_ wish: WishID, row: Int) -> [ScoredToken]
    /// The log-probability of the named token of a row.
    func logProbability(_ wish: WishID, row: Int) -> Float
    /// The vector of a wish that asked for `.pooled`.
    func pooled(_ wish: WishID) -> [Float]
}
