internal import HTTPTypes
internal import SkeinCore
public import SkeinEngine
internal import SkeinText
internal import Synchronization

/// A model under the name that requests ask for.
public struct ServedModel: Sendable {
    /// The name.
    public var name: String
    /// The running model.
    public var service: GenerationService
    /// How conversations become prompts, if the model knows.
    var template: ChatTemplate?
    /// The template as it was written.
    let templateSource: String?
    let grammars: GrammarShelf
    /// Seconds since 1970 when it was loaded.
    var created: Int

    /// Names a running model.
    ///
    /// - Parameters:
    ///   - name: What requests ask for.
    ///   - service: The running model.
    ///   - chatTemplate: A template in Jinja; `nil` takes the tokenizer's own.
    ///   - created: Seconds since 1970.
    /// - Throws: `SkeinError.Code.syntax` for a template that cannot be parsed.
    public init(
        name: String,
        service: GenerationService,
        chatTemplate: String? = nil,
        created: Int
    ) throws {
        self.name = name
        self.service = service
        templateSource = chatTemplate ?? service.tokenizer.chatTemplate
        template = try templateSource.map(ChatTemplate.init)
        grammars = GrammarShelf(service.tokenizer)
        self.created = created
    }
}

/// The models of a server; they may arrive after it listens.
public final class ModelRegistry: Sendable {
    private struct State {
        var models: [ServedModel] = []
        var embedders: [ServedEmbedder] = []
        var isLoading: Bool

        func isTaken(_ name: String) -> Bool {
            models.contains { $0.name == name } || embedders.contains { $0.name == name }
        }
    }

    private let state: Mutex<State>

    /// Creates a registry.
    ///
    /// - Parameter isLoading: Whether more models are to come before the server is ready.
    public init(isLoading: Bool = false) {
        state = Mutex(State(isLoading: isLoading))
    }

    /// Adds a model.
    ///
    /// - Throws: `SkeinError.Code.invalidArgument` when the name is taken.
    public func add(_ model: ServedModel) throws {
        try state.withLock { state in
            guard !state.isTaken(model.name) else { throw Self.taken(model.name) }
            state.models.append(model)
        }
    }

    /// Adds a model that turns texts into vectors.
    ///
    /// - Throws: `SkeinError.Code.invalidArgument` when the name is taken.
    public func add(_ embedder: ServedEmbedder) throws {
        try state.withLock { state in
            guard !state.isTaken(embedder.name) else { throw Self.taken(embedder.name) }
            state.embedders.append(embedder)
        }
    }

    private static func taken(_ name: String) -> SkeinError {
        SkeinError(
            .invalidArgument,
            "two models are named \(name)",
            hint: "give one another name: --model PATH=NAME"
        )
    }

    /// Says that all models have arrived.
    public func finishLoading() { state.withLock { $0.isLoading = false } }

    /// Whether requests can be answered.
    public var isReady: Bool {
        state.withLock { !$0.isLoading && !($0.models.isEmpty && $0.embedders.isEmpty) }
    }

    /// All models, in the order in which they arrived.
    public var models: [ServedModel] { state.withLock { $0.models } }

    /// The models that turn texts into vectors.
    var embedders: [ServedEmbedder] { state.withLock { $0.embedders } }

    /// The embedding model of a name; without one, the only or first.
    func embedder(named name: String?) throws -> ServedEmbedder {
        let known = embedders
        if let found = known.first(where: { $0.name == name }) { return found }
        if name == nil || name?.isEmpty == true, let first = known.first { return first }
        throw APIError(
            .notFound,
            known.isEmpty
                ? "no embedding model is loaded; start the server with --embedding-model PATH"
                : "there is no embedding model \"\(name ?? "")\"; there are: "
                    + known.map(\.name).joined(separator: ", "),
            parameter: "model",
            code: "model_not_found"
        )
    }

    /// The model of a name; without one, the only or first model.
    func model(named name: String?) throws -> ServedModel {
        let (models, isLoading) = state.withLock { ($0.models, $0.isLoading) }
        guard let first = models.first else {
            throw APIError(
                .serviceUnavailable,
                isLoading ? "the model is still being loaded" : "no model is loaded",
                code: "loading",
                retryAfter: 1
            )
        }
        guard let name, !name.isEmpty else { return first }
        if let found = models.first(where: { $0.name == name }) { return found }
        throw APIError(
            .notFound,
            "there is no model \"\(name)\"; there are: "
                + models.map(\.name).joined(separator: ", "),
            parameter: "model",
            code: "model_not_found"
        )
    }
}
