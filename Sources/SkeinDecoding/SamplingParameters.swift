import SkeinCore

/// How a token is drawn from a row of logits, and when an answer ends.
///
/// The defaults are those of llama.cpp's command line: temperature 0.8, top-k 40, top-p 0.95, min-p
/// 0.05, everything else off. `greedy` turns all randomness off.
public struct SamplingParameters: Hashable, Sendable {
    /// What logits are divided by before the draw; 0 takes the most probable token.
    public var temperature = 0.8
    /// How many of the most probable tokens stay in play; 0 is all.
    public var topK = 40
    /// The probability mass, from the most probable token down, that stays in play; 1 is all.
    public var topP = 0.95
    /// The least probability, as a share of the largest, that stays in play; 0 is all.
    public var minP = 0.05
    /// The probability mass of the most typical tokens that stays in play; 1 is all.
    public var typicalP = 1.0
    /// What logits of seen tokens are divided (negative ones: multiplied) by; 1 is off.
    public var repetitionPenalty = 1.0
    /// How many of the last tokens, prompt included, all three penalties look at; 0 is none, −1 all.
    public var repetitionWindow = 64
    /// What a token's logit loses for each time it was seen; 0 is off.
    public var frequencyPenalty = 0.0
    /// What a token's logit loses for having been seen; 0 is off.
    public var presencePenalty = 0.0
    /// What is added to the logits of tokens; negative infinity forbids one.
    public var logitBias: [Int32: Float] = [:]
    /// The key of every draw of the request.
    public var seed: UInt64 = 0
    /// How many tokens come before a stop token may.
    public var minTokens = 0
    /// How many tokens an answer may have; without it, as many as the context holds.
    public var maxTokens: Int?
    /// Tokens that end the answer and are not part of it.
    public var stopTokens: Set<Int32> = []

    /// Creates llama.cpp's defaults.
    public init() {}

    /// Always the most probable token, unpenalised.
    public static var greedy: Self {
        var parameters = Self()
        parameters.temperature = 0
        return parameters
    }

    /// The same values, once all of them are known to lie in their domains.
    ///
    /// - Parameter vocabularySize: Where known, token ids are checked against it.
    /// - Returns: `self`, unchanged.
    /// - Throws: `SkeinError` with code `.invalidArgument`, naming the first value that is wrong.
    public func validated(vocabularySize: Int? = nil) throws -> Self {
        try Self.check("temperature", temperature, in: 0...Double.greatestFiniteMagnitude)
        try Self.check("top_p", topP, in: 0...1)
        try Self.check("min_p", minP, in: 0...1)
        try Self.check("typical_p", typicalP, in: 0...1)
        let floats = -Double(Float.greatestFiniteMagnitude)...Double(Float.greatestFiniteMagnitude)
        let penalties = Double(Float.leastNormalMagnitude)...floats.upperBound
        try Self.check("repetition_penalty", repetitionPenalty, in: penalties)
        try Self.check("frequency_penalty", frequencyPenalty, in: floats)
        try Self.check("presence_penalty", presencePenalty, in: floats)
        try Self.check("top_k", topK, atLeast: 0)
        try Self.check("repetition_window", repetitionWindow, atLeast: -1)
        try Self.check("min_tokens", minTokens, atLeast: 0)
        if let maxTokens {
            try Self.check("max_tokens", maxTokens, atLeast: 1)
            guard minTokens <= maxTokens else {
                throw SkeinError(
                    .invalidArgument,
                    "min_tokens is \(minTokens), expected at most max_tokens, which is \(maxTokens)"
                )
            }
        }
        let ids = 0..<(vocabularySize ?? Int(Int32.max))
        for (token, bias) in logitBias.sorted(by: { $0.key < $1.key }) {
            try Self.check(token: token, of: "logit_bias", in: ids)
            guard bias < .infinity else {
                throw SkeinError(
                    .invalidArgument,
                    "logit_bias of token \(token) is \(bias), expected a number or -inf"
                )
            }
        }
        for token in stopTokens.sorted() { try Self.check(token: token, of: "stop token", in: ids) }
        return self
    }

    private static func check(
        _ name: String,
        _ value: Double,
        in domain: ClosedRange<Double>
    ) throws {
        guard !domain.contains(value) else { return }
        let upper = domain.upperBound
        let expected = upper > 1 ? "finite" : "\(upper)"
        throw SkeinError(
            .invalidArgument,
            domain.lowerBound < 0
                ? "\(name) is \(value), expected a finite number"
                : name == "repetition_penalty"
                    ? "\(name) is \(value), expected a finite number above 0"
                    : "\(name) is \(value), expected 0 ... \(expected)"
        )
    }

    private static func check(_ name: String, _ value: Int, atLeast least: Int) throws {
        guard value < least else { return }
        throw SkeinError(.invalidArgument, "\(name) is \(value), expected at least \(least)")
    }

    private static func check(token: Int32, of name: String, in ids: Range<Int>) throws {
        guard !ids.contains(Int(token)) else { return }
        throw SkeinError(
            .invalidArgument,
            "\(name) names token \(token), expected 0 ..< \(ids.upperBound)"
        )
    }
}
