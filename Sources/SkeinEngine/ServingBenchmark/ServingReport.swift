internal import Foundation
public import SkeinCore

/// A sweep of arrival intervals over several servers, as tables, raw data and a picture.
public struct ServingReport: Sendable {
    /// One workload and what every server made of it.
    public struct Point: Sendable {
        /// Seconds between arrivals, on average.
        public var interval: Double
        /// One entry a server, in the same order at every point.
        public var recordings: [ServingRecording]

        /// Joins a workload's interval and recordings.
        public init(interval: Double, recordings: [ServingRecording]) {
            self.interval = interval
            self.recordings = recordings
        }

        /// Whether every server gave every request the same tokens.
        public var isEqual: Bool {
            guard let first = recordings.first?.answers.map(\.tokens) else { return true }
            return recordings.allSatisfy { $0.answers.map(\.tokens) == first }
        }
    }

    /// What was measured, in words and numbers: the model, threads, lengths, seed.
    public var facts: JSONObject
    /// Seconds of a request alone.
    public var loneTime: Double
    /// One entry an interval, ascending.
    public var points: [Point]

    /// Joins the parts of a report.
    public init(facts: JSONObject, loneTime: Double, points: [Point]) {
        self.facts = facts
        self.loneTime = loneTime
        self.points = points
    }

    private static let columns = [
        "interval s", "server", "total s", "tokens/s", "times the first", "TTFT p50", "p90", "p99",
        "ITL p50 ms", "p90", "p99", "e2e p50", "p90", "p99", "mean active",
        "CPU s",
    ]

    /// One row of numbers a point and server.
    private var rows: [[String]] {
        points.flatMap { point in
            let base = point.recordings.first?.totalTime ?? 0
            return point.recordings.map { recording in
                let gain = recording.totalTime > 0 ? base / recording.totalTime : .nan
                let ttft = recording.timeToFirstToken
                let itl = recording.interTokenLatency
                let whole = recording.endToEnd
                return [
                    Self.fixed(point.interval, 3), recording.server,
                    Self.fixed(recording.totalTime, 2), Self.fixed(recording.throughput, 1),
                    Self.fixed(gain, 2),
                ] + [ttft.p50, ttft.p90, ttft.p99].map { Self.fixed($0, 3) }
                    + [itl.p50, itl.p90, itl.p99].map { Self.fixed($0 * 1e3, 1) }
                    + [whole.p50, whole.p90, whole.p99].map { Self.fixed($0, 2) }
                    + [Self.fixed(recording.meanActive, 1), Self.fixed(recording.processorTime, 2)]
            }
        }
    }

    /// A table in Markdown, with what it was measured on below.
    public var markdown: String {
        let lines =
            [Self.columns, Self.columns.indices.map { $0 == 1 ? "---" : "---:" }] + rows
        let table = lines.map { "| " + $0.joined(separator: " | ") + " |" }
            .joined(separator: "\n")
        let notes = facts.members.map { key, value in
            if case .string(let text) = value { return "\(key): \(text)" }
            return "\(key): \(value.text())"
        }
        let same = points.allSatisfy(\.isEqual)
        return table + "\n\na request alone: \(Self.fixed(loneTime, 3)) s; answers of all servers: "
            + (same ? "equal" : "DIFFERENT") + "\n" + notes.joined(separator: "; ") + "\n"
    }

    /// The table as comma-separated values.
    public var csv: String {
        ([Self.columns] + rows)
            .map { $0.map { $0.contains(",") ? "\"\($0)\"" : $0 }.joined(separator: ",") }
            .joined(separator: "\n") + "\n"
    }

    /// Summaries, and with `isRaw` also every request's times.
    public func json(isRaw: Bool) -> JSON {
        var root = JSONObject()
        root["facts"] = .object(facts)
        root["lone_seconds"] = .double(loneTime)
        root["points"] = .array(
            points.map { point in
                var object = JSONObject()
                object["interval_seconds"] = .double(point.interval)
                object["answers_equal"] = .bool(point.isEqual)
                object["servers"] = .array(point.recordings.map { Self.json($0, isRaw: isRaw) })
                return .object(object)
            }
        )
        return .object(root)
    }

    private static func json(_ recording: ServingRecording, isRaw: Bool) -> JSON {
        func percentiles(_ value: ServingRecording.Percentiles) -> JSON {
            var object = JSONObject()
            for (name, seconds) in [("p50", value.p50), ("p90", value.p90), ("p99", value.p99)] {
                object[name] = seconds.isFinite ? .double(seconds) : .null
            }
            return .object(object)
        }
        var object = JSONObject()
        object["server"] = .string(recording.server)
        object["total_seconds"] = .double(recording.totalTime)
        object["tokens"] = .int(recording.tokens)
        object["tokens_per_second"] = .double(recording.throughput)
        object["time_to_first_token_seconds"] = percentiles(recording.timeToFirstToken)
        object["inter_token_latency_seconds"] = percentiles(recording.interTokenLatency)
        object["end_to_end_seconds"] = percentiles(recording.endToEnd)
        object["mean_active"] = .double(recording.meanActive)
        object["processor_seconds"] =
            recording.processorTime.isFinite ? .double(recording.processorTime) : .null
        guard isRaw else { return .object(object) }
        object["requests"] = .array(
            recording.answers.map { answer in
                var row = JSONObject()
                row["arrival"] = .double(answer.request.arrival)
                row["prompt_tokens"] = .int(answer.request.promptTokens)
                row["output_tokens"] = .int(answer.request.outputTokens)
                row["start"] = .double(answer.start)
                row["token_times"] = .array(
                    answer.times.map { .double(($0 * 1e6).rounded() / 1e6) }
                )
                return .object(row)
            }
        )
        return .object(object)
    }

    static func fixed(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }
}
