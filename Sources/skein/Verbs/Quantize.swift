internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinTensor
internal import SkeinTraining

/// `skein quantize`: a checkpoint of fewer bits.
struct Quantize: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Turn a checkpoint into one of fewer bits, without any data.",
        discussion: """
            A Hugging Face directory becomes a directory or, by an output that ends in .gguf, a GGUF \
            file; a GGUF file becomes a GGUF file. Without other flags the linear layers get the best \
            mixture of codes within 4.5 bits a weight, embedding and head 6 bits. Types of GGUF files (q8_0, q4_0, q4_k, …) are written for llama.cpp too; \
            skein's own codes are refused there.
            """
    )

    @Argument(help: "A Hugging Face directory or a .gguf file of f32, f16 or bf16 weights.")
    var source: String

    @Option(name: [.customShort("o"), .long], help: "The directory or .gguf file to write.")
    var output: String?

    @Option(
        help: """
            easyquant, easyquant-paper (one range a row, by Adam), rtn (round to nearest), hqq \
            (half-quadratic), or a GGUF type: q8_0, q6_k, q5_k, q5_1, q5_0, q4_k, q4_1, q4_0; f32, \
            f16 or bf16 only convert.
            """
    )
    var method = "easyquant"

    @Option(help: "Bits a weight of the linear layers together, everything included.")
    var budget: Double?

    @Option(help: "The same bits for all linear layers: 2 to 6, or 8.")
    var bits: Int?

    @Option(help: "Values that share a scale: 32, 64, 128 or row.")
    var group: String?

    @Option(help: "Bits of a group's scale: 8 (a share of the row's largest) or 16.")
    var scaleBits: Int?

    @Option(help: "Keep weights so many standard deviations from the mean whole; 0: none.")
    var sigma: Double?

    @Option(help: "Steps of easyquant-paper.")
    var steps = 100

    @Option(help: "Learning rate of easyquant-paper, in weight units.")
    var rate = 0.001

    @Option(help: "Bits of embedding and head: 2 to 6 or 8 for skein's codes, 16 to keep them.")
    var headBits = 6

    @Option(help: "Leave out matrices whose name contains this; may be repeated.")
    var exclude: [String] = []

    @Option(name: [.customShort("t"), .long], help: "Threads; all cores by default.")
    var threads: Int?

    @Option(help: "Write what was measured to this JSON file.")
    var report: String?

    @Flag(help: "Replace what is at the output path.")
    var force = false

    @Flag(help: "Only plan: print what would become of each tensor.")
    var dryRun = false

    func run() throws {
        guard dryRun || output != nil else {
            throw SkeinError(.invalidArgument, "no output is named", hint: "pass --output PATH")
        }
        if let output, !dryRun { try QuantizationJob.target(output, replaces: force) }
        let processor = try Processor(threads: threads)
        let source = try QuantizationSource(path: source)
        let job = QuantizationJob(source: source, options: try options(), processor: processor)
        let clock = ContinuousClock()
        let start = clock.now
        func seconds() -> Double { (clock.now - start) / .seconds(1) }
        let treatments = try job.plan { done, all in
            Environment.error("\rplanning: matrix \(done) of \(all) ")
        }
        let planning = seconds()
        guard let output, !dryRun else {
            Environment.error("\n")
            for (tensor, treatment) in zip(source.tensors, treatments) {
                Environment.out("\(tensor.name)\t\(tensor.shape)\t\(treatment.name)\n")
            }
            return
        }
        let reports = try job.write(treatments, to: output, replaces: force) { progress in
            let rate = Double(progress.weights) / max(seconds() - planning, 1e-3)
            let left = Double(progress.allWeights - progress.weights) / max(rate, 1)
            Environment.error(
                "\r\(progress.weights * 100 / max(progress.allWeights, 1)) %,"
                    + " \(String(format: "%.0f", rate / 1e6)) M weights/s,"
                    + " \(String(format: "%.0f", left)) s left   "
            )
        }
        Environment.error("\n")
        let summary = QuantizationSummary(
            reports: reports,
            planningSeconds: planning,
            seconds: seconds()
        )
        Environment.out(summary.text)
        if let report { try Data(summary.json.utf8).write(to: URL(fileURLWithPath: report)) }
    }

    private func options() throws -> QuantizationOptions {
        var options = QuantizationOptions()
        options.excluded = exclude
        if let dtype = Self.types[method.lowercased()] {
            guard bits == nil, budget == nil, group == nil, sigma == nil, scaleBits == nil else {
                throw SkeinError(
                    .invalidArgument,
                    "--method \(method) fixes bits and groups; --bits, --budget, --group and --sigma"
                        + " do not go with it"
                )
            }
            options.linears = .fixed(.blocks(dtype))
            options.heads =
                !dtype.isQuantized
                ? .blocks(dtype) : headBits >= 16 ? .keep : .blocks(dtype == .q8_0 ? .q8_0 : .q6_K)
            return options
        }
        options.heads = try heads()
        let isPlain =
            bits == nil && group == nil && sigma == nil && scaleBits == nil && method == "easyquant"
        if isPlain || budget != nil {
            guard method == "easyquant", bits == nil, group == nil, sigma == nil, scaleBits == nil
            else {
                throw SkeinError(
                    .invalidArgument,
                    "--budget chooses bits, groups and outliers by itself",
                    hint: "leave out --bits, --group, --sigma, --scale-bits and --method"
                )
            }
            let budget = budget ?? 4.5
            guard budget > 0, budget.isFinite else {
                throw SkeinError(.invalidArgument, "--budget is \(budget), expected more than 0")
            }
            options.linears = .budget(budget)
            return options
        }
        options.linears = .fixed(.grouped(try recipe()))
        return options
    }

    private func heads() throws -> TensorTreatment {
        guard headBits < 16 else { return .keep }
        return .grouped(
            QuantizationRecipe(
                format: try GroupedFormat(bits: headBits, group: .values(32), scaleBits: 8)
            )
        )
    }

    private func recipe() throws -> QuantizationRecipe {
        let bits = bits ?? 4
        let isPaper = method == "easyquant-paper"
        let width = group ?? (isPaper ? "row" : "64")
        let values: GroupedFormat.Group
        if width == "row" {
            values = .row
        } else if let count = Int(width) {
            values = .values(count)
        } else {
            throw SkeinError(
                .invalidArgument,
                "--group is \"\(width)\", expected 32, 64, 128 or row"
            )
        }
        let kept = sigma.map { $0 == 0 ? nil : $0 }
        switch method {
        case "easyquant":
            return QuantizationRecipe(
                format: try GroupedFormat(
                    bits: bits,
                    group: values,
                    scaleBits: scaleBits ?? (values == .row ? 16 : 8)
                ),
                sigmas: kept ?? 3
            )
        case "easyquant-paper":
            return QuantizationRecipe(
                format: try GroupedFormat(bits: bits, group: values),
                method: .adam(steps: steps, rate: rate),
                sigmas: kept ?? 3
            )
        case "rtn":
            return QuantizationRecipe(
                format: try GroupedFormat(
                    bits: bits,
                    group: values,
                    scaleBits: scaleBits ?? 16
                ),
                method: .nearest,
                sigmas: kept ?? nil
            )
        case "hqq":
            return QuantizationRecipe(
                format: try GroupedFormat(bits: bits, group: values, hasMinimum: true),
                method: .halfQuadratic,
                sigmas: kept ?? nil
            )
        default:
            throw SkeinError(
                .invalidArgument,
                "--method is \"\(method)\", expected easyquant, easyquant-paper, rtn, hqq or one of"
                    + " \(Self.types.keys.sorted().joined(separator: ", "))"
            )
        }
    }

    private static let types: [String: DType] = [
        "q8_0": .q8_0, "q6_k": .q6_K, "q5_k": .q5_K, "q5_1": .q5_1, "q5_0": .q5_0, "q4_k": .q4_K,
        "q4_1": .q4_1, "q4_0": .q4_0, "f32": .f32, "f16": .f16, "bf16": .bf16,
    ]
}
