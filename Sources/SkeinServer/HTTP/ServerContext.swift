internal import Hummingbird
internal import Logging
internal import NIOCore
internal import SkeinCore

/// What a handler knows of its request beside the request.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// The request's own id, echoed or made.
    var requestID = ""

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// What handlers work with.
struct ServerState: Sendable {
    let options: ServerOptions
    let registry: ModelRegistry
    let metrics: ServerMetrics
    let connections: ConnectionWatch
    let logger: Logger
    /// Who has asked too often, where that is limited.
    let rates: RateLimiter?

    /// Reads a request's body as a JSON object; what it says is logged only by a server told to.
    func fields(_ request: Request, _ context: ServerContext) async throws -> Fields {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }),
            length > options.bodyLimit
        {
            throw tooLarge(length)
        }
        let channel = context.channel
        let limit = TimeAmount.milliseconds(Int64(options.bodyTimeout * 1000))
        let patience = channel.eventLoop.scheduleTask(in: limit) {
            channel.close(mode: .all, promise: nil)
        }
        defer { patience.cancel() }
        let body: ByteBuffer
        do {
            body = try await collect(request)
        } catch let error as APIError {
            throw error
        } catch {
            throw APIError(.badRequest, "the body cannot be read: \(error)", code: "invalid_body")
        }
        let value: JSON
        do {
            value = try JSON(parsing: Array(body.readableBytesView))
        } catch {
            throw APIError(.badRequest, "the body is not JSON: \(error)", code: "invalid_json")
        }
        guard let object = value.object else {
            throw APIError(.badRequest, "the body is \(value.kind), expected an object")
        }
        if options.logsPrompts {
            logger.info(
                "body",
                metadata: ["id": "\(context.requestID)", "body": "\(value.text(.compact))"]
            )
        }
        return Fields(object)
    }

    private func collect(_ request: Request) async throws -> ByteBuffer {
        var body = ByteBuffer()
        for try await part in request.body {
            guard body.readableBytes + part.readableBytes <= options.bodyLimit else {
                throw tooLarge(body.readableBytes + part.readableBytes)
            }
            body.writeImmutableBuffer(part)
        }
        return body
    }

    private func tooLarge(_ count: Int) -> APIError {
        APIError(
            .contentTooLarge,
            "the body has \(count) bytes or more, this server takes \(options.bodyLimit)",
            code: "body_too_large"
        )
    }
}
