import Foundation
import SkeinCore
import Testing

/// Guessing ahead as clients see it: the same answers, other counts.
@Suite(.serialized, .ownThreads) struct DraftServingTests {
    static let prompt =
        "One day the goose went to the pond. One day the goose went to the pond. One day the"

    /// What all requests here say beside `fields`.
    static func ask(
        _ client: HTTPClient,
        _ fields: String,
        drafts: Int,
        id: String = "anything"
    ) throws -> HTTPClient.Answer {
        try client.request(
            "POST",
            "/v1/completions",
            #"{"prompt":"\#(prompt)","speculative.n_max":\#(drafts),\#(fields)}"#,
            headers: ["X-Request-Id": id]
        )
    }

    @Test func `answers, scores and stops are those without guesses`() async throws {
        let server = try await RunningServer()
        let client = try server.client()
        var accepted = 0
        let greedy = #""temperature":0,"max_tokens":80,"logprobs":2"#
        let text = try Self.ask(client, greedy, drafts: 0).json()["choices"]?.array?[0]["text"]?
            .string
        let stop = String(try #require(text).dropFirst(30).prefix(9))
        for fields in [
            greedy, #""temperature":0.5,"seed":3,"max_tokens":80,"logprobs":1,"echo":true"#,
            greedy + #","stop":"\#(stop)""#, greedy + #","n":2,"return_tokens":true"#,
            #""temperature":0,"max_tokens":40,"guided_regex":"(one day the ){15}""#,
        ] {
            let plain = try Self.ask(client, fields, drafts: 0).json()
            let drafted = try Self.ask(client, fields, drafts: 8).json()
            #expect(drafted["choices"] == plain["choices"])
            #expect(plain["choices"]?.array?.isEmpty == false)
            let details = drafted["usage"]?["completion_tokens_details"]
            accepted += details?["accepted_prediction_tokens"]?.int ?? 0
            let stream = try Self.ask(client, fields + #","stream":true"#, drafts: 8).events
            #expect(stream.last == "[DONE]")
            let first = try stream.dropLast().map { try JSON(parsing: Array($0.utf8)) }
                .compactMap { $0["choices"]?.array?.first }
                .filter { $0["index"]?.int == 0 }
            let whole = plain["choices"]?.array?[0]
            #expect(first.compactMap { $0["text"]?.string }.joined() == whole?["text"]?.string)
            let scores = first.flatMap { $0["logprobs"]?["token_logprobs"]?.array ?? [] }
            #expect(scores == whole?["logprobs"]?["token_logprobs"]?.array ?? [])
        }
        #expect(accepted > 10)
        await server.stop()
    }

    @Test func `a score for the end token comes with an echo`() async throws {
        let server = try await RunningServer()
        let client = try server.client()
        let ending = try client.request(
            "POST",
            "/v1/completions",
            #"{"prompt":"There was once a","temperature":0,"max_tokens":900,"return_tokens":true}"#
        ).json()
        let choice = try #require(ending["choices"]?.array?[0])
        #expect(choice["finish_reason"]?.string == "stop")
        let begin = try client.request(
            "POST",
            "/tokenize",
            #"{"prompt":"There was once a"}"#
        ).json()
        let ids = (begin["tokens"]?.array ?? []) + (choice["tokens"]?.array ?? [])
        let echo = try client.request(
            "POST",
            "/v1/completions",
            #"{"prompt":\#(JSON.array(ids).text()),"max_tokens":1,"echo":true,"logprobs":1,"temperature":0}"#
        ).json()["choices"]?.array?[0]
        #expect(echo?["finish_reason"]?.string == "stop")
        let scores = echo?["logprobs"]?["token_logprobs"]?.array ?? []
        #expect(scores.count == ids.count + 1)
        #expect(scores.last?.double ?? -100 > -3)
        await server.stop()
    }

    @Test func `a watcher sees tokens of requests it can name, and of no others`() async throws {
        let server = try await RunningServer()
        let client = try server.client()
        let watcher = try server.client()
        watcher.start("GET", "/steps?show=mine-0123")
        #expect(watcher.waitForText("\r\n\r\n"))
        // A text that repeats itself, because it must.
        let fields = #""temperature":0,"max_tokens":60,"guided_regex":"(one day the ){15}""#
        _ = try Self.ask(client, fields, drafts: 8, id: "other-123")
        _ = try Self.ask(client, fields, drafts: 8, id: "mine-0123-1")
        #expect(watcher.waitForText(#""kind":"accepted""#))
        #expect(watcher.waitForText(#""texts""#))
        // The other's steps came first.
        let seen = watcher.received
        let before = seen.prefix(upTo: try #require(seen.range(of: #""texts""#)).lowerBound)
        #expect(before.contains(#""drafted":"#))
        #expect(try client.request("GET", "/steps?show=short").status == 400)
        await server.stop()
    }
}
