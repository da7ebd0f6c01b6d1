internal import SkeinModels
internal import Hummingbird
internal import SkeinCore
internal import SkeinEngine
internal import ServiceLifecycle
internal import SkeinText

/// What an operator looks at: health, models, slots and steps.
enum Watching {
    static func health(_ state: ServerState) -> Response {
        guard state.registry.isReady else {
            return APIError(
                .serviceUnavailable,
                "the model is still being loaded",
                code: "loading",
                retryAfter: 1
            ).response
        }
        return .json(["status": "ok"])
    }

    static func models(_ state: ServerState) -> Response {
        let embedders = state.registry.embedders.map(describe)
        return .json([
            "object": "list", "data": .array(state.registry.models.map(describe) + embedders),
        ])
    }

    private static func describe(_ embedder: ServedEmbedder) -> JSON {
        [
            "id": .string(embedder.name), "object": "model", "created": 0, "owned_by": "skein",
            "root": .string(embedder.name), "max_model_len": .int(embedder.contextLength),
        ]
    }

    static func model(_ name: String, _ state: ServerState) throws -> Response {
        if let embedder = state.registry.embedders.first(where: { $0.name == name }) {
            return .json(describe(embedder))
        }
        return .json(describe(try state.registry.model(named: name)))
    }

    private static func describe(_ model: ServedModel) -> JSON {
        let description = model.service.description
        return [
            "id": .string(model.name),
            "object": "model",
            "created": .int(model.created),
            "owned_by": "skein",
            "root": .string(model.name),
            "max_model_len": .int(model.service.contextSize),
            "meta": [
                "family": .string(description.family),
                "n_params": .int(description.parameters),
                "n_vocab": .int(description.vocabularySize),
                "n_embd": .int(description.width),
                "n_layer": .int(description.layers),
                "n_ctx_train": .int(description.contextLength),
                "size": .int(description.weightBytes),
            ],
        ]
    }

    /// Every request that is running or waiting.
    static func slots(_ state: ServerState) -> Response {
        let all = state.registry.models.flatMap { model in
            model.service.slots().map { slot -> JSON in
                [
                    "model": .string(model.name),
                    "id": .int(Int(slot.slot)),
                    "request_id": .string(slot.id),
                    "phase": .string(slot.phase.rawValue),
                    "strategy": .string(slot.strategy),
                    "prompt_tokens": .int(slot.promptTokens),
                    "cached_tokens": .int(slot.cachedTokens),
                    "rows_done": .int(slot.rowsDone),
                    "completion_tokens": .int(slot.completionTokens),
                    "age_seconds": .double(slot.age),
                ]
            }
        }
        return .json(["slots": .array(all)])
    }

    /// Every forward pass as it ends, for the live view, until the server is told to end.
    ///
    /// What requests say is shown of those alone whose ids begin with what the watcher names: whoever
    /// chose an id may see what became of it.
    static func steps(
        _ name: String?,
        showing prefix: String?,
        _ state: ServerState
    ) throws -> Response {
        let model = try state.registry.model(named: name)
        if let prefix, prefix.utf8.count < 8 {
            throw APIError.invalid(
                "show",
                "show has \(prefix.utf8.count) bytes, expected at least 8"
            )
        }
        return EventStream.response { sender in
            try await cancelWhenGracefulShutdown {
                for await step in model.service.steps() {
                    let counts = model.service.statistics()
                    let value = json(step, counts) { part in
                        guard let prefix, part.id.hasPrefix(prefix) else { return nil }
                        return texts(part, model.service.tokenizer)
                    }
                    try await sender.send(EventStream.frame(value))
                }
            }
        }
    }

    /// A slot's tokens of one step with what became of them.
    private static func texts(_ part: StepReport.Part, _ tokenizer: Tokenizer) -> JSON {
        func entry(_ token: Int32, _ kind: String) -> JSON {
            let bytes = tokenizer.bytes(of: token)
            return ["text": .string(String(decoding: bytes, as: UTF8.self)), "kind": .string(kind)]
        }
        let chosen = part.tokens.enumerated().map {
            entry($0.element, $0.offset < part.accepted ? "accepted" : "chosen")
        }
        return .array(chosen + part.rejected.map { entry($0, "rejected") })
    }

    private static func json(
        _ step: StepReport,
        _ counts: EngineStatistics,
        _ texts: (StepReport.Part) -> JSON?
    ) -> JSON {
        [
            "step": .int(step.number),
            "seconds": .double(step.time),
            "prompt_rows": .int(step.promptRows),
            "decode_rows": .int(step.decodeRows),
            "waiting": .int(step.waiting),
            "running": .int(counts.running),
            "slot_limit": .int(counts.slotLimit),
            "kv_bytes": .int(step.stateBytes),
            "kv_limit": .int(counts.stateLimit),
            "kv_cached_rows": .int(counts.cachedRows),
            "generation_tokens": .int(counts.generationTokens),
            "slots": .array(step.parts.map { json($0, texts($0)) }),
        ]
    }

    private static func json(_ part: StepReport.Part, _ texts: JSON?) -> JSON {
        var object = JSONObject()
        object["slot"] = .int(Int(part.slot))
        object["rows"] = .int(part.rows)
        object["drafted"] = .int(part.drafted)
        object["accepted"] = .int(part.accepted)
        object["branches"] = .int(part.branches)
        object["tokens"] = .int(part.tokens.count)
        if let texts { object["texts"] = texts }
        return .object(object)
    }
}
