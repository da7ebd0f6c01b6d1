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

/// A token of a prompt or an answer with the probability the model gave it, before any sampling rule.
public struct TokenScore: Sendable, Hashable {
    /// The token's id.
    public var token: Int32
    /// Its natural log-probability under the model; `nil` for a prompt's first token.
    public var logProbability: Float?
    /// The most probable tokens in its place, descending.
    public var top: [ScoredToken]

    /// Pairs a token with its score and alternatives.
    public init(token: Int32, logProbability: Float?, top: [ScoredToken] = []) {
        self.token = token
        self.logProbability = logProbability
        self.top = top
    }
}
