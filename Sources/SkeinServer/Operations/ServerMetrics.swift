internal import SkeinDecoding
internal import SkeinEngine
internal import SkeinTensor
internal import Synchronization

/// Counts of one cumulative histogram.
struct Histogram: Sendable {
    let bounds: [Double]
    var counts: [Int]
    var sum = 0.0
    var total = 0

    init(_ bounds: [Double]) {
        self.bounds = bounds
        counts = [Int](repeating: 0, count: bounds.count)
    }

    mutating func observe(_ value: Double, count: Int = 1) {
        if let place = bounds.firstIndex(where: { value <= $0 }) { counts[place] += count }
        sum += value * Double(count)
        total += count
    }
}

/// What Prometheus reads at `/metrics`: vLLM's names and meanings under the prefix `skein`.
final class ServerMetrics: Sendable {
    private static let seconds = [
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
        20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
    ]
    private static let betweenTokens = [
        0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
        20.0, 40.0, 80.0,
    ]
    private static let requests = [
        0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0,
        240.0, 480.0, 960.0, 1920.0, 7680.0,
    ]
    private static let tokens = [
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000.0,
    ]

    private struct State {
        var timeToFirstToken = Histogram(ServerMetrics.seconds)
        var interTokenLatency = Histogram(ServerMetrics.betweenTokens)
        var endToEnd = Histogram(ServerMetrics.requests)
        var queue = Histogram(ServerMetrics.requests)
        var prefill = Histogram(ServerMetrics.requests)
        var decode = Histogram(ServerMetrics.requests)
        var promptTokens = Histogram(ServerMetrics.tokens)
        var generationTokens = Histogram(ServerMetrics.tokens)
        var responses: [Int: Int] = [:]
    }

    private let state = Mutex(State())

    func observeInterTokenLatency(_ duration: Duration, count: Int) {
        let seconds =
            Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
        state.withLock { $0.interTokenLatency.observe(seconds, count: count) }
    }

    func observe(_ summary: GenerationSummary) {
        state.withLock { state in
            state.endToEnd.observe(summary.totalTime)
            state.queue.observe(summary.queueTime)
            state.promptTokens.observe(Double(summary.promptTokens))
            state.generationTokens.observe(Double(summary.completionTokens))
            guard summary.completionTokens > 0 else { return }
            state.timeToFirstToken.observe(summary.timeToFirstToken)
            state.prefill.observe(max(summary.timeToFirstToken - summary.queueTime, 0))
            state.decode.observe(max(summary.totalTime - summary.timeToFirstToken, 0))
        }
    }

    func observe(status: Int) { state.withLock { $0.responses[status, default: 0] += 1 } }

    /// All metrics in Prometheus' text format.
    ///
    /// - Parameters:
    ///   - models: Whose counts to write.
    ///   - alias: Whether to write vLLM's own prefix beside ours.
    /// - Returns: Lines of metrics.
    func text(_ models: [ServedModel], alias: Bool) -> String {
        let own = render(models, prefix: "skein:")
        return alias ? own + render(models, prefix: "vllm:") : own
    }

    private func render(_ models: [ServedModel], prefix: String) -> String {
        let state = state.withLock { $0 }
        var out = ""
        func head(_ name: String, _ kind: String, _ help: String) {
            out += "# HELP \(prefix)\(name) \(help)\n# TYPE \(prefix)\(name) \(kind)\n"
        }
        func each(
            _ name: String,
            _ kind: String,
            _ help: String,
            _ value: (EngineStatistics) -> Double
        ) {
            head(name, kind, help)
            for model in models {
                let number = value(model.service.statistics())
                out += "\(prefix)\(name){model_name=\"\(model.name.escaped)\"} \(number)\n"
            }
        }
        each("num_requests_running", "gauge", "Requests that have a slot.") { Double($0.running) }
        each("num_requests_waiting", "gauge", "Requests that wait for one.") { Double($0.waiting) }
        each("kv_cache_usage_perc", "gauge", "Share of the memory for keys and values in use.") {
            $0.stateLimit > 0 ? Double($0.stateBytes) / Double($0.stateLimit) : 0
        }
        each("kv_cache_bytes", "gauge", "Bytes of keys and values in use.") {
            Double($0.stateBytes)
        }
        each("prompt_tokens_total", "counter", "Prompt tokens of requests that ran.") {
            Double($0.promptTokens)
        }
        each("generation_tokens_total", "counter", "Tokens of answers.") {
            Double($0.generationTokens)
        }
        each("prefix_cache_queries_total", "counter", "Prompt tokens looked up in memory.") {
            Double($0.cacheQueries)
        }
        each("prefix_cache_hits_total", "counter", "Prompt tokens found in memory.") {
            Double($0.cacheHits)
        }
        each("num_preemptions_total", "counter", "Requests that gave up their rows.") {
            Double($0.preemptions)
        }
        each("spec_decode_num_draft_tokens_total", "counter", "Tokens drafted.") {
            Double($0.draftedTokens)
        }
        each("spec_decode_num_accepted_tokens_total", "counter", "Drafts accepted.") {
            Double($0.acceptedTokens)
        }
        each("engine_steps_total", "counter", "Forward passes.") { Double($0.steps) }
        each("engine_rows_total", "counter", "Rows of forward passes.") { Double($0.rows) }
        each("engine_model_seconds_total", "counter", "Seconds inside the model.") { $0.modelTime }
        each("engine_step_seconds_total", "counter", "Seconds of steps.") { $0.stepTime }
        head("request_success_total", "counter", "Requests that ended, by reason.")
        for model in models {
            for (reason, count) in model.service.statistics().finished.sorted(by: {
                $0.key.rawValue < $1.key.rawValue
            }) {
                out += "\(prefix)request_success_total{finished_reason=\"\(reason.rawValue)\","
                out += "model_name=\"\(model.name.escaped)\"} \(count)\n"
            }
        }
        func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
            head(name, "histogram", help)
            var sum = 0
            for (bound, count) in zip(histogram.bounds, histogram.counts) {
                sum += count
                out += "\(prefix)\(name)_bucket{le=\"\(bound)\"} \(sum)\n"
            }
            out += "\(prefix)\(name)_bucket{le=\"+Inf\"} \(histogram.total)\n"
            out += "\(prefix)\(name)_sum \(histogram.sum)\n"
            out += "\(prefix)\(name)_count \(histogram.total)\n"
        }
        histogram(
            "time_to_first_token_seconds",
            "From submission to the first token.",
            state.timeToFirstToken
        )
        histogram(
            "inter_token_latency_seconds",
            "Between tokens of an answer.",
            state.interTokenLatency
        )
        histogram("e2e_request_latency_seconds", "From submission to the end.", state.endToEnd)
        histogram("request_queue_time_seconds", "Waiting for a slot.", state.queue)
        histogram("request_prefill_time_seconds", "Running the prompt.", state.prefill)
        histogram("request_decode_time_seconds", "Generating.", state.decode)
        histogram("request_prompt_tokens", "Tokens of prompts.", state.promptTokens)
        histogram("request_generation_tokens", "Tokens of answers.", state.generationTokens)
        head("http_responses_total", "counter", "Responses by status.")
        for (status, count) in state.responses.sorted(by: { $0.key < $1.key }) {
            out += "\(prefix)http_responses_total{status=\"\(status)\"} \(count)\n"
        }
        return out
    }
}

extension String {
    /// A label's value in Prometheus' text format.
    fileprivate var escaped: String {
        var out = ""
        for character in self {
            switch character {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default: out.append(character)
            }
        }
        return out
    }
}
