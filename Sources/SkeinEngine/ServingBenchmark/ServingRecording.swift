/// What happened to every request of a workload at one server.
public struct ServingRecording: Sendable {
    /// One request's times, in seconds after the start.
    public struct Answer: Sendable {
        /// The request.
        public var request: ServingRequest
        /// When it was given a place.
        public var start: Double
        /// When each of its tokens came.
        public var times: [Double] = []
        /// The tokens.
        public var tokens: [Int32] = []

        /// An answer without tokens so far.
        public init(request: ServingRequest, start: Double) {
            self.request = request
            self.start = start
        }

        /// When its last token came.
        public var finish: Double { times.last ?? start }
    }

    /// Three points of a distribution, in seconds.
    public struct Percentiles: Sendable, Hashable {
        /// The median.
        public var p50: Double
        /// Nine in ten are no larger.
        public var p90: Double
        /// Ninety-nine in a hundred are no larger.
        public var p99: Double

        /// Interpolates between the two nearest samples; all NaN without any.
        ///
        /// - Complexity: O(n log n).
        public init(_ samples: [Double]) {
            let sorted = samples.sorted()
            func value(_ share: Double) -> Double {
                guard !sorted.isEmpty else { return .nan }
                let place = share * Double(sorted.count - 1)
                let below = Int(place)
                let above = min(below + 1, sorted.count - 1)
                return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
            }
            p50 = value(0.5)
            p90 = value(0.9)
            p99 = value(0.99)
        }
    }

    /// The server's name.
    public var server: String
    /// One entry a request, in order of arrival.
    public var answers: [Answer]
    /// Seconds of processor time that all threads took; NaN where it was not measured.
    public var processorTime = Double.nan

    /// Joins a server's answers.
    public init(server: String, answers: [Answer]) {
        self.server = server
        self.answers = answers
    }

    /// From the start until the last token of all.
    public var totalTime: Double { answers.map(\.finish).max() ?? 0 }
    /// Tokens of all answers.
    public var tokens: Int { answers.reduce(0) { $0 + $1.times.count } }
    /// Answer tokens per second.
    public var throughput: Double { totalTime > 0 ? Double(tokens) / totalTime : 0 }
    /// From arrival until the first token.
    public var timeToFirstToken: Percentiles {
        Percentiles(
            answers.compactMap { answer in
                answer.times.first.map { $0 - answer.request.arrival }
            }
        )
    }
    /// From one token to the next of the same answer.
    public var interTokenLatency: Percentiles {
        Percentiles(answers.flatMap { zip($0.times.dropFirst(), $0.times).map { $0 - $1 } })
    }
    /// From arrival until the last token.
    public var endToEnd: Percentiles {
        Percentiles(answers.map { $0.finish - $0.request.arrival })
    }

    /// How many requests had a place at once, averaged over the time in which any had.
    ///
    /// - Complexity: O(n log n).
    public var meanActive: Double {
        var busy = 0.0
        var end = -Double.infinity
        for answer in answers.sorted(by: { $0.start < $1.start }) {
            busy += max(answer.finish - max(answer.start, end), 0)
            end = max(end, answer.finish)
        }
        return busy > 0 ? answers.reduce(0) { $0 + $1.finish - $1.start } / busy : 0
    }
}
