/// A way to serve requests; all run the same kernels on the same weights.
public enum ServingServer: Sendable, Hashable {
    /// One request after the other.
    case fifo
    /// A model instance of its own for every request, on a thread of its own, as they arrive.
    case instances
    /// Static batches of what arrives within so many seconds of the first, each run until its longest
    /// answer is complete.
    case windows(Double)
    /// Requests join and leave the running batch at every token.
    case fused(ServingPool)

    /// The name in tables.
    public var name: String {
        switch self {
        case .fifo: "sequential"
        case .instances: "instances"
        case .windows(let seconds): "window \(ServingReport.fixed(seconds, 2)) s"
        case .fused(.paged): "fused"
        case .fused(let pool): "fused, \(pool.rawValue)"
        }
    }

    /// Which of the waiting requests join a batch.
    ///
    /// - Parameters:
    ///   - waiting: Requests that have arrived, in order.
    ///   - running: How many are running.
    ///   - now: Seconds since the start.
    /// - Returns: How many of the first join now, or when to ask again if nothing else happens.
    func admission(_ waiting: [ServingRequest], running: Int, now: Double) -> Admission {
        guard let first = waiting.first else { return .wait(until: .infinity) }
        switch self {
        case .fifo, .instances: return running == 0 ? .join(1) : .wait(until: .infinity)
        case .windows(let seconds):
            guard running == 0 else { return .wait(until: .infinity) }
            let close = first.arrival + seconds
            return now >= close ? .join(waiting.count) : .wait(until: close)
        case .fused: return .join(waiting.count)
        }
    }

    /// What a server does with waiting requests.
    enum Admission: Hashable {
        case join(Int)
        case wait(until: Double)
    }
}
