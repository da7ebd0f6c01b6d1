internal import SkeinModels
internal import Foundation
internal import SkeinEngine
internal import Synchronization

/// Token counts that several answers add to.
final class UsageTally: Sendable {
    private let state = Mutex(Usage())

    func add(_ summary: GenerationSummary, isFirst: Bool) {
        state.withLock { $0.add(summary, isFirst: isFirst) }
    }

    var usage: Usage { state.withLock { $0 } }
}

/// One running count an answer.
final class Counters: Sendable {
    private let counts: Mutex<[Int]>

    init(_ count: Int) { counts = Mutex([Int](repeating: 0, count: count)) }

    /// Adds to a count and returns what it was.
    func add(_ amount: Int, to number: Int) -> Int {
        counts.withLock { counts in
            defer { counts[number] += amount }
            return counts[number]
        }
    }
}

/// The time of day.
enum Clock {
    /// Seconds since 1970.
    static var seconds: Int { Int(Date().timeIntervalSince1970) }
}

extension ServedModel {
    /// Tells builds and models apart, as OpenAI's field of that name.
    var fingerprint: String { "skein-\(service.description.family)" }
}
