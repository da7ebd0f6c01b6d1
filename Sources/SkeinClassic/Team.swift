/// A kernel written as phases: every worker runs phase 0, all wait, every worker runs phase 1, and so on.
///
/// Within a phase workers write disjoint memory, so a result depends on the input and on the number of
/// workers, never on timing.
public protocol PhasedKernel {
    /// How many phases there are.
    var phases: Int { get }
    /// How many workers the scratch memory was laid out for.
    var workers: Int { get }
    /// Runs one worker's share of one phase.
    func run(phase: Int, worker: Int)
}

/// Workers that run phased kernels: threads on a server, harts on a chip.
public protocol Team {
    /// How many workers run side by side.
    var workers: Int { get }
    /// Runs all phases of a kernel; returns when the last is done.
    func run<Kernel: PhasedKernel & Sendable>(_ kernel: Kernel)
}

/// One worker that does the shares of all workers one after another.
@frozen
public struct SerialTeam: Team, Sendable {
    /// The number of shares.
    public let workers: Int

    /// Creates a team of one that computes `workers` shares.
    @inlinable
    public init(workers: Int = 1) { self.workers = workers }

    /// Runs every share of every phase, in order.
    @inlinable
    public func run<Kernel: PhasedKernel & Sendable>(_ kernel: Kernel) {
        for phase in 0..<kernel.phases {
            for worker in 0..<kernel.workers { kernel.run(phase: phase, worker: worker) }
        }
    }
}

/// A static, contiguous partition of `0 ..< count`: the part of one worker.
@inlinable
public func share(_ count: Int, worker: Int, of workers: Int) -> Range<Int> {
    let part = (count + workers - 1) / workers
    let low = min(worker * part, count)
    return low..<min(low + part, count)
}
