internal import Synchronization

/// Counts requests of each caller: so many a minute, and so many at once after a pause.
///
/// A bucket a caller, filled at a steady rate; every request takes one drop.
final class RateLimiter: Sendable {
    /// How many callers are remembered before full buckets are forgotten.
    private static let callersKept = 4096

    private struct Bucket {
        var drops: Double
        var time: ContinuousClock.Instant
    }

    private let perMinute: Int
    private let buckets = Mutex<[String: Bucket]>([:])

    init(perMinute: Int) { self.perMinute = perMinute }

    /// Takes a drop from a caller's bucket.
    ///
    /// - Returns: `nil` where there was one, else the seconds until there is.
    func take(_ caller: String, at now: ContinuousClock.Instant = .now) -> Double? {
        buckets.withLock { buckets in
            if buckets.count >= Self.callersKept {
                buckets = buckets.filter { filled($0.value, now).drops < Double(perMinute) }
            }
            var bucket = filled(buckets[caller] ?? Bucket(drops: Double(perMinute), time: now), now)
            defer { buckets[caller] = bucket }
            guard bucket.drops >= 1 else { return (1 - bucket.drops) * 60 / Double(perMinute) }
            bucket.drops -= 1
            return nil
        }
    }

    private func filled(_ bucket: Bucket, _ now: ContinuousClock.Instant) -> Bucket {
        let seconds = (now - bucket.time) / .seconds(1)
        let drops = bucket.drops + seconds * Double(perMinute) / 60
        return Bucket(drops: min(drops, Double(perMinute)), time: now)
    }
}
