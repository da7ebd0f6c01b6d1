internal import Foundation

/// How a server listens and what it allows.
public struct ServerOptions: Sendable {
    /// The address to listen on.
    public var host = "127.0.0.1"
    /// The port; 0 lets the system choose.
    public var port = 8080
    /// Keys of which a request must bear one; none lets everyone in.
    public var apiKeys: [String] = []
    /// The most bytes of a request's body.
    public var bodyLimit = 8 << 20
    /// The most seconds a request may take; `nil` is no limit.
    public var requestTimeout: Double?
    /// Seconds to wait for running requests when the server ends.
    public var drainTimeout = 30.0
    /// Origins that browsers may call from; `*` is any.
    public var corsOrigins: [String] = []
    /// Files of a certificate chain and its key, in PEM.
    public var tls: (certificate: String, key: String)?
    /// Whether prompts and answers are written to the log.
    public var logsPrompts = false
    /// Whether metrics also carry vLLM's own names.
    public var exportsVLLMNames = false
    /// The most tokens an answer has where a request does not say; `nil` fills the context.
    public var defaultMaxTokens: Int?

    /// The defaults: loopback, port 8080, no keys.
    public init() {}
}
