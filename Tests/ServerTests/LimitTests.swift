import Foundation
import SkeinCore
import SkeinEngine
import SkeinServer
import Testing

/// What the server takes of one client: bytes, time, requests, connections.
@Suite(.serialized, .ownThreads) struct LimitTests {
    @Test func `headers above the limit are refused`() async throws {
        var options = ServerOptions()
        options.headerLimit = 2048
        let server = try await RunningServer(options)
        let long = try server.client()
        long.start("GET", "/health", headers: ["X-Long": String(repeating: "a", count: 4000)])
        #expect((try? long.answer())?.status ?? 400 == 400)
        #expect(!long.waitForText("\r\n\r\n"), "the connection stays open")
        let many = try server.client()
        let names = (0..<200).map { ("X-\($0)", "some value") }
        many.start("GET", "/health", headers: Dictionary(uniqueKeysWithValues: names))
        #expect((try? many.answer())?.status ?? 400 == 400)
        #expect(try server.client().request("GET", "/health").status == 200)
        await server.stop()
    }

    @Test func `a body that does not come in time ends the connection`() async throws {
        var options = ServerOptions()
        options.bodyTimeout = 0.2
        let server = try await RunningServer(options)
        let client = try server.client()
        let head = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
        client.send(Data((head + #"{"prompt":"#).utf8))
        let start = ContinuousClock.now
        #expect(!client.waitForText("never"))
        #expect(.now - start < .seconds(10))
        #expect(try server.client().request("GET", "/health").status == 200)
        await server.stop()
    }

    @Test func `a connection that says nothing, or never ends its headers, is closed`() async throws
    {
        var options = ServerOptions()
        options.idleTimeout = 0.2
        let server = try await RunningServer(options)
        for text in ["", "GET /health HTTP/1.1\r\nHost: a\r\n"] {
            let client = try server.client()
            client.send(Data(text.utf8))
            let start = ContinuousClock.now
            #expect(!client.waitForText("never"))
            #expect(.now - start < .seconds(10))
        }
        await server.stop()
    }

    @Test(arguments: [false, true])
    func `a request whose time is over says so`(isStreaming: Bool) async throws {
        var options = ServerOptions()
        options.requestTimeout = 0.02
        let server = try await RunningServer(options)
        let answer = try server.client().request(
            "POST",
            "/v1/completions",
            #"{"prompt":"A","max_tokens":1000,"ignore_eos":true,"stream":\#(isStreaming)}"#
        )
        #expect(answer.status == (isStreaming ? 200 : 504))
        #expect(answer.text.contains(#""code":"timeout""#), "\(answer.text.suffix(200))")
        if isStreaming { #expect(answer.events.last == "[DONE]") }
        #expect(try await becomes { server.service.statistics().running == 0 })
        await server.stop()
    }

    @Test func `a caller that asks too often is told to wait, and others are not`() async throws {
        var options = ServerOptions()
        options.requestsPerMinute = 3
        options.apiKeys = ["one", "two"]
        let server = try await RunningServer(options)
        let client = try server.client()
        func ask(_ key: String) throws -> HTTPClient.Answer {
            try client.request(
                "POST",
                "/tokenize",
                #"{"prompt":"a"}"#,
                headers: ["Authorization": "Bearer \(key)"]
            )
        }
        for _ in 0..<3 { #expect(try ask("one").status == 200) }
        let refused = try ask("one")
        #expect(refused.status == 429)
        #expect((1...20).contains(Int(refused.headers["retry-after"] ?? "") ?? 0))
        #expect(refused.text.contains("rate_limit_exceeded"))
        #expect(try ask("two").status == 200)
        let looking = try client.request(
            "GET",
            "/slots",
            headers: ["Authorization": "Bearer one"]
        )
        #expect(looking.status == 200)
        await server.stop()
    }

    @Test func `connections that wait to be taken when it ends are let go`() async throws {
        for _ in 0..<8 {
            let server = try await RunningServer()
            let clients = try (0..<64).map { _ in try server.client() }
            await server.stop()
            #expect(clients.count == 64)
        }
    }

    @Test func `connections above the limit wait for others to end`() async throws {
        var options = ServerOptions()
        options.connectionLimit = 1
        let server = try await RunningServer(options)
        let first = try server.client()
        #expect(try first.request("GET", "/health").status == 200)
        let second = try server.client()
        second.start("GET", "/health")
        let start = ContinuousClock.now
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: 0.2)
            first.close()
        }
        #expect(try second.answer().status == 200)
        #expect(.now - start > .milliseconds(150))
        await server.stop()
    }
}
