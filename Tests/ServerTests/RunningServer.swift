import Foundation
import Logging
import SkeinCore
import SkeinEngine
import SkeinModels
import SkeinServer
import SkeinTensor
import SkeinTestSupport
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

    init(
        _ options: ServerOptions = ServerOptions(),
        _ change: (inout ServiceOptions) -> Void = { _ in }
    ) async throws {
        let service = try Self.service(change)
        let registry = ModelRegistry()
        try registry.add(ServedModel(name: "stories", service: service, created: 1))
        var options = options
        options.port = 0
        var logger = Logger(label: "test") { JSONLog(label: $0) }
        logger.logLevel = .error
        let server = SkeinServer(options: options, registry: registry, logger: logger)
        let (ports, sink) = AsyncStream<Int>.makeStream()
        task = Task(executorPreference: OwnThreads.shared) {
            try await server.run { sink.yield($0) }
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
