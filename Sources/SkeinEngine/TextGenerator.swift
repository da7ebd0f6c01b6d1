internal import SkeinCore
public import SkeinDecoding
public import SkeinModels
public import SkeinTensor
public import SkeinText

/// What a finished generation was.
public struct GenerationResult: Sendable {
    /// The answer.
    public var text: String
    /// The answer's ids.
    public var tokens: [Int32]
    /// Why it ended.
    public var reason: FinishReason
    /// The number of tokens of the prompt.
    public var promptTokens: Int
    /// From the first step until the first token, in seconds.
    public var timeToFirstToken: Double
    /// From the first token until the last, in seconds.
    public var generationTime: Double

    /// Prompt tokens per second.
    public var promptRate: Double {
        timeToFirstToken > 0 ? Double(promptTokens) / timeToFirstToken : 0
    }
    /// Generated tokens per second after the first.
    public var generationRate: Double {
        generationTime > 0 ? Double(tokens.count - 1) / generationTime : 0
    }
}

/// A model, its tokenizer and an engine: text in, text out, one request at a time.
public final class TextGenerator {
    /// The tokenizer.
    public let tokenizer: Tokenizer
    /// The engine.
    public let engine: Engine
    /// The most tokens that prompt and answer may have together.
    public let contextSize: Int
    private let stopTokens: Set<Int32>

    /// Joins a model and a tokenizer.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - tokenizer: Its tokenizer.
    ///   - processor: Where it runs.
    ///   - options: How steps are packed.
    ///   - stopTokens: Ids that end an answer, beside those the tokenizer knows.
    ///   - contextSize: A limit below or above the model's own; `nil` means the model's own.
    /// - Throws: `SkeinError.Code.shapeMismatch` when the tokenizer knows ids that the model does not.
    public init(
        model: any LanguageModel,
        tokenizer: Tokenizer,
        processor: Processor,
        options: EngineOptions = EngineOptions(),
        stopTokens: Set<Int32> = [],
        contextSize: Int? = nil
    ) throws {
        try tokenizer.checkFits(model.description)
        self.tokenizer = tokenizer
        self.stopTokens = stopTokens.union(tokenizer.stopIDs)
        self.contextSize = contextSize ?? model.description.contextLength
        engine = Engine(model: model, processor: processor, options: options)
    }

    /// Generates an answer.
    ///
    /// - Parameters:
    ///   - prompt: Token ids; at least one.
    ///   - parameters: How tokens are chosen and when to stop.
    ///   - stopStrings: Texts that end the answer and are not part of it.
    ///   - draftLimit: The most tokens to guess ahead a step; no guess changes the answer.
    ///   - isCancelled: Asked before every step.
    ///   - onText: Called with each piece of text as it becomes final.
    /// - Returns: The answer.
    /// - Throws: `SkeinError.Code.contextOverflow` for a prompt that does not fit, and errors of the model.
    public func generate(
        prompt: [Int32],
        parameters: SamplingParameters,
        stopStrings: [String] = [],
        draftLimit: Int = 0,
        isCancelled: () -> Bool = { false },
        onText: (String) -> Void = { _ in }
    ) throws -> GenerationResult {
        let parameters = withStopTokens(parameters)
        let draftLimit = engine.allowsDrafts ? draftLimit : 0
        let slot = try engine.enqueue(
            EngineRequest(prompt: prompt) { [contextSize] remembered in
                try Autoregressive(
                    prompt: prompt,
                    parameters: parameters,
                    contextLimit: contextSize,
                    startingAt: remembered,
                    draftLimit: draftLimit
                )
            }
        )
        var stream = TokenStream(tokenizer, skipSpecialTokens: true)
        var stops = StopStrings(stopStrings)
        var result = GenerationResult(
            text: "",
            tokens: [],
            reason: .cancelled,
            promptTokens: prompt.count,
            timeToFirstToken: 0,
            generationTime: 0
        )
        let clock = ContinuousClock()
        let start = clock.now
        var first: ContinuousClock.Instant?
        func emit(_ text: String) {
            guard !text.isEmpty else { return }
            result.text += text
            onText(text)
        }
        while engine.active > 0 {
            guard !isCancelled() else {
                engine.cancel(slot)
                break
            }
            for event in try step(slot) {
                switch event {
                case .tokens(_, let tokens, _):
                    first = first ?? clock.now
                    for token in tokens where !stops.isStopped {
                        result.tokens.append(token)
                        let (text, _) = stops.append(stream.append(token))
                        emit(text)
                    }
                    if stops.isStopped {
                        engine.cancel(slot)
                        result.reason = .stop
                    }
                case .failed(_, let error): throw error
                case .finished(_, let reason): result.reason = reason
                case .started, .scores, .trace: break
                }
            }
        }
        if !stops.isStopped {
            let (text, _) = stops.append(stream.finish())
            emit(text)
            emit(stops.finish())
        }
        result.timeToFirstToken = Self.seconds((first ?? clock.now) - start)
        result.generationTime = Self.seconds(clock.now - (first ?? clock.now))
        return result
    }

    private func withStopTokens(_ parameters: SamplingParameters) -> SamplingParameters {
        var parameters = parameters
        parameters.stopTokens.formUnion(stopTokens)
        return parameters
    }

    /// One step; a failing request is taken out before its error travels on.
    private func step(_ slot: Int32) throws -> [EngineEvent] {
        do {
            return try engine.step()
        } catch {
            engine.cancel(slot)
            throw error
        }
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}
