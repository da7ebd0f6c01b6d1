internal import Foundation
internal import SkeinCore
internal import SkeinEngine
internal import SkeinModels
internal import SkeinTensor
internal import SkeinText

/// A loaded model with its generator, and what loading cost.
struct Session {
    let generator: TextGenerator
    let model: any LanguageModel
    let loadTime: Double

    init(_ flags: ModelFlags, tokenizer: String?, contextSize: Int?) throws {
        let start = ContinuousClock.now
        let path = try flags.path()
        if let contextSize, contextSize < 2 {
            throw SkeinError(.invalidArgument, "--ctx-size is \(contextSize), expected at least 2")
        }
        let processor = try flags.processor()
        let checkpoint = try flags.checkpoint(path)
        let tokenizer = Ahead { [name = tokenizer ?? path] in try TokenizerLoader.load(name) }
        model = try LanguageModelLoader.load(
            checkpoint,
            processor: processor,
            options: try flags.loadOptions()
        )
        generator = try TextGenerator(
            model: model,
            tokenizer: tokenizer.value(),
            processor: processor,
            options: try flags.engineOptions(),
            stopTokens: checkpoint.configuration.stopTokens,
            contextSize: contextSize
        )
        let elapsed = (ContinuousClock.now - start).components
        loadTime = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    }

    /// One line of figures for standard error.
    func statistics(_ result: GenerationResult) -> String {
        func fixed(_ value: Double, _ digits: Int) -> String {
            String(format: "%.\(digits)f", value)
        }
        return "load \(fixed(loadTime, 2)) s, prompt \(result.promptTokens) tokens at"
            + " \(fixed(result.promptRate, 1)) tokens/s, generation \(result.tokens.count) tokens at"
            + " \(fixed(result.generationRate, 1)) tokens/s, time to first token"
            + " \(fixed(result.timeToFirstToken * 1000, 1)) ms, peak memory"
            + " \(fixed(Double(Environment.peakMemory) / 1e6, 1)) MB\n"
    }

    /// The result for machines.
    func json(_ result: GenerationResult, prompt: [Int32]) -> JSON {
        var object = JSONObject()
        object["text"] = .string(result.text)
        object["tokens"] = .array(result.tokens.map { .int(Int($0)) })
        object["prompt_tokens"] = .array(prompt.map { .int(Int($0)) })
        object["finish_reason"] = .string(result.reason.rawValue)
        object["load_seconds"] = .double(loadTime)
        object["prompt_tokens_per_second"] = .double(result.promptRate)
        object["generation_tokens_per_second"] = .double(result.generationRate)
        object["time_to_first_token_seconds"] = .double(result.timeToFirstToken)
        object["peak_memory_bytes"] = .int(Environment.peakMemory)
        return .object(object)
    }
}

/// Ctrl-C, and other signals that ask to stop, as a flag that work in progress looks at.
enum Interrupt {
    nonisolated(unsafe) private static var sources: [Int32: any DispatchSourceSignal] = [:]
    private static let state = InterruptState()

    /// Begins to catch signals.
    static func start(_ signals: [Int32] = [SIGINT]) {
        for number in signals where unsafe sources[number] == nil {
            _ = signal(number, SIG_IGN)
            let made = DispatchSource.makeSignalSource(signal: number, queue: .global())
            made.setEventHandler { state.set(true) }
            made.resume()
            unsafe sources[number] = made
        }
    }

    /// Whether Ctrl-C came since the last `clear`.
    static var isRaised: Bool { state.value }

    /// Forgets an earlier Ctrl-C.
    static func clear() { state.set(false) }
}
