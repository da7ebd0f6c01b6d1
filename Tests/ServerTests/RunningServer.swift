import Foundation
import Logging
import SkeinCore
import SkeinEngine
import SkeinModels
import SkeinServer
import SkeinTensor
import SkeinTestSupport
import SkeinText
import Synchronization

/// A server on a port that the system chose, with the model that comes with the project.
final class RunningServer: Sendable {
    let port: Int
    let service: GenerationService
    private let task: Task<Void, any Error>

    static func service(
        _ change: (inout ServiceOptions) -> Void = { _ in }
    ) throws -> GenerationService {
        let path = Files.root.appending(path: "Models/stories").path
        let processor = try Processor(threads: 2)
        var options = ServiceOptions()
        change(&options)
        return try GenerationService(
            model: LanguageModelLoader.load(
                LanguageModelLoader.checkpoint(path),
                processor: processor
            ),
            tokenizer: TokenizerLoader.load(path),
            processor: processor,
            options: options
        )
    }

    /// A small Mamba with weights drawn at random, and the tokens of the model above.
    static func mamba() throws -> GenerationService {
        let tokenizer = try TokenizerLoader.load(Files.root.appending(path: "Models/stories").path)
        let processor = try Processor(threads: 2)
        var values = JSONObject()
        values["model_type"] = .string("mamba")
        for (key, value) in [
            ("vocab_size", tokenizer.vocabularySize), ("hidden_size", 48), ("num_hidden_layers", 2),
            ("state_size", 8),
        ] {
            values[key] = .int(value)
        }
        return try GenerationService(
            model: LanguageModelLoader.load(
                FreshCheckpoint(ModelConfiguration(.object(values), source: "the test")),
                processor: processor,
                options: LoadOptions(learning: .fromScratch(Initialization(seed: 1)))
            ),
            tokenizer: tokenizer,
            processor: processor
        )
    }

    init(
        _ options: ServerOptions = ServerOptions(),
        others: [String: GenerationService] = [:],
        _ change: (inout ServiceOptions) -> Void = { _ in }
    ) async throws {
        let service = try Self.service(change)
        let registry = ModelRegistry()
        try registry.add(ServedModel(name: "stories", service: service, created: 1))
        for (name, other) in others {
            try registry.add(ServedModel(name: name, service: other, created: 1))
        }
        var options = options
        options.port = 0
        var logger = Logger(label: "test") { JSONLog(label: $0) }
        logger.logLevel = .error
        let server = SkeinServer(options: options, registry: registry, logger: logger)
        let (ports, sink) = AsyncStream<Int>.makeStream()
        task = Task(executorPreference: OwnThreads.shared) {
            try await server.run(on: OwnThreads.shared) { sink.yield($0) }
        }
        var iterator = ports.makeAsyncIterator()
        port = await iterator.next() ?? 0
        self.service = service
    }

    func client() throws -> HTTPClient { try HTTPClient(port: port) }

    func stop() async {
        task.cancel()
        _ = try? await task.value
    }
}
