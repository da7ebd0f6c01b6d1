internal import Synchronization

/// The events of one request as they happen.
///
/// Dropping the stream, or cancelling the task that reads it, cancels the request. A reader that lags
/// pauses it: the engine runs no further rows for a request whose events pile up unread.
public struct GenerationStream: AsyncSequence, Sendable {
    /// An event.
    public typealias Element = GenerationEvent

    /// The service's number for the request.
    public let number: UInt64
    private let events: AsyncStream<GenerationEvent>
    private let sink: GenerationSink

    /// Creates a stream and the end that feeds it.
    static func make(
        number: UInt64,
        onCancel: @escaping @Sendable () -> Void
    ) -> (GenerationStream, GenerationSink) {
        let (events, continuation) = AsyncStream<GenerationEvent>.makeStream()
        continuation.onTermination = { reason in
            if case .cancelled = reason { onCancel() }
        }
        let sink = GenerationSink(continuation)
        return (GenerationStream(number: number, events: events, sink: sink), sink)
    }

    /// Reads events one by one.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var base: AsyncStream<GenerationEvent>.Iterator
        fileprivate let sink: GenerationSink

        /// The next event, or `nil` after the last.
        public mutating func next() async -> GenerationEvent? {
            await next(isolation: #isolation)
        }

        /// The next event, or `nil` after the last.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> GenerationEvent?
        {
            let event = await base.next(isolation: actor)
            if event != nil { sink.wasRead() }
            return event
        }
    }

    /// Starts reading; a stream is read once.
    public func makeAsyncIterator() -> Iterator {
        Iterator(base: events.makeAsyncIterator(), sink: sink)
    }
}

/// The engine's end of a stream.
final class GenerationSink: Sendable {
    /// How many unread events pause a request.
    private static let lagLimit = 256

    private let continuation: AsyncStream<GenerationEvent>.Continuation
    private let unread = Atomic<Int>(0)

    init(_ continuation: AsyncStream<GenerationEvent>.Continuation) {
        self.continuation = continuation
    }

    /// Whether the reader is so far behind that the request should wait.
    var isLagging: Bool { unread.load(ordering: .relaxed) > Self.lagLimit }

    func send(_ event: GenerationEvent) {
        unread.wrappingAdd(1, ordering: .relaxed)
        continuation.yield(event)
        if case .finished = event { continuation.finish() }
    }

    func wasRead() { unread.wrappingSubtract(1, ordering: .relaxed) }
}
