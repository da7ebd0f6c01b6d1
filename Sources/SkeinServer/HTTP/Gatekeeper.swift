internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import SkeinCore

/// The outermost layer: ids, errors as OpenAI's objects, keys, cross-origin headers, the access log.
struct Gatekeeper: RouterMiddleware {
    typealias Context = ServerContext

    let state: ServerState
    /// Addresses that need no key.
    private static let open: Set = ["/health", "/", "/favicon.ico"]
    private static let requestID = HTTPField.Name("x-request-id") ?? .userAgent

    func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var context = context
        context.requestID = Self.id(request)
        var response: Response
        do {
            if request.method == .options, request.headers[.origin] != nil {
                response = Response(status: .noContent)
            } else {
                try check(request)
                try checkRate(request, context)
                response = try await next(request, context)
            }
        } catch is CancellationError {
            response = APIError(.init(code: 499), "the client left", code: "cancelled").response
        } catch {
            response = APIError(error).response
        }
        response.headers[Self.requestID] = context.requestID
        allowOrigin(request, &response)
        log(request, context, response, ContinuousClock.now - start)
        return response
    }

    /// The client's id where it is one that logs can bear, else a new one.
    private static func id(_ request: Request) -> String {
        if let given = request.headers[requestID], (1...128).contains(given.utf8.count),
            given.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c })
        {
            return given
        }
        return String(UInt64.random(in: .min ... .max), radix: 36)
            + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// The key that a request bears.
    private func key(_ request: Request) -> String {
        let given = request.headers[.authorization] ?? ""
        return given.lowercased().hasPrefix("bearer ") ? String(given.dropFirst(7)) : given
    }

    /// Refuses callers that ask too often; looking on is free.
    private func checkRate(_ request: Request, _ context: Context) throws {
        guard let rates = state.rates, request.method == .post else { return }
        let caller =
            state.options.apiKeys.isEmpty
            ? context.channel.remoteAddress?.ipAddress ?? "" : key(request)
        guard let wait = rates.take(caller) else { return }
        throw APIError(
            .tooManyRequests,
            "this server takes \(state.options.requestsPerMinute ?? 0) requests a minute of one caller",
            code: "rate_limit_exceeded",
            retryAfter: Int(wait.rounded(.up))
        )
    }

    private func check(_ request: Request) throws {
        guard !state.options.apiKeys.isEmpty, !Self.open.contains(request.uri.path) else { return }
        let given = key(request)
        var isKnown = false
        // Every key is compared to its end, so that time tells nothing.
        for key in state.options.apiKeys where Self.isEqual(key, given) { isKnown = true }
        guard isKnown else {
            throw APIError(
                .unauthorized,
                given.isEmpty ? "the request bears no API key" : "the API key is not known here",
                code: "invalid_api_key"
            )
        }
    }

    /// Compares texts in a time that depends only on the length of the second.
    static func isEqual(_ key: String, _ given: String) -> Bool {
        let key = Array(key.utf8)
        let given = Array(given.utf8)
        var difference = key.count ^ given.count
        for (place, byte) in given.enumerated() {
            difference |= Int(byte ^ (key.isEmpty ? 0 : key[place % key.count]))
        }
        return difference == 0 && !key.isEmpty
    }

    private func allowOrigin(_ request: Request, _ response: inout Response) {
        guard let origin = request.headers[.origin] else { return }
        let allowed = state.options.corsOrigins
        guard allowed.contains("*") || allowed.contains(origin) else { return }
        response.headers[.accessControlAllowOrigin] = allowed.contains("*") ? "*" : origin
        response.headers[.vary] = "Origin"
        guard request.method == .options else { return }
        response.headers[.accessControlAllowMethods] = "GET, POST, OPTIONS"
        response.headers[.accessControlAllowHeaders] = "authorization, content-type, x-request-id"
        response.headers[.accessControlMaxAge] = "600"
    }

    private func log(
        _ request: Request,
        _ context: Context,
        _ response: Response,
        _ time: Duration
    ) {
        state.metrics.observe(status: response.status.code)
        let milliseconds =
            Double(time.components.seconds) * 1e3 + Double(time.components.attoseconds) * 1e-15
        state.logger.info(
            "request",
            metadata: [
                "id": "\(context.requestID)",
                "method": "\(request.method)",
                "path": "\(request.uri.path)",
                "status": "\(response.status.code)",
                "milliseconds": "\((milliseconds * 1000).rounded() / 1000)",
            ]
        )
    }
}
