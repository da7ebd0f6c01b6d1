import Foundation
import SkeinCore
import SkeinEngine
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import Testing

/// The serving experiment: its load, its servers, its scheduler on a virtual clock, its reports.
@Suite struct ServingBenchmarkTests {
    static func benchmark() throws -> ServingBenchmark {
        let processor = try Processor(threads: 2)
        let model = try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(Files.golden("models/llama3").path),
            processor: processor
        )
        return ServingBenchmark(model: model, processor: processor, options: EngineOptions())
    }

    static let servers: [ServingServer] = [
        .fifo, .instances, .windows(0.01), .fused(.paged), .fused(.contiguous),
        .fused(.contiguousWithHoles),
    ]

    @Test func `all servers give the same answers, whole and in order`() throws {
        let benchmark = try Self.benchmark()
        let requests = ServingWorkload(
            arrivals: .poisson(0.004),
            count: 7,
            promptTokens: 5,
            outputTokens: 24,
            lengths: .uniform,
            seed: 4
        ).requests()
        let recordings = try Self.servers.map { try benchmark.serve(requests, by: $0) }
        for recording in recordings {
            #expect(recording.answers.map(\.request) == requests)
            #expect(recording.answers.map(\.tokens) == recordings[0].answers.map(\.tokens))
            for answer in recording.answers {
                #expect(answer.tokens.count == answer.request.outputTokens)
                #expect(answer.times == answer.times.sorted())
                #expect(answer.start >= answer.request.arrival)
                #expect(answer.times[0] >= answer.start)
            }
        }
        #expect(recordings[0].meanActive < 1.01)
        #expect(ServingReport.Point(interval: 1, recordings: recordings).isEqual)
        #expect(Set(recordings[0].answers.map(\.tokens.count)).count > 1)
    }

    @Test func `one after the other never overlaps, a window waits`() throws {
        let benchmark = try Self.benchmark()
        let requests = ServingWorkload(
            arrivals: .constant(0.001),
            count: 4,
            promptTokens: 3,
            outputTokens: 8
        ).requests()
        let alone = try benchmark.serve(requests, by: .fifo)
        for (first, next) in zip(alone.answers, alone.answers.dropFirst()) {
            #expect(next.start >= first.finish)
        }
        let batched = try benchmark.serve(requests, by: .windows(0.05))
        #expect(batched.answers.allSatisfy { $0.start >= 0.05 })
        #expect(Set(batched.answers.map(\.start)).count == 1)
    }

    @Test func `gaps and lengths are what was asked for`() throws {
        var workload = ServingWorkload(arrivals: .constant(0.5), count: 4, outputTokens: 128)
        #expect(workload.requests().map(\.arrival) == [0, 0.5, 1, 1.5])
        #expect(workload.requests().allSatisfy { $0.outputTokens == 128 && $0.promptTokens == 8 })
        workload.arrivals = .poisson(0.2)
        workload.count = 20_001
        workload.lengths = .uniform
        let requests = workload.requests()
        #expect(requests[0].arrival == 0)
        // The mean of 20,000 gaps is within 3 % of the wish but for one in 40,000 seeds.
        #expect(abs(requests[20_000].arrival / 20_000 - 0.2) < 0.006)
        #expect(requests.map(\.outputTokens).min() == 32)
        #expect(requests.map(\.outputTokens).max() == 128)
        #expect(workload.requests() == requests)
        workload.seed = 2
        #expect(workload.requests() != requests)
    }

    @Test func `a trace is read in order of arrival and its faults are named`() throws {
        let trace = try ServingWorkload.trace("# s in out\n0.5 8 16\n\n0.25, 4, 2\n")
        #expect(trace.map(\.arrival) == [0.25, 0.5])
        #expect(trace.map(\.number) == [0, 1])
        #expect(trace[0].promptTokens == 4 && trace[0].outputTokens == 2)
        for bad in ["1 2", "x 2 3", "1 0 3", "-1 2 3", "1 2 3 4"] {
            #expect { try ServingWorkload.trace("0 1 1\n" + bad) } throws: { error in
                (error as? SkeinError)?.code == .syntax && "\(error)".contains("line 2")
            }
        }
    }

    @Test func `percentiles interpolate`() {
        let values = ServingRecording.Percentiles([4, 1, 3, 2, 5])
        #expect(values.p50 == 3)
        #expect(abs(values.p90 - 4.6) < 1e-12)
        #expect(ServingRecording.Percentiles([]).p50.isNaN)
    }

    /// Rows measured with a reference simulator over 200 seeds: 32 requests of 512 iterations, a lone
    /// request taking 5800 ms, mean gaps in ms.
    @Test(
        arguments: [
            (20.0, 568.0, 28.8), (50, 649, 25.3), (100, 788, 20.9), (200, 1054, 15.7),
            (500, 1911, 8.7), (1000, 3221, 5.2), (2000, 5722, 2.9), (5000, 9875, 1.7),
        ]
    )
    func `the scheduler alone reproduces the Poisson table`(
        _ gap: Double,
        _ iterations: Double,
        _ active: Double
    ) {
        let seeds = 200
        var totals = 0.0
        var means = 0.0
        for seed in 0..<seeds {
            let requests = ServingWorkload(
                arrivals: .poisson(gap),
                count: 32,
                outputTokens: 512,
                seed: UInt64(seed)
            ).requests()
            let outcome = FusionSimulator().run(
                arrivals: requests.map { $0.arrival / (5800 / 512) },
                lengths: requests.map(\.outputTokens)
            )
            totals += Double(outcome.iterations) / Double(seeds)
            means += outcome.meanActive / Double(seeds)
            let tokens = outcome.meanActive * Double(outcome.iterations)
            #expect(abs(tokens - 32 * 512) < 1e-6)
        }
        // Both means have a standard error of up to 1.3 %; the table rounds to 0.05.
        #expect(abs(totals / iterations - 1) < 0.05)
        #expect(abs(means - active) < 0.05 * active + 0.05)
    }

    @Test func `every simulated request ends once, after its own length`() {
        let outcome = FusionSimulator().run(arrivals: [0, 0, 0.5, 40], lengths: [5, 2, 7, 3])
        #expect(outcome.finishes == [5, 3, 9, 43])
        #expect(outcome.iterations == 12)
        #expect(abs(outcome.meanActive - 17.0 / 12) < 1e-12)
        #expect(FusionSimulator().run(arrivals: [], lengths: []).iterations == 0)
    }

    @Test func `a report is a table, numbers and a picture`() throws {
        func recording(_ server: String, _ pace: Double) -> ServingRecording {
            let request = ServingRequest(
                number: 0,
                arrival: 0,
                promptTokens: 2,
                outputTokens: 3
            )
            var answer = ServingRecording.Answer(request: request, start: 0)
            answer.times = [pace, pace * 2, pace * 3]
            answer.tokens = [1, 2, 3]
            return ServingRecording(server: server, answers: [answer])
        }
        var report = ServingReport(
            facts: JSONObject(),
            loneTime: 1,
            points: [
                .init(interval: 0.5, recordings: [recording("a", 2), recording("b<&", 1)])
            ]
        )
        #expect(report.markdown.contains("| 0.500 | b<& | 3.00 | 1.0 | 2.00 | 1.000 |"))
        #expect(report.markdown.contains("equal"))
        let lines = report.csv.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(Set(lines.map { $0.split(separator: ",").count }).count == 1)
        let servers = report.json(isRaw: true)["points"]?[0]?["servers"]
        #expect(servers?[1]?["tokens_per_second"] == .double(1))
        #expect(
            servers?[0]?["requests"]?[0]?["token_times"]
                == .array([.double(2), .double(4), .double(6)])
        )
        let parser = XMLCheck(report.svg)
        #expect(parser.isWellFormed)
        #expect(parser.count("polyline") > 8 && !report.svg.contains("nan"))
        report.points[0].recordings[1].answers[0].tokens = [1, 2, 4]
        #expect(report.markdown.contains("DIFFERENT"))
    }
}

extension JSON {
    /// The item of an array, if there is one.
    fileprivate subscript(index: Int) -> JSON? {
        guard case .array(let items) = self, items.indices.contains(index) else { return nil }
        return items[index]
    }
}

/// Counts elements of XML whose tags must be balanced.
private struct XMLCheck {
    private(set) var isWellFormed = true
    private var counts: [String: Int] = [:]

    init(_ text: String) {
        var open: [String] = []
        for piece in text.split(separator: "<").dropFirst(text.hasPrefix("<") ? 0 : 1) {
            guard let end = piece.firstIndex(of: ">") else {
                isWellFormed = false
                return
            }
            let tag = piece[..<end]
            if tag.hasPrefix("/") {
                if open.popLast() != String(tag.dropFirst()) { isWellFormed = false }
            } else {
                let name = String(tag.prefix { !" /".contains($0) })
                counts[name, default: 0] += 1
                if !tag.hasSuffix("/") { open.append(name) }
            }
        }
        if !open.isEmpty { isWellFormed = false }
    }

    func count(_ name: String) -> Int { counts[name] ?? 0 }
}
