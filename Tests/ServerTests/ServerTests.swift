import Foundation
import SkeinCore
import SkeinDecoding
import SkeinEngine
import SkeinModels
import SkeinServer
import SkeinTensor
import SkeinTestSupport
import SkeinText
import Testing

/// What a client sees on the wire.
@Suite(.serialized, .ownThreads) struct ServerTests {
    static let prompt = #""prompt":"There was once a","temperature":0"#

    @Test func `a completion is the model's greedy continuation`() async throws {
        let server = try await RunningServer()
        let client = try server.client()
        let answer = try client.request(
            "POST",
            "/v1/completions",
            "{\(Self.prompt),\"max_tokens\":12}"
        )
        #expect(answer.status == 200)
        let json = try answer.json()
        #expect(json["object"]?.string == "text_completion")
        let path = Files.root.appending(path: "Models/stories").path
        let golden = try MappedFile(path: path + "/golden.json").json()
        func ids(_ key: String) -> [Int32] {
            (golden[key]?.array ?? []).compactMap { $0.int.map(Int32.init) }
        }
        let expected = try TokenizerLoader.load(path).decode(Array(ids("greedy_ids").prefix(12)))
        #expect(json["choices"]?.array?[0]["text"]?.string == expected)
        #expect(json["choices"]?.array?[0]["finish_reason"]?.string == "length")
        #expect(json["usage"]?["completion_tokens"]?.int == 12)
        #expect(json["usage"]?["prompt_tokens"]?.int == ids("prompt_ids").count)
        // The same connection again: keep-alive, and now the prompt is remembered.
        let again = try client.request(
            "POST",
            "/v1/completions",
            "{\(Self.prompt),\"max_tokens\":12}"
        )
        #expect(try again.json()["choices"] == json["choices"])
        #expect(
            try again.json()["usage"]?["prompt_tokens_details"]?["cached_tokens"]?.int
                == ids("prompt_ids").count - 1
        )
        await server.stop()
    }

    @Test func `a stream is framed to the letter and says what the whole says`() async throws {
        let server = try await RunningServer()
        let client = try server.client()
        let body = "\"messages\":[{\"role\":\"user\",\"content\":\"geese\"}],\"temperature\":0"
        let whole = try client.request("POST", "/v1/chat/completions", "{\(body)}").json()
        let stream = try client.request(
            "POST",
            "/v1/chat/completions",
            "{\(body),\"stream\":true,\"stream_options\":{\"include_usage\":true}}"
        )
        #expect(stream.headers["content-type"]?.hasPrefix("text/event-stream") == true)
        #expect(stream.events.last == "[DONE]")
        let chunks = try stream.events.dropLast().map { try JSON(parsing: Array($0.utf8)) }
        #expect(chunks.first?["choices"]?.array?[0]["delta"]?["role"]?.string == "assistant")
        let text = chunks.compactMap {
            $0["choices"]?.array?.first?["delta"]?["content"]?.string
        }.joined()
        #expect(text == whole["choices"]?.array?[0]["message"]?["content"]?.string)
        #expect(!text.isEmpty)
        let reasons = chunks.compactMap { $0["choices"]?.array?.first?["finish_reason"]?.string }
        #expect(reasons == [whole["choices"]?.array?[0]["finish_reason"]?.string])
        #expect(chunks.last?["choices"] == .array([]))
        #expect(
            chunks.last?["usage"]?["completion_tokens"] == whole["usage"]?["completion_tokens"]
        )
        for chunk in chunks { #expect(chunk["id"] == chunks[0]["id"]) }
        await server.stop()
    }

    @Test(arguments: [
        ("POST", "/v1/completions", "{", 400, "not JSON"),
        ("POST", "/v1/completions", "[]", 400, "expected an object"),
        ("POST", "/v1/completions", "{}", 400, "prompt is missing"),
        ("POST", "/v1/completions", #"{"prompt":5}"#, 400, "prompt"),
        ("POST", "/v1/completions", #"{"prompt":"a","max_tokens":"x"}"#, 400, "max_tokens"),
        ("POST", "/v1/completions", #"{"prompt":"a","temperature":-1}"#, 400, "temperature"),
        ("POST", "/v1/completions", #"{"prompt":[99999]}"#, 400, "99999"),
        ("POST", "/v1/completions", #"{"prompt":"a","model":"other"}"#, 404, "stories"),
        ("POST", "/v1/chat/completions", #"{"messages":[]}"#, 400, "messages"),
        (
            "POST", "/v1/chat/completions", #"{"messages":[{"role":"pope","content":""}]}"#, 400,
            "role"
        ),
        (
            "POST", "/v1/chat/completions",
            #"{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#, 400, "image_url"
        ),
        (
            "POST", "/v1/chat/completions",
            #"{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"xml"}}"#, 400,
            "response_format"
        ),
        ("POST", "/v1/embeddings", #"{"input":"a"}"#, 404, "embedding"),
        ("POST", "/detokenize", #"{"tokens":[-4]}"#, 400, "-4"),
        ("GET", "/nowhere", "", 404, "nothing"),
        ("DELETE", "/v1/models", "", 404, "nothing"),
    ])
    func `a wrong request gets OpenAI's error object`(
        _ method: String,
        _ path: String,
        _ body: String,
        _ status: Int,
        _ part: String
    ) async throws {
        let server = try await RunningServer()
        let answer = try server.client().request(method, path, body)
        #expect(answer.status == status, "\(answer.text)")
        let error = try answer.json()["error"]
        #expect(error?["message"]?.string?.contains(part) == true, "\(answer.text)")
        #expect(error?["type"]?.string?.hasSuffix("_error") == true)
        await server.stop()
    }

    @Test func `a client that leaves ends its request`() async throws {
        let server = try await RunningServer { options in
            options.engine.slotLimit = 1
        }
        for isStreaming in [true, false] {
            let client = try server.client()
            let body =
                "{\(Self.prompt),\"max_tokens\":240,\"ignore_eos\":true,\"stream\":\(isStreaming)}"
            // Requests that keep the engine busy long enough to be seen there.
            for _ in 0..<40 { client.start("POST", "/v1/completions", body) }
            if isStreaming {
                #expect(client.waitForText("data: "))
            } else {
                #expect(try await becomes { server.service.statistics().running > 0 })
            }
            client.close()
            #expect(
                try await becomes {
                    let now = server.service.statistics()
                    return now.running == 0 && now.waiting == 0
                        && now.finished[.cancelled, default: 0] > (isStreaming ? 0 : 1)
                }
            )
        }
        await server.stop()
    }

    @Test func `keys are asked for and compared`() async throws {
        var options = ServerOptions()
        options.apiKeys = ["first", "second"]
        let server = try await RunningServer(options)
        let client = try server.client()
        for (key, status) in [
            (nil, 401), ("firs", 401), ("firstx", 401), ("", 401), ("first", 200), ("second", 200),
        ] as [(String?, Int)] {
            let headers = key.map { ["Authorization": "Bearer \($0)"] } ?? [:]
            #expect(try client.request("GET", "/v1/models", headers: headers).status == status)
        }
        #expect(try client.request("GET", "/health").status == 200)
        await server.stop()
    }

    @Test func `bodies above the limit are refused`() async throws {
        var options = ServerOptions()
        options.bodyLimit = 1000
        let server = try await RunningServer(options)
        let body = #"{"prompt":"\#(String(repeating: "a", count: 2000))"}"#
        #expect(try server.client().request("POST", "/v1/completions", body).status == 413)
        #expect(try server.client().request("GET", "/health").status == 200)
        await server.stop()
    }

    @Test func `a full queue answers 429 and says when to come back`() async throws {
        let server = try await RunningServer { options in
            options.engine.slotLimit = 1
            options.queueLimit = 0
        }
        let answer = try server.client().request("POST", "/v1/completions", "{\(Self.prompt)}")
        #expect(answer.status == 429)
        #expect(answer.headers["retry-after"] == "1")
        await server.stop()
    }

    @Test func `a schema binds the answer`() async throws {
        let server = try await RunningServer()
        let schema = """
            {"type":"object","properties":{"bird":{"enum":["goose","duck"]},"count":{"type":"integer",
            "minimum":1,"maximum":9}},"required":["bird","count"],"additionalProperties":false}
            """
        for seed in 0..<8 {
            let answer = try server.client().request(
                "POST",
                "/v1/chat/completions",
                """
                {"messages":[{"role":"user","content":"a"}],"seed":\(seed),"max_tokens":200,
                "response_format":{"type":"json_schema","json_schema":{"name":"b","schema":\(schema)}}}
                """
            )
            let content =
                try answer.json()["choices"]?.array?[0]["message"]?["content"]?.string ?? ""
            let value = try JSON(parsing: Array(content.utf8))
            #expect(["goose", "duck"].contains(value["bird"]?.string), "\(content)")
            #expect((1...9).contains(value["count"]?.int ?? 0), "\(content)")
        }
        await server.stop()
    }

    @Test func `a demanded call is a call`() async throws {
        let server = try await RunningServer()
        let answer = try server.client().request(
            "POST",
            "/v1/chat/completions",
            """
            {"messages":[{"role":"user","content":"a"}],"max_tokens":200,"temperature":0,
            "tool_choice":"required","tools":[{"type":"function","function":{"name":"fly",
            "parameters":{"type":"object","properties":{"to":{"const":"south"}},"required":["to"],
            "additionalProperties":false}}}]}
            """
        )
        let choice = try answer.json()["choices"]?.array?[0]
        let call = choice?["message"]?["tool_calls"]?.array?.first
        #expect(call?["function"]?["name"]?.string == "fly", "\(answer.text)")
        let arguments = call?["function"]?["arguments"]?.string ?? ""
        #expect(try JSON(parsing: Array(arguments.utf8))["to"]?.string == "south")
        #expect(choice?["finish_reason"]?.string == "tool_calls")
        await server.stop()
    }

    @Test func `many at once get what each gets alone`() async throws {
        let server = try await RunningServer()
        let port = server.port
        @Sendable func ask(_ number: Int) throws -> JSON? {
            try HTTPClient(port: port).request(
                "POST",
                "/v1/completions",
                "{\"prompt\":\"The \(number)\",\"seed\":\(number),\"max_tokens\":20}"
            ).json()["choices"]
        }
        let alone = try (0..<24).map(ask)
        let together = try await withThrowingTaskGroup(of: (Int, JSON?).self) { group in
            for number in 0..<24 {
                group.addTask {
                    try await withCheckedThrowingContinuation { continuation in
                        Thread.detachNewThread {
                            continuation.resume(with: Result { (number, try ask(number)) })
                        }
                    }
                }
            }
            var answers = [JSON?](repeating: nil, count: 24)
            for try await (number, answer) in group { answers[number] = answer }
            return answers
        }
        #expect(together == alone)
        await server.stop()
    }

    @Test func `the description lists the routes, all of them and no more`() throws {
        let listed = ServerRoutes.described
        #expect(listed == ServerRoutes.served)
        #expect(listed.count > 10)
    }

    @Test func `metrics count what happened`() async throws {
        let server = try await RunningServer()
        let client = try server.client()
        _ = try client.request("POST", "/v1/completions", "{\(Self.prompt),\"max_tokens\":7}")
        let text = try client.request("GET", "/metrics").text
        #expect(text.contains("skein:generation_tokens_total{model_name=\"stories\"} 7"))
        #expect(text.contains("skein:time_to_first_token_seconds_count 1"))
        #expect(text.contains("skein:inter_token_latency_seconds_count 6"))
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            #expect(Double(line.split(separator: " ").last ?? "") != nil, "\(line)")
        }
        await server.stop()
    }
}
