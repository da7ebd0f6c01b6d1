internal import NIOCore
internal import Synchronization

/// The writing end of an event stream; writers wait for a reader that lags.
final class Sender: Sendable {
    /// How many frames may lie unread.
    private static let limit = 64

    private let sink: AsyncStream<ByteBuffer>.Continuation
    private let unread = Atomic<Int>(0)
    private let sent = Atomic<Int>(0)
    private let seen = Atomic<Int>(0)

    init(_ sink: AsyncStream<ByteBuffer>.Continuation) { self.sink = sink }

    func send(_ frame: ByteBuffer) async throws {
        while unread.load(ordering: .relaxed) > Self.limit {
            try await Task.sleep(for: .milliseconds(5))
        }
        sendNow(frame)
    }

    /// Sends without waiting.
    func sendNow(_ frame: ByteBuffer) {
        unread.wrappingAdd(1, ordering: .relaxed)
        sent.wrappingAdd(1, ordering: .relaxed)
        sink.yield(frame)
    }

    func wasWritten() { unread.wrappingSubtract(1, ordering: .relaxed) }

    /// Whether nothing was sent since the last call.
    func wasSilent() -> Bool {
        let now = sent.load(ordering: .relaxed)
        return seen.exchange(now, ordering: .relaxed) == now
    }
}
