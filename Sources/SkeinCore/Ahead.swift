internal import Foundation
internal import Synchronization

/// Work that runs on a thread of its own while its owner does something else first.
public final class Ahead<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    /// Begins the work.
    ///
    /// - Parameter body: The work; it ends even when nobody asks for its value.
    public init(_ body: @escaping @Sendable () throws -> Value) {
        Thread.detachNewThread {
            let result = Result { try body() }
            self.result.withLock { $0 = result }
            self.done.signal()
        }
    }

    /// Waits for the work to end.
    ///
    /// - Throws: What the work throws.
    public func value() throws -> Value {
        while true {
            if let result = result.withLock({ $0 }) { return try result.get() }
            done.wait()
            done.signal()
        }
    }
}
