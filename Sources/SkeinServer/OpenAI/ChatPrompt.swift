internal import SkeinEngine
internal import HTTPTypes
internal import SkeinCore
internal import SkeinText

/// A conversation as the model's own template writes it.
enum ChatPrompt {
    private static let roles: Set = [
        "system", "developer", "user", "assistant", "tool", "function",
    ]

    /// The tokens of a request's conversation.
    ///
    /// - Parameters:
    ///   - request: Holds `messages`, and perhaps `chat_template_kwargs` and
    ///     `add_generation_prompt`.
    ///   - model: Whose template and tokenizer to use.
    ///   - tools: Tool descriptions in the OpenAI form.
    /// - Returns: Token ids.
    /// - Throws: `APIError` that names the field.
    static func tokens(_ request: Fields, _ model: ServedModel, tools: [JSON]?) throws -> [Int32] {
        let text = try text(request, model, tools: tools)
        let ids = model.service.tokenizer.encode(text, addSpecialTokens: false)
        guard !ids.isEmpty else {
            throw APIError.invalid("messages", "messages make an empty prompt")
        }
        return ids
    }

    /// The prompt as text.
    static func text(_ request: Fields, _ model: ServedModel, tools: [JSON]?) throws -> String {
        guard let template = model.template else {
            throw APIError(
                .badRequest,
                "the model \(model.name) has no chat template",
                parameter: "model",
                code: "no_chat_template"
            )
        }
        guard let list = try request.array("messages") else { throw request.missing("messages") }
        guard !list.isEmpty else {
            throw APIError.invalid("messages", "messages is empty, expected at least one message")
        }
        let messages = try list.enumerated().map { try message($1, path: "messages[\($0)]") }
        let tokenizer = model.service.tokenizer
        var extra =
            try request.fields("chat_template_kwargs").map { _ in
                request["chat_template_kwargs"]?.object ?? JSONObject()
            } ?? JSONObject()
        extra["messages"] = nil
        do {
            return try template.render(
                messages: messages,
                addGenerationPrompt: request.bool("add_generation_prompt") ?? true,
                bos: tokenizer.bosID.flatMap { tokenizer.token($0) } ?? "",
                eos: tokenizer.eosID.flatMap { tokenizer.token($0) } ?? "",
                tools: tools,
                extra: extra
            )
        } catch let error as SkeinError {
            throw APIError(.badRequest, "\(error)", parameter: "messages", code: "template_error")
        }
    }

    private static func message(_ value: JSON, path: String) throws -> ChatMessage {
        let fields = try Fields(value, path: path)
        var role = try fields.requiredString("role")
        guard roles.contains(role) else {
            throw APIError.invalid(
                "\(path).role",
                "\(path).role is \"\(role)\", expected one of \(roles.sorted().joined(separator: ", "))"
            )
        }
        // Templates know OpenAI's newer name by its older one.
        if role == "developer" { role = "system" }
        var extra = JSONObject()
        for (key, member) in value.object?.members ?? []
        where key != "role" && key != "content" && !member.isNull {
            extra[key] = key == "tool_calls" ? toolCalls(member) : member
        }
        return ChatMessage(role: role, content: try content(fields), extra: extra)
    }

    /// A message's text; parts of text are joined, other kinds of parts are refused.
    private static func content(_ fields: Fields) throws -> JSON {
        guard let value = fields["content"] else {
            guard fields["tool_calls"] != nil || fields["function_call"] != nil else {
                throw fields.missing("content")
            }
            return .string("")
        }
        if value.string != nil { return value }
        guard let parts = value.array else {
            throw APIError.invalid(
                fields.name("content"),
                "\(fields.name("content")) is \(value.kind), expected a string or an array of parts"
            )
        }
        var text = ""
        for (number, part) in parts.enumerated() {
            let path = "\(fields.name("content"))[\(number)]"
            let part = try Fields(part, path: path)
            let type = try part.requiredString("type")
            guard ["text", "input_text", "output_text", "refusal"].contains(type) else {
                throw APIError.invalid(
                    "\(path).type",
                    "\(path).type is \"\(type)\", expected \"text\": this model reads text only"
                )
            }
            text += try part.requiredString(type == "refusal" ? "refusal" : "text")
        }
        return .string(text)
    }

    /// Calls with their arguments as values, which templates want, where the client sent JSON text.
    private static func toolCalls(_ value: JSON) -> JSON {
        guard let calls = value.array else { return value }
        return .array(
            calls.map { call in
                guard var object = call.object, var function = call["function"]?.object,
                    let text = function["arguments"]?.string,
                    let arguments = try? JSON(parsing: Array(text.utf8))
                else { return call }
                function["arguments"] = arguments
                object["function"] = .object(function)
                return .object(object)
            }
        )
    }
}
