import Foundation
import SkeinCore

#if canImport(Glibc)
import Glibc
#endif

/// One connection to a server on this machine, byte by byte, so that a test sees what is on the wire.
///
/// One thread uses it at a time, but for `close`.
final class HTTPClient: @unchecked Sendable {
    struct Answer {
        var status = 0
        var headers: [String: String] = [:]
        var body = Data()

        var text: String { String(decoding: body, as: UTF8.self) }
        func json() throws -> JSON { try JSON(parsing: Array(body)) }
        /// The payloads of an event stream.
        var events: [String] {
            text.components(separatedBy: "\n\n").compactMap { event in
                event.split(separator: "\n").first { $0.hasPrefix("data: ") }
                    .map { String($0.dropFirst(6)) }
            }
        }
    }

    private let socket: Int32
    private var buffer = Data()

    init(port: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw SkeinError(.ioFailure, "cannot connect: \(errno)") }
    }

    deinit { close() }

    private var isClosed = false
    func close() {
        guard !isClosed else { return }
        isClosed = true
        Glibc.close(socket)
    }

    func send(_ bytes: Data) {
        bytes.withUnsafeBytes {
            _ = Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
    }

    /// Reads more; false at the end.
    private func read() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = recv(socket, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        buffer.append(contentsOf: chunk[..<count])
        return true
    }

    /// What has come and was not taken by `answer`.
    var received: String { String(decoding: buffer, as: UTF8.self) }

    func waitForText(_ text: String) -> Bool {
        while buffer.range(of: Data(text.utf8)) == nil { guard read() else { return false } }
        return true
    }

    func request(
        _ method: String,
        _ path: String,
        _ body: String? = nil,
        headers: [String: String] = [:]
    ) throws -> Answer {
        start(method, path, body, headers: headers)
        return try answer()
    }

    func start(
        _ method: String,
        _ path: String,
        _ body: String? = nil,
        headers: [String: String] = [:]
    ) {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body {
            text += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
        }
        send(Data((text + "\r\n" + (body ?? "")).utf8))
    }

    func answer() throws -> Answer {
        guard waitForText("\r\n\r\n"), let end = buffer.range(of: Data("\r\n\r\n".utf8)) else {
            throw SkeinError(
                .ioFailure,
                "the connection ended: \(String(decoding: buffer, as: UTF8.self))"
            )
        }
        var answer = Answer()
        let head = String(decoding: buffer[..<end.lowerBound], as: UTF8.self)
            .components(separatedBy: "\r\n")
        answer.status = Int(head[0].split(separator: " ")[1]) ?? 0
        for line in head.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            answer.headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        buffer = Data(buffer[end.upperBound...])
        if let length = answer.headers["content-length"].flatMap(Int.init) {
            while buffer.count < length { guard read() else { break } }
            answer.body = Data(buffer.prefix(length))
            buffer = Data(buffer.dropFirst(length))
        } else if answer.headers["transfer-encoding"] == "chunked" {
            while true {
                while buffer.range(of: Data("\r\n".utf8)) == nil {
                    guard read() else { return answer }
                }
                guard let line = buffer.range(of: Data("\r\n".utf8)) else { return answer }
                let size =
                    Int(String(decoding: buffer[..<line.lowerBound], as: UTF8.self), radix: 16) ?? 0
                buffer = Data(buffer[line.upperBound...])
                while buffer.count < size + 2 { guard read() else { return answer } }
                answer.body += buffer.prefix(size)
                buffer = Data(buffer.dropFirst(size + 2))
                if size == 0 { break }
            }
        }
        return answer
    }
}
