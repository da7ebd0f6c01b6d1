internal import ArgumentParser
internal import SkeinCore
internal import SkeinDecoding

/// The flags of every verb that chooses tokens, as llama.cpp and vLLM spell them.
struct SamplingFlags: ParsableArguments {
    @Option(
        name: [.customLong("temp"), .customLong("temperature")],
        help: "Temperature; 0 always takes the most probable token."
    )
    var temperature: Double?

    @Option(name: .customLong("top-k"), help: "Keep the k most probable tokens; 0 keeps all.")
    var topK: Int?

    @Option(name: .customLong("top-p"), help: "Keep the most probable tokens up to this share.")
    var topP: Double?

    @Option(
        name: .customLong("min-p"),
        help: "Drop tokens below this share of the most probable one."
    )
    var minP: Double?

    @Option(
        name: [.customLong("typical"), .customLong("typical-p")],
        help: "Locally typical sampling."
    )
    var typical: Double?

    @Option(
        name: [.customLong("repeat-penalty"), .customLong("repetition-penalty")],
        help: "Penalty on tokens that occurred; 1 is none."
    )
    var repetitionPenalty: Double?

    @Option(
        name: .customLong("repeat-last-n"),
        help: "How many tokens penalties look back; -1 is all."
    )
    var repetitionWindow: Int?

    @Option(name: .customLong("frequency-penalty"), help: "Penalty per occurrence.")
    var frequencyPenalty: Double?

    @Option(name: .customLong("presence-penalty"), help: "Penalty on tokens that occurred at all.")
    var presencePenalty: Double?

    @Option(
        name: .customLong("logit-bias"),
        help: "ID+BIAS or ID-BIAS, such as 15043+1; may be given again."
    )
    var logitBias: [String] = []

    @Option(name: [.customShort("s"), .long], help: "Seed of the random numbers.")
    var seed: UInt64 = 0

    @Option(
        name: [
            .customShort("n"), .customLong("max-tokens"), .customLong("n-predict"),
            .customLong("predict"),
        ],
        help: "The most tokens to generate; -1 fills the context."
    )
    var maxTokens: Int?

    @Option(
        name: [.customLong("stop"), .customShort("r"), .customLong("reverse-prompt")],
        help: "A text that ends the answer; may be given again."
    )
    var stop: [String] = []

    @Option(
        name: [.customShort("c"), .customLong("ctx-size"), .customLong("max-model-len")],
        help: "Tokens of context; the model's own by default."
    )
    var contextSize: Int?

    /// The checked parameters.
    func parameters(vocabularySize: Int, defaultMaxTokens: Int?) throws -> SamplingParameters {
        var result = SamplingParameters()
        result.temperature = temperature ?? result.temperature
        result.topK = topK ?? result.topK
        result.topP = topP ?? result.topP
        result.minP = minP ?? result.minP
        result.typicalP = typical ?? result.typicalP
        result.repetitionPenalty = repetitionPenalty ?? result.repetitionPenalty
        result.repetitionWindow = repetitionWindow ?? result.repetitionWindow
        result.frequencyPenalty = frequencyPenalty ?? result.frequencyPenalty
        result.presencePenalty = presencePenalty ?? result.presencePenalty
        result.seed = seed
        result.maxTokens = maxTokens == -1 ? nil : maxTokens ?? defaultMaxTokens
        for text in logitBias {
            guard let sign = text.dropFirst().firstIndex(where: { "+-".contains($0) }),
                let id = Int32(text[..<sign]), let bias = Float(text[sign...])
            else {
                throw SkeinError(
                    .invalidArgument,
                    "--logit-bias is \"\(text)\", expected ID+BIAS or ID-BIAS"
                )
            }
            result.logitBias[id] = bias
        }
        return try result.validated(vocabularySize: vocabularySize)
    }
}
