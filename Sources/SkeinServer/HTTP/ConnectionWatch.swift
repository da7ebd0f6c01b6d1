internal import NIOCore
internal import Synchronization

/// Tells requests when their connection goes away, so that nobody computes for a client that left.
final class ConnectionWatch: Sendable {
    private struct State {
        var next = 0
        var handlers: [ObjectIdentifier: [Int: @Sendable () -> Void]] = [:]
    }

    private let state = Mutex(State())

    /// Runs `operation`; if the channel closes meanwhile, `onClose` is called once.
    func watch<Value>(
        _ channel: any Channel,
        onClose: @escaping @Sendable () -> Void,
        _ operation: () async throws -> Value
    ) async rethrows -> Value {
        let key = ObjectIdentifier(channel)
        let number = state.withLock { state in
            state.next += 1
            state.handlers[key, default: [:]][state.next] = onClose
            return state.next
        }
        defer {
            state.withLock { state in
                state.handlers[key]?[number] = nil
                if state.handlers[key]?.isEmpty == true { state.handlers[key] = nil }
            }
        }
        if !channel.isActive { onClose() }
        return try await operation()
    }

    fileprivate func closed(_ channel: any Channel) {
        let handlers = state.withLock { state in
            Array((state.handlers.removeValue(forKey: ObjectIdentifier(channel)) ?? [:]).values)
        }
        for handler in handlers { handler() }
    }

    /// A handler for each connection's pipeline.
    func makeHandler() -> ConnectionWatchHandler { ConnectionWatchHandler(self) }
}

/// Sees the end of a connection's input, or of the connection.
final class ConnectionWatchHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any
    private let watch: ConnectionWatch

    init(_ watch: ConnectionWatch) { self.watch = watch }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { watch.closed(context.channel) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        watch.closed(context.channel)
        context.fireChannelInactive()
    }
}
