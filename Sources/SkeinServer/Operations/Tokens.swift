internal import SkeinEngine
internal import Hummingbird
internal import SkeinCore
internal import SkeinText

/// `POST /tokenize`, `/detokenize` and `/apply-template`.
enum Tokens {
    /// The ids of a text or of a conversation; vLLM's and llama.cpp's fields both serve.
    static func tokenize(_ request: Fields, _ state: ServerState) throws -> Response {
        let model = try state.registry.model(named: request.string("model"))
        let tokenizer = model.service.tokenizer
        let ids: [Int32]
        if request["messages"] != nil {
            ids = try ChatPrompt.tokens(request, model, tools: request.array("tools"))
        } else {
            guard let text = try request.string("prompt") ?? request.string("content") else {
                throw request.missing("prompt")
            }
            ids = tokenizer.encode(
                text,
                addSpecialTokens: try request.bool("add_special_tokens")
                    ?? request.bool("add_special") ?? true,
                parseSpecial: try request.bool("parse_special") ?? true
            )
        }
        var object = JSONObject()
        object["count"] = .int(ids.count)
        object["max_model_len"] = .int(model.service.contextSize)
        object["tokens"] = .array(ids.map { .int(Int($0)) })
        if try request.bool("return_token_strs") ?? request.bool("with_pieces") ?? false {
            object["token_strs"] = .array(ids.map { .string(tokenizer.token($0) ?? "") })
        }
        return .json(.object(object))
    }

    /// The text of ids.
    static func detokenize(_ request: Fields, _ state: ServerState) throws -> Response {
        let model = try state.registry.model(named: request.string("model"))
        guard let value = request["tokens"] else { throw request.missing("tokens") }
        guard let ids = value.tokenIDs else {
            throw APIError.invalid(
                "tokens",
                "tokens is \(value.kind), expected an array of token ids"
            )
        }
        let text = try model.service.tokenizer.decode(ids)
        return .json(["prompt": .string(text), "content": .string(text)])
    }

    /// A conversation as the model's template writes it.
    static func applyTemplate(_ request: Fields, _ state: ServerState) throws -> Response {
        let model = try state.registry.model(named: request.string("model"))
        let text = try ChatPrompt.text(request, model, tools: request.array("tools"))
        return .json(["prompt": .string(text)])
    }
}
