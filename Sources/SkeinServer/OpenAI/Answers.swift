internal import HTTPTypes
internal import SkeinCore
internal import SkeinEngine
internal import SkeinTensor
internal import SkeinText

/// A finished answer.
struct Answer: Sendable {
    var text = ""
    var tokens: [Int32] = []
    var scores: [TokenScore] = []
    var promptScores: [TokenScore] = []
    var summary = GenerationSummary(reason: .cancelled)

    /// The scores with that of the end token, where one ended it.
    var scoresToEnd: [TokenScore] { scores + (summary.endScore.map { [$0] } ?? []) }

    /// OpenAI's word for why it ended.
    var finishReason: String { summary.reason.apiName }

    mutating func add(_ event: GenerationEvent) {
        switch event {
        case .prompt(let scores): promptScores = scores
        case .piece(let piece):
            text += piece.text
            tokens += piece.tokens
            scores += piece.scores
        case .finished(let summary): self.summary = summary
        }
    }

    /// Reads a stream to its end.
    ///
    /// - Throws: `APIError` when the request failed or its time was over.
    init(_ stream: GenerationStream) async throws {
        for await event in stream { add(event) }
        try summary.check()
    }

    init() {}
}

extension GenerationSummary {
    /// Refuses the summary of a request that did not end by itself.
    func check() throws {
        switch reason {
        case .stop, .length: return
        case .cancelled where failure != nil:
            throw APIError(.gatewayTimeout, failure ?? "", code: "timeout")
        case .cancelled: throw CancellationError()
        case .failed:
            throw APIError(.internalServerError, failure ?? "the model failed", code: "failed")
        }
    }
}

extension FinishReason {
    /// OpenAI's spelling.
    var apiName: String { self == .length ? "length" : "stop" }
}

/// Token counts of a request with all its answers.
struct Usage {
    var prompt = 0
    var completion = 0
    var cached = 0
    var accepted = 0
    var rejected = 0

    /// Counts one more answer; a prompt that several answers share counts once.
    mutating func add(_ summary: GenerationSummary, isFirst: Bool) {
        if isFirst {
            prompt += summary.promptTokens
            cached += summary.cachedTokens
        }
        completion += summary.completionTokens
        accepted += summary.acceptedTokens
        rejected += summary.draftedTokens - summary.acceptedTokens
    }

    var json: JSON {
        [
            "prompt_tokens": .int(prompt),
            "completion_tokens": .int(completion),
            "total_tokens": .int(prompt + completion),
            "prompt_tokens_details": ["cached_tokens": .int(cached)],
            "completion_tokens_details": [
                "reasoning_tokens": 0,
                "accepted_prediction_tokens": .int(accepted),
                "rejected_prediction_tokens": .int(rejected),
            ],
        ]
    }
}

/// Token scores in OpenAI's two shapes.
enum ScoreFormat {
    /// Chat: one entry a token with its bytes and alternatives.
    static func chat(_ scores: [TokenScore], _ tokenizer: Tokenizer) -> JSON {
        func entry(_ token: Int32, _ logProbability: Float?) -> JSONObject {
            let bytes = tokenizer.bytes(of: token)
            var object = JSONObject()
            object["token"] = .string(String(decoding: bytes, as: UTF8.self))
            object["logprob"] = logProbability.map(finite) ?? .null
            object["bytes"] = .array(bytes.map { .int(Int($0)) })
            return object
        }
        let content = scores.map { score -> JSON in
            var object = entry(score.token, score.logProbability)
            object["top_logprobs"] = .array(
                score.top.map { .object(entry($0.token, $0.logProbability)) }
            )
            return .object(object)
        }
        return ["content": .array(content), "refusal": .null]
    }

    /// Completions: four lists.
    ///
    /// - Parameters:
    ///   - scores: The tokens, in order.
    ///   - tokenizer: Knows their texts.
    ///   - offset: Where the first token's text begins, in Unicode scalars.
    /// - Returns: The four lists as one object.
    static func completions(
        _ scores: [TokenScore],
        _ tokenizer: Tokenizer,
        offset: Int
    ) -> JSON {
        func text(_ token: Int32) -> String {
            String(decoding: tokenizer.bytes(of: token), as: UTF8.self)
        }
        var offsets: [JSON] = []
        var place = offset
        for score in scores {
            offsets.append(.int(place))
            place += length(score, tokenizer)
        }
        return [
            "tokens": .array(scores.map { .string(text($0.token)) }),
            "token_logprobs": .array(scores.map { $0.logProbability.map(finite) ?? .null }),
            "top_logprobs": .array(
                scores.map { score in
                    guard score.logProbability != nil else { return .null }
                    var object = JSONObject()
                    for other in score.top {
                        let key = text(other.token)
                        if object[key] == nil { object[key] = finite(other.logProbability) }
                    }
                    return .object(object)
                }
            ),
            "text_offset": .array(offsets),
        ]
    }

    /// The length of a token's own text in Unicode scalars.
    static func length(_ score: TokenScore, _ tokenizer: Tokenizer) -> Int {
        String(decoding: tokenizer.bytes(of: score.token), as: UTF8.self).unicodeScalars.count
    }

    /// A log-probability as JSON can say it: OpenAI writes -9999 for what cannot come.
    private static func finite(_ value: Float) -> JSON {
        .double(value.isFinite ? Double(value) : -9999)
    }
}
