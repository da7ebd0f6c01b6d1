internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import SkeinCore

/// Server-sent events, framed as OpenAI frames them: `data: …` and an empty line, at last `[DONE]`.
enum EventStream {
    /// How long a silent stream waits before it says that it is still there.
    static let keepAlive = Duration.seconds(15)

    /// Headers of every event stream.
    static var headers: HTTPFields {
        [
            .contentType: "text/event-stream; charset=utf-8",
            .cacheControl: "no-cache",
            .connection: "keep-alive",
            HTTPField.Name("x-accel-buffering") ?? .cacheControl: "no",
        ]
    }

    /// One event.
    static func frame(_ value: JSON, event: String? = nil) -> ByteBuffer {
        frame(text: value.text(), event: event)
    }

    /// One event of text that holds no line breaks.
    static func frame(text: String, event: String? = nil) -> ByteBuffer {
        ByteBuffer(string: (event.map { "event: \($0)\n" } ?? "") + "data: \(text)\n\n")
    }

    /// The end of a stream.
    static var done: ByteBuffer { ByteBuffer(string: "data: [DONE]\n\n") }

    /// What keeps intermediaries from closing a silent connection.
    static var comment: ByteBuffer { ByteBuffer(string: ": waiting\n\n") }

    /// A response whose body is written event by event.
    ///
    /// - Parameter produce: Yields frames; an error becomes a last event.
    /// - Returns: The response, its body not yet begun.
    static func response(
        _ produce: @escaping @Sendable (Sender) async throws -> Void
    ) -> Response {
        Response(
            status: .ok,
            headers: headers,
            body: ResponseBody { writer in
                let (frames, sink) = AsyncStream<ByteBuffer>.makeStream()
                let sender = Sender(sink)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        defer { sink.finish() }
                        do {
                            try await produce(sender)
                        } catch is CancellationError {
                        } catch {
                            sender.sendNow(frame(APIError(error).json))
                            sender.sendNow(done)
                        }
                    }
                    group.addTask {
                        while !Task.isCancelled {
                            try? await Task.sleep(for: keepAlive)
                            if !Task.isCancelled, sender.wasSilent() { sender.sendNow(comment) }
                        }
                    }
                    for await buffer in frames {
                        try await writer.write(buffer)
                        sender.wasWritten()
                    }
                    group.cancelAll()
                }
                try await writer.finish(nil)
            }
        )
    }
}
