internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import SkeinCore

/// A refusal in the shape of OpenAI's error object, with its status code.
struct APIError: Error {
    var status: HTTPResponse.Status
    var message: String
    /// The field of the request that is wrong.
    var parameter: String?
    var code: String?
    /// Seconds after which to try again.
    var retryAfter: Int?

    /// OpenAI's word for the kind of error.
    var type: String {
        switch status.code {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 429: "rate_limit_error"
        case 500...: "server_error"
        default: "invalid_request_error"
        }
    }

    init(
        _ status: HTTPResponse.Status,
        _ message: String,
        parameter: String? = nil,
        code: String? = nil,
        retryAfter: Int? = nil
    ) {
        self.status = status
        self.message = message
        self.parameter = parameter
        self.code = code
        self.retryAfter = retryAfter
    }

    /// A field with a wrong type or value.
    static func invalid(_ parameter: String, _ message: String) -> Self {
        Self(.badRequest, message, parameter: parameter, code: "invalid_value")
    }

    /// The status that an error of the rooms below stands for.
    init(_ error: any Error) {
        switch error {
        case let error as APIError: self = error
        case let error as SkeinError:
            switch error.code {
            case .contextOverflow:
                self.init(
                    .badRequest,
                    "\(error)",
                    parameter: "messages",
                    code: "context_length_exceeded"
                )
            case .overloaded:
                self.init(.tooManyRequests, "\(error)", code: "queue_full", retryAfter: 1)
            case .unavailable:
                self.init(.serviceUnavailable, "\(error)", code: "unavailable", retryAfter: 1)
            case .invalidArgument, .syntax, .unsupported, .incapable:
                self.init(.badRequest, "\(error)", code: "invalid_value")
            default: self.init(.internalServerError, "\(error)", code: error.code.rawValue)
            }
        case let error as any HTTPResponseError:
            self.init(error.status, Self.text(error.status))
        default: self.init(.internalServerError, "\(error)")
        }
    }

    private static func text(_ status: HTTPResponse.Status) -> String {
        switch status.code {
        case 404: "there is nothing at this address"
        case 405: "this address does not take that method"
        case 413: "the body is larger than this server takes"
        default: status.reasonPhrase
        }
    }

    var json: JSON {
        var object = JSONObject()
        object["message"] = .string(message)
        object["type"] = .string(type)
        object["param"] = parameter.map(JSON.string) ?? .null
        object["code"] = code.map(JSON.string) ?? .null
        return ["error": .object(object)]
    }

    var response: Response {
        var response = Response.json(json, status: status)
        if let retryAfter { response.headers[.retryAfter] = "\(retryAfter)" }
        if status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        return response
    }
}

extension Response {
    /// A JSON document.
    static func json(_ value: JSON, status: HTTPResponse.Status = .ok) -> Response {
        text(value.text(), type: "application/json", status: status)
    }

    /// Text of a given media type.
    static func text(
        _ text: String,
        type: String,
        status: HTTPResponse.Status = .ok
    ) -> Response {
        let buffer = ByteBuffer(string: text)
        return Response(
            status: status,
            headers: [.contentType: type, .contentLength: "\(buffer.readableBytes)"],
            body: ResponseBody(byteBuffer: buffer)
        )
    }
}
