internal import Hummingbird
internal import SkeinCore
internal import SkeinDecoding
internal import SkeinEngine
internal import SkeinTensor

/// `POST /v1/chat/completions`.
struct ChatCompletions {
    private let fields: GenerationFields
    private let model: ServedModel
    private let prompt: [Int32]
    private let scores: Int?
    private let constraint: Constraint
    private let id: String
    private let created: Int

    init(_ request: Fields, _ context: ServerContext, _ state: ServerState) throws {
        model = try state.registry.model(named: request.string("model"))
        id = "chatcmpl-\(context.requestID)"
        created = Clock.seconds
        fields = try GenerationFields(
            request,
            lengthKeys: ["max_completion_tokens", "max_tokens"],
            defaultMaxTokens: state.options.defaultMaxTokens
        )
        let wantsScores = try request.bool("logprobs") ?? false
        let top = try request.int("top_logprobs", in: 0...20)
        guard wantsScores || top == nil || top == 0 else {
            throw APIError.invalid("top_logprobs", "top_logprobs needs logprobs to be true")
        }
        scores = wantsScores ? top ?? 0 : nil
        constraint = try Constraint.make(request, model)
        prompt = try ChatPrompt.tokens(request, model, tools: constraint.tools)
    }

    func respond(_ context: ServerContext, _ state: ServerState) async throws -> Response {
        let requests = (0..<fields.count).map { number in
            var request = fields.request(
                context.requestID,
                prompt: prompt,
                number: number,
                state.options
            )
            request.topLogProbabilities = scores
            constraint.apply(to: &request)
            return request
        }
        let generation = try Generation(requests, model, state)
        if fields.isStreaming { return stream(generation) }
        let answers = try await generation.answers(context, state)
        var usage = Usage()
        let choices = answers.enumerated().map { number, answer -> JSON in
            usage.add(answer.summary, isFirst: number == 0)
            return choice(number, answer)
        }
        var object = envelope("chat.completion", choices)
        object["usage"] = usage.json
        return .json(.object(object))
    }

    private func choice(_ number: Int, _ answer: Answer) -> JSON {
        var parser = constraint.makeParser()
        let pieces = parser.add(answer.text) + parser.finish()
        var message = JSONObject()
        message["role"] = "assistant"
        let text = pieces.text
        let calls = ToolCallPiece.joined(pieces, id: { "call_\(id)_\(number)_\($0)" })
        message["content"] = text.isEmpty && !calls.isEmpty ? .null : .string(text)
        message["refusal"] = .null
        if !calls.isEmpty { message["tool_calls"] = .array(calls) }
        var object = JSONObject()
        object["index"] = .int(number)
        object["message"] = .object(message)
        object["logprobs"] =
            scores == nil ? .null : ScoreFormat.chat(answer.scores, model.service.tokenizer)
        object["finish_reason"] = .string(
            calls.isEmpty || answer.finishReason == "length" ? answer.finishReason : "tool_calls"
        )
        if let stop = answer.summary.stopString { object["stop_reason"] = .string(stop) }
        if fields.returnsTokens { object["tokens"] = .array(answer.tokens.map { .int(Int($0)) }) }
        return .object(object)
    }

    private func envelope(_ kind: String, _ choices: [JSON]) -> JSONObject {
        var object = JSONObject()
        object["id"] = .string(id)
        object["object"] = .string(kind)
        object["created"] = .int(created)
        object["model"] = .string(model.name)
        object["system_fingerprint"] = .string(model.fingerprint)
        object["choices"] = .array(choices)
        return object
    }

    /// One chunk of one answer.
    private func chunk(
        _ number: Int,
        _ delta: JSONObject,
        scores: JSON = .null,
        reason: String? = nil,
        tokens: [Int32] = [],
        stop: String? = nil
    ) -> JSON {
        var choice = JSONObject()
        choice["index"] = .int(number)
        choice["delta"] = .object(delta)
        choice["logprobs"] = scores
        choice["finish_reason"] = reason.map(JSON.string) ?? .null
        if fields.returnsTokens { choice["tokens"] = .array(tokens.map { .int(Int($0)) }) }
        if let stop { choice["stop_reason"] = .string(stop) }
        var object = envelope("chat.completion.chunk", [.object(choice)])
        if fields.includesUsage { object["usage"] = .null }
        return .object(object)
    }

    private func stream(_ generation: Generation) -> Response {
        EventStream.response { [self] sender in
            let tally = UsageTally()
            var role = JSONObject()
            role["role"] = "assistant"
            role["content"] = ""
            role["refusal"] = .null
            for number in generation.streams.indices {
                try await sender.send(EventStream.frame(chunk(number, role)))
            }
            let parsers = ParserShelf(generation.streams.count, constraint)
            try await generation.forEach { number, event in
                switch event {
                case .prompt: return
                case .piece(let piece):
                    let scored =
                        scores == nil
                        ? JSON.null : ScoreFormat.chat(piece.scores, model.service.tokenizer)
                    let deltas = parsers.add(piece.text, to: number).map { delta($0, number) }
                    for (place, delta) in deltas.enumerated() {
                        let isFirst = place == 0
                        try await sender.send(
                            EventStream.frame(
                                chunk(
                                    number,
                                    delta,
                                    scores: isFirst ? scored : .null,
                                    tokens: isFirst ? piece.tokens : []
                                )
                            )
                        )
                    }
                case .finished(let summary):
                    for piece in parsers.finish(number) {
                        try await sender.send(
                            EventStream.frame(chunk(number, delta(piece, number)))
                        )
                    }
                    tally.add(summary, isFirst: number == 0)
                    let reason =
                        parsers.hasCalls(number) && summary.reason == .stop
                        ? "tool_calls" : summary.reason.apiName
                    try await sender.send(
                        EventStream.frame(
                            chunk(number, JSONObject(), reason: reason, stop: summary.stopString)
                        )
                    )
                }
            }
            if fields.includesUsage {
                var object = envelope("chat.completion.chunk", [])
                object["usage"] = tally.usage.json
                try await sender.send(EventStream.frame(.object(object)))
            }
            try await sender.send(EventStream.done)
        }
    }

    private func delta(_ piece: ToolCallPiece, _ number: Int) -> JSONObject {
        var object = JSONObject()
        switch piece {
        case .text(let text): object["content"] = .string(text)
        case .call(let index, let name):
            object["tool_calls"] = [
                [
                    "index": .int(index),
                    "id": "call_\(id)_\(number)_\(index)",
                    "type": "function",
                    "function": ["name": .string(name), "arguments": ""],
                ]
            ]
        case .arguments(let index, let text):
            object["tool_calls"] = [
                ["index": .int(index), "function": ["arguments": .string(text)]]
            ]
        }
        return object
    }
}
