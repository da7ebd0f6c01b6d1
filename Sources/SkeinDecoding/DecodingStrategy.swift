public import SkeinTensor

/// Chooses tokens as a pure function of (logits, path, seed, position).
///
/// Because it is pure, a draft is accepted exactly when it equals the token chosen, and a seeded answer
/// has the same tokens with or without drafts, alone or among other requests.
public protocol TokenRule: Sendable {
    /// Extends the path, the tokens before the next row on its own way; a value is copied per tree node.
    mutating func advance(_ token: Int32)
    /// The token for a row, or `nil` when no token has a positive probability.
    ///
    /// - Parameters:
    ///   - logits: The row's logits, `[V]`.
    ///   - position: The position that the chosen token will take: one past the row of a model that
    ///     predicts the next token.
    /// - Returns: A token's id.
    borrowing func choose(_ logits: borrowing Span<Float>, position: Int32) -> Int32?
    /// Whether the next choice is the first of the largest finite logits, whatever its position, so
    /// that an engine's `.best` serves as well; `false` unless a rule says otherwise.
    var takesBest: Bool { get }
    /// Whether the answer is whole, so that nothing may be chosen any more; `false` unless a rule says
    /// otherwise.
    var isFinished: Bool { get }
}

extension TokenRule {
    /// Whether the next choice is the first of the largest finite logits: not unless a rule says so.
    public var takesBest: Bool { false }
    /// Whether the answer is whole: not unless a rule says so.
    public var isFinished: Bool { false }
}

/// A decoding method as a state machine that never calls a model.
public protocol DecodingStrategy: Sendable {
    /// What it needs of the state of each role.
    static var requires: [Role: Requirements] { get }
    /// The rows it would like to run next; `rowBudget` changes how much is drafted, never which tokens
    /// come out.
    mutating func wish(rowBudget: Int) -> [Wish]
    /// What becomes of the rows that ran.
    mutating func receive<O: Outputs & ~Copyable>(_ outputs: borrowing O) -> [Effect]
}
