internal import SkeinCore
public import SkeinDecoding
public import SkeinModels
public import SkeinTensor

/// How much of a step is not the model: scheduling, sampling, delivery.
public struct OverheadBenchmark: Sendable {
    /// Requests that decode together.
    public var slots: Int
    /// Tokens of each prompt.
    public var promptTokens: Int
    /// Steps that are measured.
    public var steps: Int
    /// How tokens are chosen.
    public var parameters: SamplingParameters

    /// Describes a measurement.
    public init(
        slots: Int = 32,
        promptTokens: Int = 16,
        steps: Int = 64,
        parameters: SamplingParameters = .greedy
    ) {
        self.slots = slots
        self.promptTokens = promptTokens
        self.steps = steps
        self.parameters = parameters
    }

    /// Medians over the measured steps, in seconds.
    public struct Result: Sendable {
        /// A whole step.
        public var step: Double
        /// Its part outside the model.
        public var overhead: Double
        /// The share of the step that is not the model.
        public var share: Double { step > 0 ? overhead / step : 0 }
    }

    /// Decodes with every slot in use and times steps and the model inside them.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - processor: Where it runs.
    ///   - options: How steps are packed; the number of slots is replaced.
    /// - Returns: Medians.
    /// - Throws: Errors of the model.
    public func run(
        _ model: any LanguageModel,
        _ processor: Processor,
        options: EngineOptions = EngineOptions()
    ) throws -> Result {
        var options = options
        options.slotLimit = slots
        let engine = Engine(model: model, processor: processor, options: options)
        let vocabulary = model.description.vocabularySize
        for slot in 0..<slots {
            let prompt = (0..<promptTokens).map { Int32((slot * 7919 + $0 * 104_729) % vocabulary) }
            var parameters = parameters
            parameters.seed = UInt64(slot)
            parameters.maxTokens = nil
            let request = EngineRequest(prompt: prompt) { [parameters] remembered in
                try Autoregressive(
                    prompt: prompt,
                    parameters: parameters,
                    contextLimit: Int(Int32.max),
                    startingAt: remembered
                )
            }
            _ = try engine.enqueue(request)
        }
        while engine.lastStep?.decodeRows ?? 0 < slots { _ = try engine.step() }
        var times: [Double] = []
        var overheads: [Double] = []
        for _ in 0..<steps {
            let before = engine.statistics
            _ = try engine.step()
            let after = engine.statistics
            times.append(after.stepTime - before.stepTime)
            overheads.append(times[times.count - 1] - (after.modelTime - before.modelTime))
        }
        return Result(step: Self.median(times), overhead: Self.median(overheads))
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }
}
