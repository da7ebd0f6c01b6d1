import Foundation
import SkeinTestSupport
import Testing

/// `skein serve` as its users run it: a process of its own.
@Suite(.ownThreads) struct ServeCommandTests {
    /// The server, its port, and what it wrote.
    final class Served {
        let process = Process()
        let port: Int
        private let log: String

        /// Starts the binary beside the tests; nil, with a word, where it was not built.
        init?(_ arguments: [String]) throws {
            let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            let binary = [folder, Files.root.appending(path: ".build/release")]
                .map { $0.appending(path: "skein") }
                .first { FileManager.default.isExecutableFile(atPath: $0.path) }
            guard let binary else {
                print("skipped: no skein binary beside the tests; swift build makes it")
                return nil
            }
            log = NSTemporaryDirectory() + "skein-serve-\(UUID().uuidString).log"
            try Data().write(to: URL(fileURLWithPath: log))
            port = Int.random(in: 20_000..<60_000)
            process.executableURL = binary
            process.arguments =
                [
                    "serve", "--model", Files.root.appending(path: "Models/stories").path, "--port",
                    "\(port)",
                ] + arguments
            process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
            process.standardOutput = FileHandle.nullDevice
            try process.run()
        }

        deinit {
            if process.isRunning { process.terminate() }
            try? FileManager.default.removeItem(atPath: log)
        }

        /// Waits until the model is loaded and a connection taken.
        func client() async throws -> HTTPClient {
            _ = try await becomes {
                text.contains(#""ready""#) && (try? HTTPClient(port: port)) != nil
            }
            return try HTTPClient(port: port)
        }

        var text: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

        /// Waits until the process ends; false when it does not within ten seconds.
        func ends() async throws -> Bool {
            try await becomes { !process.isRunning }
        }
    }

    private static let body = #"{"prompt":"a secret word","max_tokens":8,"temperature":0}"#

    @Test(arguments: [false, true])
    func `prompts are in the log only when asked for`(isAsked: Bool) async throws {
        guard let served = try Served(isAsked ? ["--log-prompts"] : []) else { return }
        let client = try await served.client()
        #expect(try client.request("POST", "/v1/completions", Self.body).status == 200)
        served.process.terminate()
        #expect(try await served.ends())
        #expect(served.text.contains("/v1/completions"))
        #expect(served.text.contains("a secret word") == isAsked)
    }

    @Test func `a signal to stop lets the running request finish, and takes no other`() async throws
    {
        guard let served = try Served([]) else { return }
        let client = try await served.client()
        let long =
            #"{"prompt":"Who","max_tokens":400,"temperature":0,"ignore_eos":true,"stream":true}"#
        client.start("POST", "/v1/completions", long)
        #expect(client.waitForText("data: "))
        served.process.terminate()
        let answer = try client.answer()
        #expect(answer.status == 200)
        #expect(answer.events.last == "[DONE]", "\(answer.text.suffix(300))")
        client.close()
        #expect(try await served.ends())
        #expect(served.process.terminationStatus == 0)
        #expect(throws: (any Error).self) { try HTTPClient(port: served.port) }
    }

    @Test func `a watcher does not keep the server from ending`() async throws {
        guard let served = try Served([]) else { return }
        let watcher = try await served.client()
        watcher.start("GET", "/steps")
        #expect(watcher.waitForText("\r\n\r\n"))
        served.process.terminate()
        #expect(try await served.ends())
        #expect(served.process.terminationStatus == 0)
    }

    @Test func `browsers may call from named origins alone`() async throws {
        guard let served = try Served(["--cors-origin", "https://one.example"]) else { return }
        let client = try await served.client()
        for (origin, allowed) in [
            ("https://one.example", "https://one.example"), ("https://two.example", nil),
        ] as [(String, String?)] {
            let answer = try client.request("GET", "/v1/models", headers: ["Origin": origin])
            #expect(answer.status == 200)
            #expect(answer.headers["access-control-allow-origin"] == allowed)
            let preflight = try client.request(
                "OPTIONS",
                "/v1/chat/completions",
                headers: ["Origin": origin, "Access-Control-Request-Method": "POST"]
            )
            #expect(preflight.headers["access-control-allow-origin"] == allowed)
            #expect(
                (preflight.headers["access-control-allow-headers"] ?? "").contains("authorization")
                    == (allowed != nil)
            )
        }
    }

    @Test func `a certificate makes it speak TLS`() async throws {
        let folder = NSTemporaryDirectory() + "skein-tls-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func run(_ name: String, _ arguments: [String]) throws -> String? {
            let path = "/usr/bin/" + name
            guard FileManager.default.isExecutableFile(atPath: path) else {
                print("skipped: no \(name) on this machine")
                return nil
            }
            let (process, pipe) = (Process(), Pipe())
            process.executableURL = URL(fileURLWithPath: path)
            process.arguments = arguments
            process.standardOutput = pipe
            process.standardError = FileHandle.nullDevice
            try process.run()
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return String(decoding: data, as: UTF8.self)
        }
        let (key, certificate) = (folder + "/key.pem", folder + "/certificate.pem")
        guard
            try run(
                "openssl",
                [
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key,
                    "-out", certificate,
                ]
            ) != nil,
            let served = try Served(["--tls-cert", certificate, "--tls-key", key])
        else { return }
        _ = try await served.client()
        let url = "https://localhost:\(served.port)/health"
        guard
            let answer = try run(
                "curl",
                ["-s", "-i", "--max-time", "10", "--cacert", certificate, url]
            )
        else { return }
        #expect(answer.contains("200"), "\(answer)")
        // Without TLS nothing is said, and a name that is not in the certificate is not trusted.
        let plain = "http://localhost:\(served.port)/health"
        #expect(try run("curl", ["-s", "--max-time", "10", plain]) == "")
        let other = "https://127.0.0.1:\(served.port)/health"
        #expect(try run("curl", ["-s", "--max-time", "10", "--cacert", certificate, other]) == "")
    }
}
