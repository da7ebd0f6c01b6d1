internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinEngine
internal import SkeinModels
internal import SkeinTensor

/// `skein bench`: measurements; without a name of one, that of speed.
///
/// The verb has no options of its own, so that none of a measurement's can be taken for one of them.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure speed, training, the engine's overhead, or serving.",
        subcommands: [BenchSpeed.self, BenchOverhead.self, BenchTraining.self, ServingBench.self],
        defaultSubcommand: BenchSpeed.self
    )
}

/// `skein bench speed`: tokens per second, by llama-bench's protocol.
struct BenchSpeed: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "speed",
        abstract: "Measure prompt processing and token generation."
    )

    @OptionGroup var flags: ModelFlags

    @Option(
        name: [.customShort("p"), .customLong("n-prompt")],
        help: "Prompt tokens; 0 leaves it out."
    )
    var prompt = 512

    @Option(
        name: [.customShort("n"), .customLong("n-gen")],
        help: "Generated tokens; 0 leaves it out."
    )
    var generated = 128

    @Option(
        name: [.customShort("r"), .customLong("repetitions")],
        help: "Repetitions of each test."
    )
    var repetitions = 5

    @Option(help: "Generate for so many sequences at once: a list such as 1,4,16,32.")
    var sequences: String?

    @Option(help: "Tokens of context before generation; 16 with --sequences, else 0.")
    var depth: Int?

    @Option(
        name: [.customShort("b"), .customLong("batch-size")],
        help: "Rows of one forward pass."
    )
    var batch = 512

    @Option(name: [.customShort("o"), .customLong("output")], help: "md, json or csv.")
    var output = "md"

    @Flag(help: "Measure the rate at which memory is read, and nothing else.")
    var bandwidth = false

    @Flag(name: .customLong("no-warmup"), help: "Measure the first run too.")
    var noWarmup = false

    func run() throws {
        guard ["md", "json", "csv"].contains(output) else {
            throw SkeinError(
                .invalidArgument,
                "--output is \"\(output)\", expected md, json or csv"
            )
        }
        guard repetitions > 0, prompt >= 0, generated >= 0, batch > 0 else {
            throw SkeinError(
                .invalidArgument,
                "-p \(prompt) -n \(generated) -r \(repetitions) -b \(batch): counts must not be negative,"
                    + " and -r and -b at least 1"
            )
        }
        let processor = try flags.processor()
        guard !bandwidth else {
            let rate = processor.readBandwidth() / 1e9
            Environment.out(
                output == "json"
                    ? "{\"read_gbps\": \(rate)}\n" : "read: \(Self.fixed(rate, 1)) GB/s\n"
            )
            return
        }
        var options = try flags.engineOptions()
        options.rowBudget = batch
        let path = try flags.path()
        let model = try LanguageModelLoader.load(
            flags.checkpoint(path),
            processor: processor,
            options: try flags.loadOptions()
        )
        var benchmark = SpeedBenchmark(model: model, processor: processor, options: options)
        var results: [SpeedBenchmark.Measurement] = []
        for test in try tests() {
            results.append(
                try benchmark.run(test, repetitions: repetitions, warmsUp: !noWarmup)
            )
        }
        Environment.out(report(results, model.description, processor, path))
    }

    private func tests() throws -> [SpeedBenchmark.Test] {
        var tests: [SpeedBenchmark.Test] = prompt > 0 ? [.prompt(prompt)] : []
        guard generated > 0 else { return tests }
        guard let sequences else {
            return tests + [.generation(generated, sequences: 1, depth: depth ?? 0)]
        }
        for part in sequences.split(separator: ",") {
            guard let count = Int(part), (1...4096).contains(count) else {
                throw SkeinError(
                    .invalidArgument,
                    "--sequences holds \"\(part)\", expected numbers from 1 to 4096"
                )
            }
            tests.append(.generation(generated, sequences: count, depth: depth ?? 16))
        }
        return tests
    }

    private func report(
        _ results: [SpeedBenchmark.Measurement],
        _ model: ModelDescription,
        _ processor: Processor,
        _ path: String
    ) -> String {
        switch output {
        case "json":
            let rows = results.map { result in
                JSON.object(row(result, model, processor, path))
            }
            return JSON.array(rows).text(.indented(2)) + "\n"
        case "csv":
            let lines = results.map {
                "\($0.test.name),\(processor.pool.threads),\(processor.instructionSet),\($0.mean),\($0.deviation)"
            }
            return (["test,threads,isa,avg_ts,stddev_ts"] + lines).joined(separator: "\n") + "\n"
        default:
            var text = "| model | size | params | isa | threads | test | t/s |\n"
            text += "| --- | ---: | ---: | --- | ---: | ---: | ---: |\n"
            for result in results {
                let size = Self.fixed(Double(model.weightBytes) / Double(1 << 20), 1)
                let parameters = Self.fixed(Double(model.parameters) / 1e6, 2)
                text +=
                    "| \(model.family) | \(size) MiB | \(parameters) M | \(processor.instructionSet)"
                    + " | \(processor.pool.threads) | \(result.test.name)"
                    + " | \(Self.fixed(result.mean, 2)) ± \(Self.fixed(result.deviation, 2)) |\n"
            }
            let types = model.matrixTypes.sorted { $0.key < $1.key }
                .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            return text + "\nmatrices: \(types); keys and values: \(flags.cacheType)\n"
        }
    }

    private func row(
        _ result: SpeedBenchmark.Measurement,
        _ model: ModelDescription,
        _ processor: Processor,
        _ path: String
    ) -> JSONObject {
        var row = JSONObject()
        row["test"] = .string(result.test.name)
        row["model_filename"] = .string(path)
        row["model_size"] = .int(model.weightBytes)
        row["n_threads"] = .int(processor.pool.threads)
        row["isa"] = .string("\(processor.instructionSet)")
        switch result.test {
        case .prompt(let count):
            row["n_prompt"] = .int(count)
            row["n_gen"] = .int(0)
            row["n_sequences"] = .int(1)
        case .generation(let count, let sequences, let depth):
            row["n_prompt"] = .int(0)
            row["n_gen"] = .int(count)
            row["n_sequences"] = .int(sequences)
            row["n_depth"] = .int(depth)
        }
        row["avg_ts"] = .double(result.mean)
        row["stddev_ts"] = .double(result.deviation)
        row["samples_ts"] = .array(result.samples.map(JSON.double))
        var types = JSONObject()
        for (kind, type) in model.matrixTypes.sorted(by: { $0.key < $1.key }) {
            types[kind] = .string(type)
        }
        row["matrix_types"] = .object(types)
        row["peak_memory"] = .int(Environment.peakMemory)
        return row
    }

    private static func fixed(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }
}
