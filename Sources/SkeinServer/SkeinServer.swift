internal import Foundation
internal import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
public import Logging
internal import NIOCore
internal import NIOSSL
internal import ServiceLifecycle
internal import SkeinCore
internal import SkeinEngine
internal import UnixSignals

/// An OpenAI-compatible HTTP server over running models.
public struct SkeinServer: Sendable {
    /// How it listens and what it allows.
    public let options: ServerOptions
    /// The models it serves.
    public let registry: ModelRegistry
    /// Where it writes its log.
    public let logger: Logger

    /// Creates a server that does not listen yet.
    public init(options: ServerOptions, registry: ModelRegistry, logger: Logger) {
        self.options = options
        self.registry = registry
        self.logger = logger
    }

    /// Listens until the process is told to end (SIGTERM or SIGINT) or the task is cancelled, then lets
    /// running requests finish.
    ///
    /// - Parameters:
    ///   - executor: Whose threads requests run on; `nil` for the shared ones.
    ///   - onListening: Called with the port once connections are accepted.
    /// - Throws: `SkeinError.Code.ioFailure` when the address cannot be taken or a certificate not be
    ///   read.
    public func run(
        on executor: (any TaskExecutor)? = nil,
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws {
        let connections = ConnectionWatch()
        let state = ServerState(
            options: options,
            registry: registry,
            metrics: ServerMetrics(),
            connections: connections,
            logger: logger,
            rates: options.requestsPerMinute.map { RateLimiter(perMinute: $0) }
        )
        var quiet = logger
        quiet.logLevel = .critical
        let application = Application(
            router: Routes.router(state),
            server: try builder(connections),
            configuration: .init(
                address: .hostname(options.host, port: options.port),
                serverName: "skein",
                availableConnectionsDelegate: MaximumAvailableConnections(options.connectionLimit)
            ),
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? 0) },
            logger: quiet
        )
        do {
            try await serve(application, on: executor, logger: quiet)
        } catch let error as IOError {
            throw SkeinError(
                .ioFailure,
                "cannot listen on \(options.host):\(options.port): \(error)",
                hint: "pass another --port"
            )
        }
        await drain()
    }

    /// Runs the application until it has ended by itself: one whose task is cancelled while a connection
    /// waits to be taken ends the process.
    private func serve(
        _ application: some Service,
        on executor: (any TaskExecutor)?,
        logger: Logger
    ) async throws {
        let group = ServiceGroup(
            services: [application],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        let running = Task(executorPreference: executor) { try await group.run() }
        try await withTaskCancellationHandler {
            try await running.value
        } onCancel: {
            Task(executorPreference: executor) { await group.triggerGracefulShutdown() }
        }
    }

    private func builder(_ connections: ConnectionWatch) throws -> HTTPServerBuilder {
        let http = HTTPServerBuilder.http1(
            configuration: .init(
                additionalChannelHandlers: [connections.makeHandler()],
                idleTimeout: .milliseconds(Int64(options.idleTimeout * 1000)),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: options.headerLimit,
                    maxHeaderListSize: options.headerLimit
                )
            )
        )
        guard let tls = options.tls else { return http }
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(tls.certificate)
            let configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: tls.key, format: .pem))
            )
            return try .tls(http, tlsConfiguration: configuration)
        } catch {
            throw SkeinError(
                .ioFailure,
                "cannot use the certificate \(tls.certificate) with the key \(tls.key): \(error)",
                hint: "both must be PEM files"
            )
        }
    }

    /// Waits for the engines' last requests, but not for ever.
    private func drain() async {
        for model in registry.models {
            let ending = Task { await model.service.drain() }
            let limit = Task {
                try await Task.sleep(for: .seconds(options.drainTimeout))
                model.service.stop()
            }
            await ending.value
            limit.cancel()
            model.service.stop()
        }
    }
}
