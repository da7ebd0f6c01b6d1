public import SkeinTensor

/// Counts since an engine started, and how it stands now.
public struct EngineStatistics: Sendable {
    /// Requests that have a slot.
    public var running = 0
    /// Requests that wait for one.
    public var waiting = 0
    /// Requests that slots can hold at once.
    public var slotLimit = 0
    /// Bytes of keys and values in use, remembered prompts included.
    public var stateBytes = 0
    /// Rows of remembered prompts and answers.
    public var cachedRows = 0
    /// Bytes that keys and values may use.
    public var stateLimit = 0
    /// Forward passes.
    public var steps = 0
    /// Rows of all forward passes.
    public var rows = 0
    /// Seconds inside the model.
    public var modelTime = 0.0
    /// Seconds of steps, inside and outside the model.
    public var stepTime = 0.0
    /// Prompt tokens of requests that were given a slot.
    public var promptTokens = 0
    /// Prompt tokens that were looked up among remembered prompts.
    public var cacheQueries = 0
    /// Prompt tokens that were found there.
    public var cacheHits = 0
    /// Tokens of answers.
    public var generationTokens = 0
    /// Rows drafted by parallel strategies.
    public var draftedTokens = 0
    /// Drafts that became tokens.
    public var acceptedTokens = 0
    /// Requests put back to wait because memory ran out.
    public var preemptions = 0
    /// Requests that ended, by reason.
    public var finished: [FinishReason: Int] = [:]

    /// Creates counts of nothing.
    public init() {}
}

/// What a request is doing.
public struct SlotReport: Sendable {
    /// The stage of a request's life.
    public enum Phase: String, Sendable { case waiting, prefilling, decoding }

    /// The engine's number for it.
    public var slot: Int32
    /// The request's own id.
    public var id: String
    /// The stage it is in.
    public var phase: Phase
    /// The strategy's name.
    public var strategy: String
    /// Tokens of its prompt.
    public var promptTokens: Int
    /// Tokens of its prompt that were remembered.
    public var cachedTokens: Int
    /// Rows that have run.
    public var rowsDone: Int
    /// Tokens of its answer so far.
    public var completionTokens: Int
    /// Seconds since it was submitted.
    public var age: Double
}

/// What one forward pass was made of.
public struct StepReport: Sendable {
    /// One slot's part of a step.
    public struct Part: Sendable {
        /// The engine's number for the request.
        public var slot: Int32
        /// The request's own id, where a service runs the engine.
        public var id = ""
        /// Rows it ran.
        public var rows = 0
        /// Rows drafted.
        public var drafted = 0
        /// Drafts accepted.
        public var accepted = 0
        /// The drafts that were not accepted, where known.
        public var rejected: [Int32] = []
        /// Branches it keeps.
        public var branches = 0
        /// Tokens that became final.
        public var tokens: [Int32] = []

        init(slot: Int32) { self.slot = slot }
    }

    /// Counts steps from 1.
    public var number: Int
    /// Seconds it took.
    public var time: Double
    /// Rows of prompts.
    public var promptRows: Int
    /// Rows of answers: decoding, drafts, branches.
    public var decodeRows: Int
    /// Requests that wait.
    public var waiting: Int
    /// Bytes of keys and values in use.
    public var stateBytes: Int
    /// The slots that took part.
    public var parts: [Part]
}
