internal import CSkeinKernels
internal import Foundation
internal import Synchronization

/// Worker threads that claim the tasks of one fork-join at a time.
///
/// Workers spin briefly between jobs and then sleep. Tasks are claimed dynamically, so results must not
/// depend on who computes a task. A job is done when its tasks are; a worker that wakes late finds
/// nothing left to claim and delays nobody.
public final class ThreadPool: Sendable {
    /// One fork-join.
    private final class Job: Sendable {
        let tasks: Int
        let body: @Sendable (Int) -> Void
        let next = Atomic<Int>(0)
        let finished = Atomic<Int>(0)

        init(tasks: Int, body: @escaping @Sendable (Int) -> Void) {
            self.tasks = tasks
            self.body = body
        }

        /// Claims and runs tasks until none is left.
        func work() {
            while true {
                let task = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard task < tasks else { return }
                body(task)
                finished.wrappingAdd(1, ordering: .releasing)
            }
        }
    }

    /// What workers share; they hold this, not the pool, so that the pool can end them.
    private final class Shared: Sendable {
        let epoch = Atomic<Int>(0)
        let isEnding = Atomic<Bool>(false)
        let sleepers = Atomic<Int>(0)
        let job = Mutex<Job?>(nil)
        let wake = DispatchSemaphore(value: 0)

        /// The loop of one worker.
        func serve() {
            var seen = 0
            while !isEnding.load(ordering: .acquiring) {
                var spins = 0
                while epoch.load(ordering: .acquiring) == seen, spins < ThreadPool.spinLimit {
                    sk_pause()
                    spins += 1
                }
                if epoch.load(ordering: .acquiring) == seen {
                    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
                    if epoch.load(ordering: .sequentiallyConsistent) == seen { wake.wait() }
                    sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                }
                seen = epoch.load(ordering: .acquiring)
                job.withLock { $0 }?.work()
            }
        }
    }

    /// How many times an idle worker looks again before it sleeps; about 50 µs.
    private static let spinLimit = 3000

    /// The number of threads that work, the caller included.
    public let threads: Int
    private let shared = Shared()
    private let caller = Mutex<Void>(())

    /// Starts `threads - 1` workers.
    ///
    /// - Parameter threads: The number of threads including the caller's; at least 1.
    public init(threads: Int) {
        self.threads = max(threads, 1)
        for number in 1..<max(threads, 1) where threads > 1 {
            let shared = shared
            let thread = Thread { shared.serve() }
            thread.name = "skein-\(number)"
            thread.start()
        }
    }

    deinit {
        shared.isEnding.store(true, ordering: .releasing)
        shared.epoch.wrappingAdd(1, ordering: .releasing)
        for _ in 1..<max(threads, 2) { shared.wake.signal() }
    }

    /// Runs `body(0) … body(tasks - 1)`, each once, on all threads; returns when all are done.
    ///
    /// - Parameters:
    ///   - tasks: The number of tasks.
    ///   - body: The work of one task; it must not call the pool again.
    public func run(tasks: Int, _ body: @escaping @Sendable (Int) -> Void) {
        guard tasks > 1, threads > 1 else {
            for task in 0..<max(tasks, 0) { body(task) }
            return
        }
        caller.withLock { _ in
            let job = Job(tasks: tasks, body: body)
            shared.job.withLock { $0 = job }
            shared.epoch.wrappingAdd(1, ordering: .sequentiallyConsistent)
            let sleeping = shared.sleepers.load(ordering: .sequentiallyConsistent)
            for _ in 0..<min(sleeping, tasks - 1) { shared.wake.signal() }
            job.work()
            var spins = 0
            while job.finished.load(ordering: .acquiring) < tasks {
                sk_pause()
                spins += 1
                if spins > Self.spinLimit { sched_yield() }
            }
            shared.job.withLock { $0 = nil }
        }
    }

    /// Splits `0 ..< count` into ranges of about `grain` and runs them on all threads.
    ///
    /// - Parameters:
    ///   - count: The number of items.
    ///   - grain: The fewest items worth a task of their own.
    ///   - body: The work of one range.
    public func run(count: Int, grain: Int, _ body: @escaping @Sendable (Range<Int>) -> Void) {
        let tasks = min((count + grain - 1) / max(grain, 1), threads * 4)
        guard tasks > 1, threads > 1 else {
            if count > 0 { body(0..<count) }
            return
        }
        run(tasks: tasks) { task in
            body(count * task / tasks..<count * (task + 1) / tasks)
        }
    }
}
