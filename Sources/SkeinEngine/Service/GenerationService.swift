internal import Foundation
internal import SkeinCore
internal import SkeinDecoding
public import SkeinModels
internal import SkeinNN
public import SkeinTensor
public import SkeinText
internal import Synchronization

/// How a service runs its engine.
public struct ServiceOptions: Sendable {
    /// How steps are packed.
    public var engine = EngineOptions()
    /// How many requests may wait for a slot.
    public var queueLimit = 1024

    /// The defaults.
    public init() {}
}

/// One loaded model with its engine on a thread of its own: requests in, streams of events out.
///
/// Safe to call from anywhere; no call waits for a step.
public final class GenerationService: Sendable {
    /// The facts about the model.
    public let description: ModelDescription
    /// The model's tokenizer.
    public let tokenizer: Tokenizer
    /// The most tokens that prompt and answer may have together.
    public let contextSize: Int
    /// Ids that end an answer.
    public let stopTokens: Set<Int32>
    /// How the engine runs.
    public let options: ServiceOptions
    private let board: ServiceBoard

    /// Starts a service.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - tokenizer: Its tokenizer.
    ///   - processor: Where it runs; not to be used for anything else meanwhile.
    ///   - options: How the engine runs.
    ///   - stopTokens: Ids that end an answer, beside those the tokenizer knows.
    ///   - contextSize: A limit below or above the model's own; `nil` means the model's own. What the
    ///     memory for keys and values cannot hold is taken off.
    /// - Throws: `SkeinError.Code.shapeMismatch` when the tokenizer knows ids that the model does not,
    ///   `.invalidArgument` when the memory does not hold two tokens.
    public init(
        model: any LanguageModel,
        tokenizer: Tokenizer,
        processor: Processor,
        options: ServiceOptions = ServiceOptions(),
        stopTokens: Set<Int32> = [],
        contextSize: Int? = nil
    ) throws {
        try tokenizer.checkFits(model.description)
        description = model.description
        self.tokenizer = tokenizer
        self.stopTokens = stopTokens.union(tokenizer.stopIDs)
        self.options = options
        let wanted = contextSize ?? model.description.contextLength
        self.contextSize = Self.fitting(wanted, model, options.engine)
        guard self.contextSize >= 2 else {
            throw SkeinError(
                .invalidArgument,
                "the context holds \(self.contextSize) tokens, expected at least 2",
                hint: "raise the memory for keys and values or the context size"
            )
        }
        let board = ServiceBoard()
        self.board = board
        let limit = self.contextSize
        let stops = self.stopTokens
        let thread = Thread {
            let engine = Engine(model: model, processor: processor, options: options.engine)
            ServiceLoop(engine, tokenizer, stopTokens: stops, contextSize: limit, board).run()
        }
        thread.name = "skein-engine"
        thread.stackSize = 8 << 20
        thread.start()
    }

    deinit { stop() }

    /// The most tokens up to `wanted` whose keys and values fit the limit.
    private static func fitting(
        _ wanted: Int,
        _ model: any LanguageModel,
        _ options: EngineOptions
    ) -> Int {
        guard let limit = options.stateLimit else { return wanted }
        let state = model.makeState(dtype: options.cacheType)
        func bytes(_ rows: Int) -> Int {
            state.bytesNeeded([StateDemand(BranchKey(0, .main), rows: rows)])
        }
        var low = 0
        var high = wanted
        while low < high {
            let middle = (low + high + 1) / 2
            if bytes(middle) <= limit { low = middle } else { high = middle - 1 }
        }
        return low
    }

    /// Puts a request in line.
    ///
    /// - Returns: Its events. Dropping the stream, or cancelling its reader, cancels the request.
    /// - Throws: `SkeinError` with `.contextOverflow` for a prompt that does not fit, `.invalidArgument`
    ///   for values out of their domains, `.overloaded` when too many requests wait, `.unavailable` when
    ///   the service is ending.
    public func submit(_ request: GenerationRequest) throws -> GenerationStream {
        try check(request)
        return try board.submit(request, queueLimit: options.queueLimit)
    }

    private func check(_ request: GenerationRequest) throws {
        guard !request.prompt.isEmpty else {
            throw SkeinError(.invalidArgument, "the prompt has 0 tokens, expected at least 1")
        }
        guard request.prompt.count < contextSize else {
            throw SkeinError(
                .contextOverflow,
                "the prompt has \(request.prompt.count) tokens, the context holds \(contextSize) with"
                    + " the answer",
                hint: "shorten the prompt or raise the context size"
            )
        }
        let known = 0..<Int32(description.vocabularySize)
        if let bad = request.prompt.first(where: { !known.contains($0) }) {
            throw SkeinError(
                .invalidArgument,
                "the prompt holds token \(bad), expected 0 ..< \(known.upperBound)"
            )
        }
        _ = try request.parameters.validated(vocabularySize: description.vocabularySize)
    }

    /// Ends a request within one step; its last event still comes.
    public func cancel(_ number: UInt64) { board.cancel(number) }

    /// Counts since the start, as of the last step.
    public func statistics() -> EngineStatistics { board.statistics }

    /// What every request is doing, at most a tenth of a second ago.
    public func slots() -> [SlotReport] { board.slots }

    /// Every step as it ends; a reader that lags sees the newest 64.
    public func steps() -> AsyncStream<StepReport> { board.observe() }

    /// Refuses new requests from now on and returns when the last one has ended.
    public func drain() async { await board.drain() }

    /// Ends all requests and the thread.
    public func stop() { board.stop() }
}

extension Tokenizer {
    /// Refuses a tokenizer that knows more ids than a model.
    func checkFits(_ model: ModelDescription) throws {
        guard vocabularySize <= model.vocabularySize else {
            throw SkeinError(
                .shapeMismatch,
                "the tokenizer has \(vocabularySize) ids, but the model knows"
                    + " \(model.vocabularySize)",
                hint: "the tokenizer belongs to another model"
            )
        }
    }
}
