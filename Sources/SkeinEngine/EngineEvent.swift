public import SkeinCore
public import SkeinTensor

/// Something that happened to a request during a step.
public enum EngineEvent: Sendable {
    /// It was given a slot; how many tokens of its prompt were remembered.
    case started(slot: Int32, cachedTokens: Int)
    /// How probable tokens were; those of an answer come before the tokens.
    case scores(slot: Int32, [TokenScore], of: ScoredPart)
    /// Final tokens; the first one's position.
    case tokens(slot: Int32, [Int32], at: Int)
    /// Counts for metrics.
    case trace(slot: Int32, Trace)
    /// What went wrong; `finished` follows.
    case failed(slot: Int32, SkeinError)
    /// The request is done and its slot free.
    case finished(slot: Int32, FinishReason)

    /// The request's number.
    public var slot: Int32 {
        switch self {
        case .started(let slot, _), .scores(let slot, _, _), .tokens(let slot, _, _),
            .trace(let slot, _), .failed(let slot, _), .finished(let slot, _):
            slot
        }
    }
}
