import CSkeinKernels
import Foundation
import SkeinTensor

/// Measures the parts of Skein.
@main
struct Main {
    static let usage = """
        usage: Benchmarks [--filter TEXT] [--seconds 0.5] [--threads N] [--list] [--json]
          --filter   only benchmarks whose name holds TEXT, such as product/Q8_0 or attention
          --seconds  of samples for each benchmark, after a quarter of it to warm up
          --threads  of the engine's step; kernels, tokenizer and samplers use one
        SKEIN_ISA=portable|avx2|avx512|avx512bf16|neon forces a level.
        """

    static func main() throws {
        var filter = ""
        var limit = 0.5
        var threads = Processor.coreCount
        var isList = false
        var isJSON = false
        var arguments = CommandLine.arguments.dropFirst()
        while let flag = arguments.popFirst() {
            switch flag {
            case "--list": isList = true
            case "--json": isJSON = true
            case "--filter": filter = arguments.popFirst() ?? filter
            case "--seconds": limit = arguments.popFirst().flatMap(Double.init) ?? limit
            case "--threads": threads = arguments.popFirst().flatMap { Int($0) } ?? threads
            default:
                print(usage)
                exit(flag == "--help" || flag == "-h" ? 0 : 64)
            }
        }
        let processor = try Processor(threads: threads)
        guard let table = sk_kernels_for(processor.instructionSet.rawValue) else { exit(70) }
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../../.."
        let all =
            KernelBenchmarks(kernels: table.pointee).all
            + TextBenchmarks(folder: root + "/Models/stories", processor: processor).all
        let chosen = all.filter { filter.isEmpty || $0.name.contains(filter) }
        guard !isList else { return chosen.forEach { print($0.name) } }
        let environment = Environment(
            threads: threads,
            level: "\(processor.instructionSet)",
            root: root
        )
        if !isJSON {
            print(
                "\(environment.processorName), \(environment.level), commit \(environment.commit);",
                "one thread, \(threads) for the engine"
            )
            print(
                "| benchmark | median | p95 | unit | samples |\n| --- | ---: | ---: | --- | ---: |"
            )
        }
        for benchmark in chosen {
            let measurement = try Measurement(benchmark, limit: limit)
            print(isJSON ? json(measurement, environment) : row(measurement))
            fflush(nil)
        }
    }

    private static func row(_ m: Measurement) -> String {
        let rates = [0.5, 0.95, 0].map { String(format: "%.4g", m.rate(m.time(within: $0))) }
        return "| \(m.benchmark.name) | \(rates.joined(separator: " | ")) "
            + "| \(m.benchmark.unit.rawValue) | \(m.seconds.count) |"
    }

    /// One object a line; names hold nothing that needs escaping.
    private static func json(_ m: Measurement, _ e: Environment) -> String {
        let (median, late) = (m.time(within: 0.5), m.time(within: 0.95))
        return """
            {"name": "\(m.benchmark.name)", "unit": "\(m.benchmark.unit.rawValue)", \
            "rate": \(m.rate(median)), "rate_p95": \(m.rate(late)), "seconds_median": \(median), \
            "seconds_p95": \(late), "seconds_best": \(m.time(within: 0)), "samples": \(m.seconds.count), "cpu": "\(e.processorName)", \
            "threads": \(m.benchmark.name.hasPrefix("engine") ? e.threads : 1), \
            "isa": "\(e.level)", "commit": "\(e.commit)"}
            """
    }
}
