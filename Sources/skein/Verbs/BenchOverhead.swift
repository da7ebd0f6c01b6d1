internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinDecoding
internal import SkeinEngine
internal import SkeinModels
internal import SkeinTensor

/// `skein bench overhead`: the part of a step that is not the model.
struct BenchOverhead: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overhead",
        abstract: "Measure what scheduling and sampling add to a step of the model."
    )

    @OptionGroup var flags: ModelFlags

    @Option(name: [.customLong("parallel"), .customLong("slots")], help: "Requests at once.")
    var slots = 32

    @Option(help: "Steps to measure.")
    var steps = 64

    @Option(help: "greedy or default.")
    var sampling = "greedy"

    func run() throws {
        guard slots > 0, steps > 0, ["greedy", "default"].contains(sampling) else {
            throw SkeinError(
                .invalidArgument,
                "--parallel \(slots) --steps \(steps) --sampling \(sampling): expected counts above 0"
                    + " and greedy or default"
            )
        }
        let processor = try flags.processor()
        let model = try LanguageModelLoader.load(
            flags.checkpoint(flags.path()),
            processor: processor,
            options: flags.loadOptions()
        )
        let result = try OverheadBenchmark(
            slots: slots,
            steps: steps,
            parameters: sampling == "greedy" ? .greedy : SamplingParameters()
        ).run(model, processor, options: flags.engineOptions())
        Environment.out(
            String(
                format: "%d slots, %@: step %.3f ms, outside the model %.3f ms, %.1f %%\n",
                slots,
                sampling,
                result.step * 1e3,
                result.overhead * 1e3,
                result.share * 100
            )
        )
    }
}
