internal import HTTPTypes
internal import Hummingbird
internal import SkeinCore

/// All addresses of the server.
enum Routes {
    /// An address with its method, as `/openapi.yaml` must list it.
    struct Entry: Sendable {
        let method: HTTPRequest.Method
        let path: String
        let handle: @Sendable (Request, ServerContext, ServerState) async throws -> Response
    }

    static let all: [Entry] = [
        get("/") { _, _, _ in Page.response },
        get("/health") { _, _, state in Watching.health(state) },
        get("/metrics") { _, _, state in
            .text(
                state.metrics.text(
                    state.registry.models,
                    alias: state.options.exportsVLLMNames
                ),
                type: "text/plain; version=0.0.4; charset=utf-8"
            )
        },
        get("/slots") { _, _, state in Watching.slots(state) },
        get("/steps") { request, _, state in
            try Watching.steps(
                request.uri.queryParameters["model"].map(String.init),
                showing: request.uri.queryParameters["show"].map(String.init),
                state
            )
        },
        get("/openapi.yaml") { _, _, _ in
            .text(OpenAPIDocument.text, type: "application/yaml")
        },
        get("/v1/models") { _, _, state in Watching.models(state) },
        get("/v1/models/{model}") { _, context, state in
            try Watching.model(context.parameters.get("model") ?? "", state)
        },
        post("/v1/completions") { fields, context, state in
            try await Completions(fields, context, state).respond(context, state)
        },
        post("/v1/chat/completions") { fields, context, state in
            try await ChatCompletions(fields, context, state).respond(context, state)
        },
        post("/v1/responses") { fields, context, state in
            try await Responses(fields, context, state).respond(context, state)
        },
        post("/v1/embeddings") { fields, _, state in
            try await Embeddings.respond(fields, state)
        },
        post("/tokenize") { fields, _, state in try Tokens.tokenize(fields, state) },
        post("/detokenize") { fields, _, state in try Tokens.detokenize(fields, state) },
        post("/apply-template") { fields, _, state in try Tokens.applyTemplate(fields, state) },
    ]

    private static func get(
        _ path: String,
        _ handle: @escaping @Sendable (Request, ServerContext, ServerState) async throws -> Response
    ) -> Entry {
        Entry(method: .get, path: path, handle: handle)
    }

    private static func post(
        _ path: String,
        _ handle: @escaping @Sendable (Fields, ServerContext, ServerState) async throws -> Response
    ) -> Entry {
        Entry(method: .post, path: path) { request, context, state in
            let fields = try await state.fields(request, context)
            return try await handle(fields, context, state)
        }
    }

    /// A router with every address behind the gatekeeper.
    static func router(_ state: ServerState) -> Router<ServerContext> {
        let router = Router(context: ServerContext.self)
        router.add(middleware: Gatekeeper(state: state))
        for entry in all {
            let path = entry.path.replacing("{model}", with: ":model")
            router.on(RouterPath(path), method: entry.method) { request, context in
                try await entry.handle(request, context, state)
            }
        }
        return router
    }
}

/// The routes for whoever checks the description against them.
package enum ServerRoutes {
    /// Every method and path that is served.
    package static var served: Set<String> {
        Set(Routes.all.map { "\($0.method.rawValue) \($0.path)" })
    }

    /// Every method and path that `/openapi.yaml` describes.
    package static var described: Set<String> {
        var path = ""
        var found: Set<String> = []
        for line in OpenAPIDocument.text.split(separator: "\n") {
            if line.hasPrefix("  /"), line.hasSuffix(":") {
                path = String(line.dropFirst(2).dropLast())
            } else if line.hasPrefix("    "), !line.hasPrefix("     "), line.hasSuffix(":"),
                !path.isEmpty, ["get:", "post:"].contains(line.dropFirst(4))
            {
                found.insert("\(line.dropFirst(4).dropLast().uppercased()) \(path)")
            } else if line.hasPrefix("components:") {
                break
            }
        }
        return found
    }
}
