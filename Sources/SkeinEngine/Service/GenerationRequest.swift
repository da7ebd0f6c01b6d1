public import SkeinDecoding
public import SkeinTensor

/// What a client asks of a served model.
public struct GenerationRequest: Sendable {
    /// Names the request in logs and reports; need not be unique.
    public var id: String
    /// Token ids; at least one.
    public var prompt: [Int32]
    /// How tokens are chosen and when to stop.
    public var parameters: SamplingParameters
    /// Texts that end the answer and are not part of it.
    public var stopStrings: [String] = []
    /// Whether special tokens are left out of the text.
    public var skipsSpecialTokens = true
    /// Whether the model's own end tokens count as any other.
    public var ignoresEnd = false
    /// Requests with smaller numbers go first; equal ones in order of arrival.
    public var priority = 0
    /// When the request ends if it has not by then.
    public var deadline: ContinuousClock.Instant?
    /// Whether the answer comes as one piece at its end, which spares the reader a wake-up a token.
    public var deliversAtEnd = false
    /// The most tokens to guess ahead a step; no guess changes the answer.
    ///
    /// 0 is plain decoding, and what a model with a recurrent state always does.
    public var draftLimit = 0
    /// For each answer token its log-probability and that many alternatives; `nil` is none.
    public var topLogProbabilities: Int?
    /// For each prompt token its log-probability and that many alternatives; `nil` is none.
    public var promptLogProbabilities: Int?
    /// What the answer must be, if not anything.
    public var grammar: CompiledGrammar?
    /// Requests share remembered prompts only within one salt.
    public var cacheSalt = ""
    /// Whether remembered prompts may be used.
    public var usesPrefixCache = true

    /// Creates a request with defaults for everything but the prompt.
    public init(
        id: String = "",
        prompt: [Int32],
        parameters: SamplingParameters = SamplingParameters()
    ) {
        self.id = id
        self.prompt = prompt
        self.parameters = parameters
    }
}

/// A piece of an answer as it becomes final.
public struct GenerationPiece: Sendable, Hashable {
    /// Text that no later token can change; may be empty while a character is incomplete.
    public var text: String
    /// The tokens that arrived with it.
    public var tokens: [Int32]
    /// One score a token, where asked for.
    public var scores: [TokenScore]

    /// Joins text and tokens.
    public init(text: String, tokens: [Int32], scores: [TokenScore] = []) {
        self.text = text
        self.tokens = tokens
        self.scores = scores
    }
}

/// What a request was, once it ended.
public struct GenerationSummary: Sendable, Hashable {
    /// Why it ended.
    public var reason: FinishReason
    /// The stop text that ended it, if one did.
    public var stopString: String?
    /// How probable the end token was that ended it, where one did and scores were asked for.
    public var endScore: TokenScore?
    /// What went wrong, where `reason` is `.failed`.
    public var failure: String?
    /// Tokens of the prompt.
    public var promptTokens = 0
    /// Prompt tokens that were remembered from earlier requests.
    public var cachedTokens = 0
    /// Tokens of the answer.
    public var completionTokens = 0
    /// Rows drafted by a parallel strategy.
    public var draftedTokens = 0
    /// Drafts that became tokens of the answer.
    public var acceptedTokens = 0
    /// From submission to the first row that ran, in seconds.
    public var queueTime = 0.0
    /// From submission to the first token, in seconds.
    public var timeToFirstToken = 0.0
    /// From submission to the end, in seconds.
    public var totalTime = 0.0

    /// Creates the summary of a request that did nothing yet.
    public init(reason: FinishReason) { self.reason = reason }
}

/// Something that happened to a request.
public enum GenerationEvent: Sendable, Hashable {
    /// The scores of the whole prompt, once, before the first piece, where asked for.
    case prompt([TokenScore])
    /// More of the answer.
    case piece(GenerationPiece)
    /// The end; nothing follows.
    case finished(GenerationSummary)
}
