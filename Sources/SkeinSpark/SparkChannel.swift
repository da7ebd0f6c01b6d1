internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import GRPCProtobuf
internal import SkeinCore
internal import SwiftProtobuf

/// The calls of `spark.connect.SparkConnectService` over one HTTP/2 connection.
struct SparkChannel: Sendable {
    private let url: SparkURL
    private let client: GRPCClient<HTTP2ClientTransport.Posix>
    private let connection: Task<Void, any Error>
    private let metadata: Metadata

    /// The largest message in either direction; the server's own limit.
    static let maximumMessageBytes = 128 << 20

    /// Opens a channel; it connects with the first call.
    init(_ url: SparkURL) throws {
        self.url = url
        var security = HTTP2ClientTransport.Posix.TransportSecurity.plaintext
        if url.usesTLS {
            security = .tls { tls in
                if let path = url.trustedCertificates {
                    tls.trustRoots = .certificates([.file(path: path, format: .pem)])
                }
            }
        }
        let transport: HTTP2ClientTransport.Posix
        do {
            transport = try HTTP2ClientTransport.Posix(
                target: .dns(host: url.host, port: url.port),
                transportSecurity: security
            )
        } catch {
            throw SkeinError(
                .invalidArgument,
                "cannot prepare a connection to \(url.shown): \(error)",
                hint: url.trustedCertificates.map { "is \($0) a file of PEM certificates?" }
            )
        }
        let client = GRPCClient(transport: transport)
        self.client = client
        connection = Task.detached { try await client.runConnections() }
        var metadata: Metadata = [:]
        if let token = url.token { metadata.addString("Bearer \(token)", forKey: "authorization") }
        self.metadata = metadata
    }

    /// Ends the connection; nothing is under way when a session closes.
    func close() async {
        client.beginGracefulShutdown()
        connection.cancel()
        _ = await connection.result
    }

    private static func method(_ name: String) -> MethodDescriptor {
        MethodDescriptor(fullyQualifiedService: "spark.connect.SparkConnectService", method: name)
    }

    private func options(_ timeout: Duration?) -> CallOptions {
        var options = CallOptions.defaults
        options.timeout = timeout
        options.waitForReady = false
        options.maxRequestMessageBytes = Self.maximumMessageBytes
        options.maxResponseMessageBytes = Self.maximumMessageBytes
        return options
    }

    /// A call with one request and one answer.
    func call<Request: Message, Response: Message>(
        _ name: String,
        _ request: Request,
        as: Response.Type,
        timeout: Duration? = .seconds(60)
    ) async throws -> Response {
        try await client.unary(
            request: ClientRequest(message: request, metadata: metadata),
            descriptor: Self.method(name),
            serializer: ProtobufSerializer<Request>(),
            deserializer: ProtobufDeserializer<Response>(),
            options: options(timeout)
        ) { try $0.message }
    }

    /// A call whose answers come one by one.
    func stream<Request: Message, Response: Message>(
        _ name: String,
        _ request: Request,
        _ receive: @Sendable @escaping (Response) async throws -> Void
    ) async throws {
        try await client.serverStreaming(
            request: ClientRequest(message: request, metadata: metadata),
            descriptor: Self.method(name),
            serializer: ProtobufSerializer<Request>(),
            deserializer: ProtobufDeserializer<Response>(),
            options: options(nil)
        ) { response in
            for try await message in response.messages { try await receive(message) }
        }
    }

    /// A call whose requests go one by one.
    func send<Request: Message, Response: Message>(
        _ name: String,
        as: Response.Type,
        _ produce: @Sendable @escaping ((Request) async throws -> Void) async throws -> Void
    ) async throws -> Response {
        try await client.clientStreaming(
            request: StreamingClientRequest<Request>(metadata: metadata) { writer in
                try await produce { try await writer.write($0) }
            },
            descriptor: Self.method(name),
            serializer: ProtobufSerializer<Request>(),
            deserializer: ProtobufDeserializer<Response>(),
            options: options(nil)
        ) { try $0.message }
    }
}

/// What a failed call says.
struct SparkFailure {
    var error: RPCError
    var info: ErrorDetails.ErrorInfo?

    init(_ error: RPCError) {
        self.error = error
        info = (try? error.unpackGoogleRPCStatus())?.details.compactMap(\.errorInfo).first
    }

    /// Spark's name of the kind of error, such as `TABLE_OR_VIEW_NOT_FOUND`.
    var kind: String? { info?.metadata["errorClass"] }

    /// What names the error in a call that asks for more.
    var id: String? { info?.metadata["errorId"] }

    /// Whether trying again may help: the connection broke, not the query.
    var isTransient: Bool { error.code == .unavailable && info == nil }

    /// The error for the user.
    func translated(_ url: SparkURL, message: String) -> SkeinError {
        let text = Self.tidied(message)
        switch error.code {
        case .unavailable where info == nil:
            return SkeinError(
                .sparkUnreachable,
                "no Spark Connect server answers at \(url.shown): \(text)",
                hint: url.usesTLS
                    ? "does the server speak TLS, with a certificate for \(url.host)?"
                    : "start one with make spark, or check the address and the firewall"
            )
        case .deadlineExceeded:
            return SkeinError(
                .sparkUnreachable,
                "\(url.shown) took the call and gave no answer in time",
                hint: "is it a Spark Connect server? its port is 15002; make spark starts one"
            )
        case .unimplemented:
            return SkeinError(
                .sparkVersion,
                "\(url.shown) does not know a call that Spark Connect 4 has: \(text)",
                hint: "Spark 4.0 or later is needed, with the Connect server running"
            )
        case .unauthenticated, .permissionDenied:
            return SkeinError(
                .sparkUnauthenticated,
                "\(url.shown) refused: \(text)",
                hint: url.token == nil ? "pass a token: \(url.shown)/;use_ssl=true;token=…" : nil
            )
        default:
            let isStopped =
                error.code == .cancelled || kind == "OPERATION_CANCELED"
                || text.contains("OPERATION_CANCELED")
            return SkeinError(isStopped ? .sparkInterrupted : .sparkFailure, text)
        }
    }

    /// The lines that say something: without Java's stack.
    static func tidied(_ message: String) -> String {
        let lines = message.split(separator: "\n").filter {
            !$0.hasPrefix("\tat ") && !$0.hasPrefix("JVM stacktrace")
                && !$0.allSatisfy(\.isWhitespace)
        }
        let text = lines.joined(separator: "\n")
        return text.isEmpty ? "no message" : String(text.prefix(4000))
    }
}
