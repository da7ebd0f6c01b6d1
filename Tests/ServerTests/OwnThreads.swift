import Dispatch
import Testing

/// Threads of these tests' own: other suites hold the shared ones for a minute, and whoever waits for one
/// of them waits as long.
final class OwnThreads: TaskExecutor {
    static let shared = OwnThreads()
    private let queue = DispatchQueue(label: "server tests", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// Runs every test of a suite on `OwnThreads`.
struct RunsOnOwnThreads: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(OwnThreads.shared) { try await function() }
    }
}

extension Trait where Self == RunsOnOwnThreads {
    static var ownThreads: Self { Self() }
}

/// Waits until something is so; false when it is not within ten seconds.
func becomes(_ condition: () -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(10)
    while !condition() {
        guard .now < end else { return false }
        try await Task.sleep(for: .milliseconds(2))
    }
    return true
}
