internal import SkeinCore

/// Where a Spark Connect server is, and how to speak to it: `sc://host:port/;key=value;…`.
public struct SparkURL: Sendable, Equatable {
    /// The host's name or address.
    public var host: String
    /// The port.
    public var port: Int
    /// The bearer token; a token wants TLS unless the host is this machine.
    public var token: String?
    /// Whether the connection is encrypted.
    public var usesTLS: Bool
    /// Who asks.
    public var user: String?
    /// The session to take up; a new one otherwise.
    public var session: String?
    /// What the server's log calls this client.
    public var userAgent: String
    /// A file of certificates to trust instead of the system's.
    public var trustedCertificates: String?

    /// The port that servers listen on unless told otherwise.
    public static let defaultPort = 15002

    /// Reads an address.
    ///
    /// - Parameter text: As in `SPARK_REMOTE`.
    /// - Throws: `SkeinError.Code.invalidArgument`.
    public init(_ text: String) throws {
        func wrong(_ what: String) -> SkeinError {
            SkeinError(
                .invalidArgument,
                "the Spark address \"\(text)\" \(what)",
                hint: "write sc://host:port, such as sc://localhost:15002, "
                    + "with options as in sc://host:443/;use_ssl=true;token=…"
            )
        }
        guard text.hasPrefix("sc://") else { throw wrong("does not start with sc://") }
        let rest = text.dropFirst(5)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let (authority, path) = (rest[..<slash], rest[slash...].dropFirst())
        guard path.isEmpty || path.hasPrefix(";") else { throw wrong("has a path, \"/\(path)\"") }
        let (name, digits) = Self.split(authority)
        guard !name.isEmpty else { throw wrong("names no host") }
        if let digits {
            guard let number = Int(digits), (1..<65536).contains(number) else {
                throw wrong("has port \"\(digits)\", expected 1 to 65535")
            }
            port = number
        } else {
            port = Self.defaultPort
        }
        host = String(name)
        userAgent = "skein"
        usesTLS = false
        var isPlainAsked = false
        for option in path.split(separator: ";") {
            guard let equals = option.firstIndex(of: "=") else {
                throw wrong("has option \"\(option)\" without a value")
            }
            let key = String(option[..<equals])
            guard let value = Self.decoded(option[option.index(after: equals)...]) else {
                throw wrong("has a value of \(key) that is not percent-encoded")
            }
            switch key {
            case "token": token = value
            case "use_ssl":
                guard value == "true" || value == "false" else {
                    throw wrong("has use_ssl=\(value), expected true or false")
                }
                usesTLS = value == "true"
                isPlainAsked = value == "false"
            case "user_id": user = value
            case "user_agent": userAgent = value
            case "session_id":
                guard Self.isUUID(value) else {
                    throw wrong("has session_id=\(value), expected a UUID")
                }
                session = value
            case "trusted_certificates": trustedCertificates = value
            default:
                // The protocol sends unknown options along as headers; ours would be guesses.
                throw wrong("has the unknown option \(key)")
            }
        }
        if token != nil, !usesTLS {
            let isLocal = ["localhost", "127.0.0.1", "::1"].contains(host)
            guard !isPlainAsked || isLocal else {
                throw wrong("would send its token unencrypted")
            }
            usesTLS = !isLocal
        }
    }

    /// The address without its token, for messages.
    public var shown: String {
        host.contains(":") ? "sc://[\(host)]:\(port)" : "sc://\(host):\(port)"
    }

    private static func split(_ authority: Substring) -> (Substring, Substring?) {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            let rest = authority[authority.index(after: end)...]
            let name = authority[authority.index(after: authority.startIndex)..<end]
            return (name, rest.hasPrefix(":") ? rest.dropFirst() : nil)
        }
        guard let colon = authority.lastIndex(of: ":") else { return (authority, nil) }
        return (authority[..<colon], authority[authority.index(after: colon)...])
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func isUUID(_ text: String) -> Bool {
        let groups = text.split(separator: "-", omittingEmptySubsequences: false)
        return groups.map(\.count) == [8, 4, 4, 4, 12]
            && groups.allSatisfy { $0.allSatisfy(\.isHexDigit) }
    }
}
