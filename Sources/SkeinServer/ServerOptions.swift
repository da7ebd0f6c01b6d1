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
    /// The most bytes of a request's headers.
    public var headerLimit = 64 << 10
    /// The most connections at once; further ones wait to be accepted.
    public var connectionLimit = 4096
    /// Seconds after which a connection is closed on which nothing happens or a request's headers do not
    /// end.
    public var idleTimeout = 120.0
    /// The most seconds that a request's body may take to arrive.
    public var bodyTimeout = 60.0
    /// The most requests a minute of one key or, without keys, of one address; `nil` is no limit.
    public var requestsPerMinute: Int?
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
    /// The most tokens to guess ahead where a request does not say; 0 is plain decoding.
    public var draftLimit = 0
    /// The most tokens that may be guessed ahead at all.
    public static let mostDrafts = 64
    /// The most tokens an answer has where a request does not say; `nil` fills the context.
    public var defaultMaxTokens: Int?

    /// The defaults: loopback, port 8080, no keys.
    public init() {}
}
