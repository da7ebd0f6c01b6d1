internal import Dispatch
internal import SkeinCore
internal import Synchronization

/// What a service's callers and its thread leave for each other.
final class ServiceBoard: Sendable {
    /// A request on its way to the engine.
    struct Arrival: Sendable {
        let number: UInt64
        let request: GenerationRequest
        let sink: GenerationSink
        let time: ContinuousClock.Instant
    }

    /// What callers left since the thread last looked.
    struct Mail: Sendable {
        var arrivals: [Arrival] = []
        var cancelled: [UInt64] = []
        var isStopping = false
    }

    private struct Desk: Sendable {
        var mail = Mail()
        var next: UInt64 = 1
        /// Requests that were submitted and have not ended.
        var open = 0
        /// Requests that were submitted and have no slot yet.
        var waiting = 0
        var isDraining = false
        var drainers: [CheckedContinuation<Void, Never>] = []
        var statistics = EngineStatistics()
        var slots: [SlotReport] = []
        var observers: [UInt64: AsyncStream<StepReport>.Continuation] = [:]
    }

    private let desk = Mutex(Desk())
    private let wake = DispatchSemaphore(value: 0)

    // MARK: - Callers

    func submit(_ request: GenerationRequest, queueLimit: Int) throws -> GenerationStream {
        let (stream, isFirst) = try desk.withLock { desk in
            guard !desk.isDraining, !desk.mail.isStopping else {
                throw SkeinError(.unavailable, "the service is ending and takes no new requests")
            }
            guard desk.waiting < queueLimit else {
                throw SkeinError(
                    .overloaded,
                    "\(desk.waiting) requests wait, the queue holds \(queueLimit)",
                    hint: "try again later"
                )
            }
            let number = desk.next
            desk.next += 1
            let (stream, sink) = GenerationStream.make(number: number) { [weak self] in
                self?.cancel(number)
            }
            desk.open += 1
            desk.waiting += 1
            desk.mail.arrivals.append(
                Arrival(number: number, request: request, sink: sink, time: .now)
            )
            return (stream, desk.mail.arrivals.count == 1)
        }
        if isFirst { wake.signal() }
        return stream
    }

    func cancel(_ number: UInt64) {
        desk.withLock { $0.mail.cancelled.append(number) }
        wake.signal()
    }

    func stop() {
        desk.withLock { $0.mail.isStopping = true }
        wake.signal()
    }

    func drain() async {
        await withCheckedContinuation { continuation in
            let isDone = desk.withLock { desk in
                desk.isDraining = true
                guard desk.open > 0, !desk.mail.isStopping else { return true }
                desk.drainers.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    func observe() -> AsyncStream<StepReport> {
        let (stream, continuation) = AsyncStream<StepReport>.makeStream(
            bufferingPolicy: .bufferingNewest(64)
        )
        let number = desk.withLock { desk in
            let number = desk.next
            desk.next += 1
            desk.observers[number] = continuation
            return number
        }
        continuation.onTermination = { [weak self] _ in
            self?.desk.withLock { _ = $0.observers.removeValue(forKey: number) }
        }
        return stream
    }

    var statistics: EngineStatistics { desk.withLock { $0.statistics } }
    var slots: [SlotReport] { desk.withLock { $0.slots } }

    // MARK: - The service's thread

    /// Sleeps until a caller leaves something, or for so many milliseconds.
    func sleep(milliseconds: Int?) {
        if let milliseconds {
            _ = wake.wait(timeout: .now() + .milliseconds(milliseconds))
        } else {
            wake.wait()
        }
    }

    func takeMail() -> Mail {
        desk.withLock { desk in
            defer {
                desk.mail.arrivals = []
                desk.mail.cancelled = []
            }
            return desk.mail
        }
    }

    func wasStarted() { desk.withLock { $0.waiting -= 1 } }

    func hasEnded(wasWaiting: Bool) {
        let drainers = desk.withLock { desk in
            desk.open -= 1
            if wasWaiting { desk.waiting -= 1 }
            guard desk.open == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { desk.drainers = [] }
            return desk.drainers
        }
        for drainer in drainers { drainer.resume() }
    }

    func publish(_ statistics: EngineStatistics, _ slots: [SlotReport]?) {
        desk.withLock { desk in
            desk.statistics = statistics
            if let slots { desk.slots = slots }
        }
    }

    /// Whether somebody watches steps.
    var isObserved: Bool { desk.withLock { !$0.observers.isEmpty } }

    func publish(_ step: StepReport) {
        let observers = desk.withLock { Array($0.observers.values) }
        for observer in observers { observer.yield(step) }
    }

    func close() {
        let (observers, drainers) = desk.withLock { desk in
            defer { desk.drainers = [] }
            return (Array(desk.observers.values), desk.drainers)
        }
        for observer in observers { observer.finish() }
        for drainer in drainers { drainer.resume() }
    }
}
