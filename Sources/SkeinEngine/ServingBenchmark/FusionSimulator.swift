/// The fused scheduler alone, on a virtual clock: every iteration takes the same time, gives each active
/// request one token, and at most one waiting request joins before it.
///
/// - Paper: Yao et al. 2023, arXiv:2305.13484, its experiment with Poisson arrivals.
public struct FusionSimulator: Sendable {
    /// What a run amounted to.
    public struct Outcome: Sendable, Hashable {
        /// Iterations with anything to do.
        public var iterations: Int
        /// Active requests, averaged over those iterations.
        public var meanActive: Double
        /// When each request was done, in iterations.
        public var finishes: [Double]
    }

    /// Creates a simulator.
    public init() {}

    /// Runs requests to completion.
    ///
    /// - Parameters:
    ///   - arrivals: When requests arrive, ascending, in iterations.
    ///   - lengths: Iterations that each needs, at least 1.
    /// - Returns: What the run amounted to.
    /// - Precondition: One length for each arrival.
    /// - Complexity: O(iterations · active).
    public func run(arrivals: [Double], lengths: [Int]) -> Outcome {
        precondition(
            arrivals.count == lengths.count,
            "\(arrivals.count) arrivals, \(lengths.count) lengths"
        )
        var finishes = [Double](repeating: 0, count: arrivals.count)
        var active: [(request: Int, left: Int)] = []
        var next = 0
        var clock = 0.0
        var iterations = 0
        var sum = 0
        while next < arrivals.count || !active.isEmpty {
            if active.isEmpty, next < arrivals.count { clock = max(clock, arrivals[next]) }
            if next < arrivals.count, arrivals[next] <= clock {
                active.append((next, lengths[next]))
                next += 1
            }
            clock += 1
            iterations += 1
            sum += active.count
            for index in active.indices {
                active[index].left -= 1
                if active[index].left <= 0 { finishes[active[index].request] = clock }
            }
            active.removeAll { $0.left <= 0 }
        }
        return Outcome(
            iterations: iterations,
            meanActive: iterations > 0 ? Double(sum) / Double(iterations) : 0,
            finishes: finishes
        )
    }
}
