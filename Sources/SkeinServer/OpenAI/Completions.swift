internal import SkeinText
internal import Hummingbird
internal import SkeinCore
internal import SkeinDecoding
internal import SkeinEngine
internal import SkeinTensor

/// `POST /v1/completions`.
struct Completions {
    private let fields: GenerationFields
    private let model: ServedModel
    private let prompts: [[Int32]]
    private let echoes: [String]
    private let echo: Bool
    private let scores: Int?
    private let constraint: Constraint
    private let id: String
    private let created: Int
    /// `max_tokens` 0 asks for the prompt's scores only.
    private let onlyEchoes: Bool

    init(_ request: Fields, _ context: ServerContext, _ state: ServerState) throws {
        model = try state.registry.model(named: request.string("model"))
        id = "cmpl-\(context.requestID)"
        created = Clock.seconds
        echo = try request.bool("echo") ?? false
        let longest = try request.int("max_tokens", in: 0...Int(Int32.max))
        onlyEchoes = longest == 0
        guard !onlyEchoes || echo else {
            throw APIError.invalid(
                "max_tokens",
                "max_tokens is 0, expected at least 1 without echo"
            )
        }
        var generation = try GenerationFields(
            request,
            lengthKeys: onlyEchoes ? [] : ["max_tokens"],
            defaultMaxTokens: onlyEchoes ? 1 : 16
        )
        if onlyEchoes { generation.parameters.maxTokens = 1 }
        fields = generation
        scores = try request.int("logprobs", in: 0...20)
        constraint = try Constraint.makeFormat(request, model)
        if let suffix = try request.string("suffix"), !suffix.isEmpty {
            throw APIError.invalid("suffix", "suffix is not supported, expected none")
        }
        if let best = try request.int("best_of"), best != fields.count {
            throw APIError.invalid(
                "best_of",
                "best_of is \(best), expected n, which is \(fields.count)"
            )
        }
        prompts = try Self.prompts(request, model)
        let model = model
        echoes = echo ? try Self.echoes(request, prompts, model) : []
    }

    /// One prompt or several, as texts or ids.
    private static func prompts(_ request: Fields, _ model: ServedModel) throws -> [[Int32]] {
        let tokenizer = model.service.tokenizer
        func encode(_ text: String) throws -> [Int32] {
            let ids = tokenizer.encode(text)
            if ids.isEmpty, let bos = tokenizer.bosID { return [bos] }
            return ids
        }
        guard let value = request["prompt"] else { throw request.missing("prompt") }
        let prompts: [[Int32]]
        if let text = value.string {
            prompts = [try encode(text)]
        } else if let ids = value.tokenIDs, !ids.isEmpty {
            prompts = [ids]
        } else {
            guard let elements = value.array, !elements.isEmpty, elements.count <= 2048 else {
                throw APIError.invalid(
                    "prompt",
                    "prompt is \(value.kind), expected a string, an array of strings, of token ids, or"
                        + " of arrays of token ids"
                )
            }
            prompts = try elements.enumerated().map { number, element in
                if let text = element.string { return try encode(text) }
                if let ids = element.tokenIDs { return ids }
                throw APIError.invalid(
                    "prompt",
                    "prompt[\(number)] is \(element.kind), expected a string or an array of token ids"
                )
            }
        }
        if let empty = prompts.firstIndex(where: \.isEmpty) {
            throw APIError.invalid("prompt", "prompt \(empty) has 0 tokens, expected at least 1")
        }
        return prompts
    }

    /// What stands before answers: texts as they were sent, ids as text.
    private static func echoes(
        _ request: Fields,
        _ prompts: [[Int32]],
        _ model: ServedModel
    ) throws -> [String] {
        let texts = request["prompt"]?.array?.map(\.string) ?? [request["prompt"]?.string]
        return try prompts.enumerated().map { number, ids in
            if number < texts.count, let text = texts[number] { return text }
            return try model.service.tokenizer.decode(ids, skipSpecialTokens: true)
        }
    }

