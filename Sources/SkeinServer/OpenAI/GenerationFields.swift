internal import SkeinCore
internal import SkeinDecoding
internal import SkeinEngine

/// What completions, chat and responses have in common: how tokens are chosen and when to stop.
struct GenerationFields {
    var parameters = SamplingParameters()
    var stop: [String] = []
    var ignoresEnd = false
    var priority = 0
    var cacheSalt = ""
    var usesPrefixCache = true
    var skipsSpecialTokens = true
    /// How many answers to give.
    var count = 1
    var isStreaming = false
    var includesUsage = false
    var returnsTokens = false
    /// The most tokens to guess ahead; `nil` leaves it to the server.
    var draftLimit: Int?

    /// Reads the fields.
    ///
    /// - Parameters:
    ///   - fields: The request.
    ///   - lengthKeys: The fields that may hold the most tokens, the first present one counting.
    ///   - defaultMaxTokens: The most tokens where the request does not say.
    /// - Throws: `APIError` that names the field.
    init(_ fields: Fields, lengthKeys: [String], defaultMaxTokens: Int?) throws {
        // OpenAI's defaults: the distribution as it is.
        parameters.temperature = try fields.double("temperature", in: 0...100) ?? 1
        parameters.topP = try fields.double("top_p", in: 0...1) ?? 1
        parameters.topK = max(try fields.int("top_k", in: -1...Int(Int32.max)) ?? 0, 0)
        parameters.minP = try fields.double("min_p", in: 0...1) ?? 0
        parameters.typicalP = try fields.double("typical_p", in: 0...1) ?? 1
        parameters.frequencyPenalty = try fields.double("frequency_penalty", in: -2...2) ?? 0
        parameters.presencePenalty = try fields.double("presence_penalty", in: -2...2) ?? 0
        parameters.repetitionPenalty =
            try fields.double("repetition_penalty", in: 0.01...100)
            ?? fields.double("repeat_penalty", in: 0.01...100) ?? 1
        parameters.repetitionWindow = try fields.int("repeat_last_n", in: -1...1_000_000) ?? -1
        parameters.minTokens = try fields.int("min_tokens", in: 0...1_000_000) ?? 0
        if let seed = try fields.int("seed") {
            parameters.seed = UInt64(bitPattern: Int64(seed))
        } else {
            parameters.seed = .random(in: .min ... .max)
        }
        parameters.maxTokens = defaultMaxTokens
        for key in lengthKeys {
            guard let length = try fields.int(key, in: 1...Int(Int32.max)) else { continue }
            parameters.maxTokens = length
            break
        }
        if let longest = parameters.maxTokens, parameters.minTokens > longest {
            throw APIError.invalid(
                "min_tokens",
                "min_tokens is \(parameters.minTokens), expected at most \(longest), the most tokens"
            )
        }
        try readBias(fields)
        stop = try fields.strings("stop") ?? []
        guard stop.count <= 16 else {
            throw APIError.invalid("stop", "stop has \(stop.count) strings, expected at most 16")
        }
        ignoresEnd = try fields.bool("ignore_eos") ?? false
        priority = try fields.int("priority", in: -1_000_000...1_000_000) ?? 0
        cacheSalt = try fields.string("cache_salt") ?? ""
        usesPrefixCache = try fields.bool("cache_prompt") ?? true
        skipsSpecialTokens = try fields.bool("skip_special_tokens") ?? true
        count = try fields.int("n", in: 1...128) ?? 1
        isStreaming = try fields.bool("stream") ?? false
        includesUsage = try fields.fields("stream_options")?.bool("include_usage") ?? false
        returnsTokens = try fields.bool("return_tokens") ?? false
        draftLimit = try fields.int("speculative.n_max", in: 0...ServerOptions.mostDrafts)
    }

    private mutating func readBias(_ fields: Fields) throws {
        guard let bias = fields["logit_bias"] else { return }
        guard let members = bias.object?.members else {
            throw APIError.invalid(
                "logit_bias",
                "logit_bias is \(bias.kind), expected an object of token ids and numbers"
            )
        }
        for (key, value) in members {
            guard let token = Int32(key), token >= 0 else {
                throw APIError.invalid(
                    "logit_bias",
                    "logit_bias names \"\(key)\", expected a token id"
                )
            }
            guard let amount = value.double, (-100...100).contains(amount) else {
                throw APIError.invalid(
                    "logit_bias",
                    "logit_bias of token \(token) is \(value.text()), expected -100 to 100"
                )
            }
            // OpenAI bars a token at -100.
            parameters.logitBias[token] = amount <= -100 ? -.infinity : Float(amount)
        }
    }

    /// The request of one of `count` answers.
    func request(
        _ id: String,
        prompt: [Int32],
        number: Int,
        _ options: ServerOptions
    ) -> GenerationRequest {
        var parameters = parameters
        parameters.seed &+= UInt64(number)
        var request = GenerationRequest(id: id, prompt: prompt, parameters: parameters)
        request.stopStrings = stop
        request.deliversAtEnd = !isStreaming
        request.ignoresEnd = ignoresEnd
        request.priority = priority
        request.cacheSalt = cacheSalt
        request.usesPrefixCache = usesPrefixCache
        request.skipsSpecialTokens = skipsSpecialTokens
        request.draftLimit = draftLimit ?? options.draftLimit
        request.deadline = options.requestTimeout.map { .now + .seconds($0) }
        return request
    }
}
