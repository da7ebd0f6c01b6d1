internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinEngine
internal import SkeinModels
internal import SkeinTensor

/// `skein bench serving`: requests that arrive over time, served in four ways on the same kernels.
struct ServingBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serving",
        abstract:
            "Compare fused serving with one request at a time, with concurrent instances and with"
            + " static batches.",
        discussion: """
            Each server gets the same requests at the same times: prompts of random tokens, greedy \
            answers without an end token. The first server in the list is what the table compares the \
            others with.
            """
    )

    @OptionGroup var flags: ModelFlags

    @Option(name: [.customShort("N"), .customLong("requests")], help: "Requests of each run.")
    var requests = 16

    @Option(help: "constant, poisson, or the path of a file of seconds, prompt and answer tokens.")
    var arrivals = "constant"

    @Option(help: "Mean gaps to sweep: shares of the time a request takes alone, or 20ms, 0.5s.")
    var gaps = "0,0.05,0.2,0.5,1"

    @Option(
        help: "paper (8/512), short-chat (64/128), long-prompt (1024/64) or long-output (32/512)."
    )
    var mix: String?

    @Option(name: [.customShort("p"), .customLong("n-prompt")], help: "Prompt tokens; 8.")
    var prompt: Int?

    @Option(name: [.customShort("n"), .customLong("n-gen")], help: "Answer tokens; 64.")
    var generated: Int?

    @Option(help: "fixed, or uniform between a quarter of the answer tokens and all.")
    var lengths = "fixed"

    @Option(help: "Any of sequential, instances, windows and fused.")
    var servers = "sequential,instances,windows,fused"

    @Option(help: "Windows of static batches, as --gaps.")
    var windows = "0.25,1"

    @Option(help: "Where fused serving keeps keys and values: paged, contiguous, contiguous-holes.")
    var pool = "paged"

    @Option(help: "Seed of arrivals, lengths and prompts.")
    var seed: UInt64 = 1

    @Option(help: "md, json or csv.")
    var format = "md"

    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: "Folder for serving.json and .svg."
    )
    var output: String?

    private struct Plan {
        var workload: ServingWorkload
        var trace: [ServingRequest]?
        var pools: [ServingPool]
        var longest: ServingRequest
    }

    func run() throws {
        let plan = try plan()
        let processor = try flags.processor()
        let path = try flags.path()
        let model = try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(path),
            processor: processor,
            options: flags.loadOptions()
        )
        let benchmark = ServingBenchmark(
            model: model,
            processor: processor,
            options: try flags.engineOptions(),
            seed: seed
        )
        let lone = try benchmark.loneTime(plan.longest)
        Environment.error("a request alone: \(Self.fixed(lone, 3)) s\n")
        let servers = try servers(lone, plan.pools)
        var report = ServingReport(
            facts: facts(plan, model.description, processor, path, lone),
            loneTime: lone,
            points: []
        )
        for (interval, requests) in try workloads(plan, lone) {
            var point = ServingReport.Point(interval: interval, recordings: [])
            for server in servers {
                let recording = try benchmark.serve(requests, by: server)
                Environment.error(
                    "every \(Self.fixed(interval, 3)) s, \(server.name):"
                        + " \(Self.fixed(recording.totalTime, 2)) s\n"
                )
                point.recordings.append(recording)
            }
            report.points.append(point)
        }
        try write(report)
        switch format {
        case "json": Environment.out(report.json(isRaw: false).text(.indented(2)) + "\n")
        case "csv": Environment.out(report.csv)
        default: Environment.out(report.markdown)
        }
    }

    private func plan() throws -> Plan {
        try Self.check(format, in: ["md", "json", "csv"], flag: "--format")
        try Self.check(
            lengths,
            in: ServingWorkload.Lengths.allCases.map(\.rawValue),
            flag: "--lengths"
        )
        let mixes = [
            "paper": (8, 512), "short-chat": (64, 128), "long-prompt": (1024, 64),
            "long-output": (32, 512),
        ]
        if let mix { try Self.check(mix, in: mixes.keys.sorted(), flag: "--mix") }
        let sizes = mix.flatMap { mixes[$0] } ?? (8, 64)
        let (prompt, generated) = (prompt ?? sizes.0, generated ?? sizes.1)
        guard (1...4096).contains(requests), prompt > 0, generated > 0 else {
            throw SkeinError(
                .invalidArgument,
                "-N \(requests) -p \(prompt) -n \(generated): expected 1 to 4096 requests and counts"
                    + " above 0"
            )
        }
        let pools = try pool.split(separator: ",").map { name in
            guard let pool = ServingPool(rawValue: String(name)) else {
                throw SkeinError(
                    .invalidArgument,
                    "--pool holds \"\(name)\", expected paged, contiguous or contiguous-holes"
                )
            }
            return pool
        }
        let workload = ServingWorkload(
            arrivals: .constant(0),
            count: requests,
            promptTokens: prompt,
            outputTokens: generated,
            lengths: ServingWorkload.Lengths(rawValue: lengths) ?? .fixed,
            seed: seed
        )
        var trace: [ServingRequest]?
        if !["constant", "poisson"].contains(arrivals) {
            let found = try ServingWorkload.trace(TextFile.read(arrivals))
            guard !found.isEmpty else {
                throw SkeinError(.invalidArgument, "the trace \(arrivals) holds no request")
            }
            trace = found
        }
        let longest = ServingRequest(
            number: 0,
            arrival: 0,
            promptTokens: trace?.map(\.promptTokens).max() ?? prompt,
            outputTokens: trace?.map(\.outputTokens).max() ?? generated
        )
        return Plan(workload: workload, trace: trace, pools: pools, longest: longest)
    }

    /// The requests of each point of the sweep, with the mean interval in seconds.
    private func workloads(_ plan: Plan, _ lone: Double) throws -> [(Double, [ServingRequest])] {
        if let trace = plan.trace {
            let span = (trace.last?.arrival ?? 0) - (trace.first?.arrival ?? 0)
            return [(span / Double(max(trace.count - 1, 1)), trace)]
        }
        return try Self.seconds(gaps, lone: lone, flag: "--gaps").sorted().map { gap in
            var workload = plan.workload
            workload.arrivals = arrivals == "poisson" ? .poisson(gap) : .constant(gap)
            return (gap, workload.requests())
        }
    }

    private func servers(_ lone: Double, _ pools: [ServingPool]) throws -> [ServingServer] {
        try servers.split(separator: ",").flatMap { name -> [ServingServer] in
            switch name {
            case "sequential", "fifo": return [.fifo]
            case "instances": return [.instances]
            case "windows":
                return try Self.seconds(windows, lone: lone, flag: "--windows").map { .windows($0) }
            case "fused": return pools.map { .fused($0) }
            default:
                throw SkeinError(
                    .invalidArgument,
                    "--servers holds \"\(name)\", expected sequential, instances, windows or fused"
                )
            }
        }
    }

    private func facts(
        _ plan: Plan,
        _ model: ModelDescription,
        _ processor: Processor,
        _ path: String,
        _ lone: Double
    ) -> JSONObject {
        var facts = JSONObject()
        facts["model"] = .string(URL(filePath: path).lastPathComponent)
        facts["weight_bytes"] = .int(model.weightBytes)
        facts["threads"] = .int(processor.pool.threads)
        facts["isa"] = .string("\(processor.instructionSet)")
        facts["cache_type"] = .string(flags.cacheType)
        facts["arrivals"] = .string(plan.trace == nil ? arrivals : "trace")
        facts["requests"] = .int(plan.trace?.count ?? requests)
        facts["prompt_tokens"] = .int(plan.longest.promptTokens)
        facts["answer_tokens"] = .int(plan.longest.outputTokens)
        facts["lengths"] = .string(lengths)
        facts["seed"] = .int(Int(clamping: seed))
        facts["read_gbps"] = .double((processor.readBandwidth() / 1e8).rounded() / 10)
        let rate = Double(model.weightBytes) * Double(plan.longest.outputTokens) / lone / 1e9
        facts["lone_weight_gbps"] = .double((rate * 10).rounded() / 10)
        return facts
    }

    private func write(_ report: ServingReport) throws {
        guard let output else { return }
        let folder = URL(filePath: output)
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data((report.json(isRaw: true).text() + "\n").utf8)
                .write(to: folder.appending(path: "serving.json"))
            try Data(report.svg.utf8).write(to: folder.appending(path: "serving.svg"))
            try Data(report.markdown.utf8).write(to: folder.appending(path: "serving.md"))
        } catch {
            throw SkeinError(.ioFailure, "cannot write to \(output): \(error.localizedDescription)")
        }
    }

    /// Durations: shares of a lone request's time, or with a unit.
    private static func seconds(_ list: String, lone: Double, flag: String) throws -> [Double] {
        try list.split(separator: ",").map { part in
            let scale: (suffix: String, seconds: Double) =
                part.hasSuffix("ms") ? ("ms", 1e-3) : part.hasSuffix("s") ? ("s", 1) : ("", lone)
            guard let value = Double(part.dropLast(scale.suffix.count)), value >= 0, value.isFinite
            else {
                throw SkeinError(
                    .invalidArgument,
                    "\(flag) holds \"\(part)\", expected a share such as 0.5 or a time such as 20ms"
                )
            }
            return value * scale.seconds
        }
    }

    private static func check(_ value: String, in names: [String], flag: String) throws {
        guard names.contains(value) else {
            throw SkeinError(
                .invalidArgument,
                "\(flag) is \"\(value)\", expected \(names.joined(separator: ", "))"
            )
        }
    }

    private static func fixed(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }
}