    func respond(_ context: ServerContext, _ state: ServerState) async throws -> Response {
        var requests: [GenerationRequest] = []
        for prompt in prompts {
            for number in 0..<fields.count {
                var request = fields.request(
                    context.requestID,
                    prompt: prompt,
                    number: number,
                    state.options
                )
                request.topLogProbabilities = scores
                constraint.apply(to: &request)
                if echo, scores != nil { request.promptLogProbabilities = scores }
                requests.append(request)
            }
        }
        let generation = try Generation(requests, model, state)
        if fields.isStreaming { return stream(generation) }
        let answers = try await generation.answers(context, state)
        var usage = Usage()
        let choices = answers.enumerated().map { number, answer -> JSON in
            usage.add(answer.summary, isFirst: number % fields.count == 0)
            return choice(number, answer)
        }
        return .json(envelope(choices, usage: usage))
    }

    private func choice(_ number: Int, _ answer: Answer) -> JSON {
        let prefix = echo ? echoes[number / fields.count] : ""
        var object = JSONObject()
        object["text"] = .string(prefix + (onlyEchoes ? "" : answer.text))
        object["index"] = .int(number)
        object["logprobs"] =
            scores == nil
            ? .null
            : ScoreFormat.completions(
                answer.promptScores + (onlyEchoes ? [] : answer.scoresToEnd),
                model.service.tokenizer,
                offset: 0
            )
        object["finish_reason"] = .string(onlyEchoes ? "length" : answer.finishReason)
        if let stop = answer.summary.stopString { object["stop_reason"] = .string(stop) }
        if fields.returnsTokens { object["tokens"] = .array(answer.tokens.map { .int(Int($0)) }) }
        return .object(object)
    }

    private func envelope(_ choices: [JSON], usage: Usage?) -> JSON {
        var object = JSONObject()
        object["id"] = .string(id)
        object["object"] = "text_completion"
        object["created"] = .int(created)
        object["model"] = .string(model.name)
        object["system_fingerprint"] = .string(model.fingerprint)
        object["choices"] = .array(choices)
        if let usage { object["usage"] = usage.json }
        return .object(object)
    }

    private func stream(_ generation: Generation) -> Response {
        EventStream.response { [self] sender in
            let tally = UsageTally()
            let offsets = Counters(generation.streams.count)
            if echo, scores == nil {
                for number in generation.streams.indices {
                    var choice = JSONObject()
                    choice["text"] = .string(echoes[number / fields.count])
                    choice["index"] = .int(number)
                    choice["logprobs"] = .null
                    choice["finish_reason"] = .null
                    let chunk = envelope([.object(choice)], usage: nil)
                    try await sender.send(EventStream.frame(chunk))
                }
            }
            try await generation.forEach { number, event in
                var choice = JSONObject()
                choice["text"] = ""
                choice["index"] = .int(number)
                choice["logprobs"] = .null
                choice["finish_reason"] = .null
                switch event {
                case .prompt(let scored):
                    guard echo else { return }
                    choice["text"] = .string(echoes[number / fields.count])
                    _ = offsets.add(
                        scored.reduce(0) { $0 + ScoreFormat.length($1, model.service.tokenizer) },
                        to: number
                    )
                    choice["logprobs"] = ScoreFormat.completions(
                        scored,
                        model.service.tokenizer,
                        offset: 0
                    )
                case .piece(let piece):
                    if onlyEchoes { return }
                    choice["text"] = .string(piece.text)
                    if scores != nil {
                        choice["logprobs"] = ScoreFormat.completions(
                            piece.scores,
                            model.service.tokenizer,
                            offset: offsets.add(piece.text.unicodeScalars.count, to: number)
                        )
                    }
                    if fields.returnsTokens {
                        choice["tokens"] = .array(piece.tokens.map { .int(Int($0)) })
                    }
                case .finished(let summary):
                    tally.add(summary, isFirst: number % fields.count == 0)
                    choice["finish_reason"] = .string(
                        onlyEchoes ? "length" : summary.reason.apiName
                    )
                    if let stop = summary.stopString { choice["stop_reason"] = .string(stop) }
                    if let end = summary.endScore, !onlyEchoes {
                        choice["logprobs"] = ScoreFormat.completions(
                            [end],
                            model.service.tokenizer,
                            offset: offsets.add(0, to: number)
                        )
                    }
                }
                try await sender.send(EventStream.frame(envelope([.object(choice)], usage: nil)))
            }
            if fields.includesUsage {
                try await sender.send(EventStream.frame(envelope([], usage: tally.usage)))
            }
            try await sender.send(EventStream.done)
        }
    }
}
