internal import Hummingbird
internal import SkeinCore
internal import SkeinDecoding
internal import SkeinEngine
internal import Synchronization

/// `POST /v1/responses`: text in, text out.
struct Responses {
    private let fields: GenerationFields
    private let model: ServedModel
    private let prompt: [Int32]
    private let id: String
    private let message: String
    private let created: Int

    init(_ request: Fields, _ context: ServerContext, _ state: ServerState) throws {
        model = try state.registry.model(named: request.string("model"))
        id = "resp_\(context.requestID)"
        message = "msg_\(context.requestID)"
        created = Clock.seconds
        fields = try GenerationFields(
            request,
            lengthKeys: ["max_output_tokens"],
            defaultMaxTokens: state.options.defaultMaxTokens
        )
        guard try request.string("previous_response_id") == nil else {
            throw APIError.invalid(
                "previous_response_id",
                "previous_response_id is not supported: this server keeps no responses; send the whole"
                    + " conversation as input"
            )
        }
        prompt = try ChatPrompt.tokens(
            Fields(Self.messages(request)),
            model,
            tools: nil
        )
    }

    /// The input as a chat's messages.
    private static func messages(_ request: Fields) throws -> JSONObject {
        var messages: [JSON] = []
        if let instructions = try request.string("instructions") {
            messages.append(["role": "system", "content": .string(instructions)])
        }
        guard let input = request["input"] else { throw request.missing("input") }
        if let text = input.string {
            messages.append(["role": "user", "content": .string(text)])
        } else if let items = input.array {
            for (number, item) in items.enumerated() {
                let fields = try Fields(item, path: "input[\(number)]")
                let type = try fields.string("type") ?? "message"
                guard type == "message" else {
                    throw APIError.invalid(
                        "input[\(number)].type",
                        "input[\(number)].type is \"\(type)\", expected \"message\""
                    )
                }
                messages.append(item)
            }
        } else {
            throw APIError.invalid("input", "input is \(input.kind), expected a string or an array")
        }
        var object = JSONObject()
        object["messages"] = .array(messages)
        return object
    }

    func respond(_ context: ServerContext, _ state: ServerState) async throws -> Response {
        let request = fields.request(
            context.requestID,
            prompt: prompt,
            number: 0,
            state.options
        )
        let generation = try Generation([request], model, state)
        if fields.isStreaming { return stream(generation) }
        let answers = try await generation.answers(context, state)
        return .json(body(answers.first ?? Answer(), isDone: true))
    }

    private func part(_ text: String) -> JSON {
        ["type": "output_text", "text": .string(text), "annotations": []]
    }

    private func item(_ text: String?, status: String) -> JSON {
        [
            "type": "message", "id": .string(message), "status": .string(status),
            "role": "assistant", "content": .array(text.map { [part($0)] } ?? []),
        ]
    }

    private func body(_ answer: Answer, isDone: Bool) -> JSON {
        let isCut = answer.finishReason == "length"
        var object = JSONObject()
        object["id"] = .string(id)
        object["object"] = "response"
        object["created_at"] = .int(created)
        object["status"] = isDone ? (isCut ? "incomplete" : "completed") : "in_progress"
        object["error"] = .null
        object["incomplete_details"] =
            isDone && isCut ? ["reason": "max_output_tokens"] : .null
        object["instructions"] = .null
        object["max_output_tokens"] = fields.parameters.maxTokens.map(JSON.int) ?? .null
        object["model"] = .string(model.name)
        object["output"] = isDone ? [item(answer.text, status: "completed")] : []
        object["parallel_tool_calls"] = true
        object["previous_response_id"] = .null
        object["temperature"] = .double(fields.parameters.temperature)
        object["top_p"] = .double(fields.parameters.topP)
        object["tool_choice"] = "auto"
        object["tools"] = []
        object["text"] = ["format": ["type": "text"]]
        object["truncation"] = "disabled"
        object["metadata"] = [:]
        object["store"] = false
        object["usage"] =
            isDone
            ? [
                "input_tokens": .int(answer.summary.promptTokens),
                "input_tokens_details": ["cached_tokens": .int(answer.summary.cachedTokens)],
                "output_tokens": .int(answer.summary.completionTokens),
                "output_tokens_details": ["reasoning_tokens": 0],
                "total_tokens": .int(
                    answer.summary.promptTokens + answer.summary.completionTokens
                ),
            ] : .null
        return .object(object)
    }

    private func stream(_ generation: Generation) -> Response {
        EventStream.response { [self] sender in
            let writer = ResponseEvents(sender)
            try await writer.send("response.created", ["response": body(Answer(), isDone: false)])
            try await writer.send(
                "response.in_progress",
                ["response": body(Answer(), isDone: false)]
            )
            try await writer.send(
                "response.output_item.added",
                ["output_index": 0, "item": item(nil, status: "in_progress")]
            )
            let place: [(String, JSON)] = [
                ("item_id", .string(message)), ("output_index", 0), ("content_index", 0),
            ]
            try await writer.send("response.content_part.added", place, ("part", part("")))
            let answer = Mutex(Answer())
            try await generation.forEach { _, event in
                answer.withLock { $0.add(event) }
                guard case .piece(let piece) = event, !piece.text.isEmpty else { return }
                try await writer.send(
                    "response.output_text.delta",
                    place,
                    ("delta", .string(piece.text))
                )
            }
            let whole = answer.withLock { $0 }
            try await writer.send("response.output_text.done", place, ("text", .string(whole.text)))
            try await writer.send("response.content_part.done", place, ("part", part(whole.text)))
            try await writer.send(
                "response.output_item.done",
                ["output_index": 0, "item": item(whole.text, status: "completed")]
            )
            let isCut = whole.finishReason == "length"
            try await writer.send(
                isCut ? "response.incomplete" : "response.completed",
                ["response": body(whole, isDone: true)]
            )
        }
    }
}

/// Numbers and names the events of one response.
private final class ResponseEvents: Sendable {
    private let sender: Sender
    private let number = Atomic<Int>(0)

    init(_ sender: Sender) { self.sender = sender }

    func send(_ name: String, _ members: [(String, JSON)], _ last: (String, JSON)) async throws {
        var object = JSONObject()
        for (key, value) in members + [last] { object[key] = value }
        try await send(name, .object(object))
    }

    func send(_ name: String, _ value: JSON) async throws {
        var object = JSONObject()
        object["type"] = .string(name)
        object["sequence_number"] = .int(number.wrappingAdd(1, ordering: .relaxed).oldValue)
        for (key, member) in value.object?.members ?? [] { object[key] = member }
        try await sender.send(EventStream.frame(.object(object), event: name))
    }
}
