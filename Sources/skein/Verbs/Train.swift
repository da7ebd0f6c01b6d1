internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinTensor
internal import SkeinTraining

/// `skein train`: learns a language model from text.
struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a language model, or take a checkpoint further.",
        discussion: """
            Keys of the configuration are described in Documentation/Training.md. Ctrl-C writes a \
            checkpoint and ends; the same command with --resume goes on.
            """
    )

    @Option(name: .shortAndLong, help: "The run's configuration, YAML or JSON.")
    var config: String?

    @Option(name: .shortAndLong, help: "The run's folder.")
    var output: String

    @Flag(help: "Go on with the run in the folder.")
    var resume = false

    @Option(help: "Put a value over the configuration's: batch.length=512. May be repeated.")
    var set: [String] = []

    @Option(help: "Steps in all.") var steps: Int?
    @Option(help: "The seed.") var seed: Int?
    @Option(name: [.customShort("t"), .long], help: "Threads; all cores by default.")
    var threads: Int?

    func run() throws {
        let saved = output + "/run.json"
        guard let path = config ?? (resume ? saved : nil) else {
            throw SkeinError(
                .invalidArgument,
                "no configuration is named",
                hint: "pass --config FILE.yaml, or --resume with the folder of a run"
            )
        }
        let configuration = try TrainingConfiguration(
            parsing: String(decoding: try MappedFile(path: path).prefix(.max), as: UTF8.self),
            source: path,
            changes: try changes()
        )
        Interrupt.start([SIGINT, SIGTERM])
        var line = ProgressLine(steps: configuration.steps)
        let run = try TrainingRun(
            configuration,
            folder: output,
            resumes: resume,
            processor: Processor(threads: threads)
        ) { event in
            line.show(event)
        }
        Environment.error("\(run.parameterCount) parameters, from step \(run.step)\n")
        let ending = try run.run { Interrupt.isRaised }
        switch ending {
        case .finished:
            Environment.out("\(output)/model\n")
        case .stopped:
            Environment.error(
                "stopped at step \(run.step) of \(configuration.steps);"
                    + " skein train --output \(output) --resume goes on\n"
            )
        }
    }

    private func changes() throws -> [(key: String, value: String)] {
        var changes = try set.map { text in
            guard let mark = text.firstIndex(of: "="), mark > text.startIndex else {
                throw SkeinError(.invalidArgument, "--set \(text): expected KEY=VALUE")
            }
            return (key: String(text[..<mark]), value: String(text[text.index(after: mark)...]))
        }
        if let steps { changes.append(("steps", "\(steps)")) }
        if let seed { changes.append(("seed", "\(seed)")) }
        return changes
    }
}

/// One line that says how far a run is.
private struct ProgressLine {
    let steps: Int
    private var rate = 0.0
    private var stepSeconds = 0.0

    init(steps: Int) { self.steps = steps }

    mutating func show(_ event: TrainingRun.Event) {
        switch event {
        case .preparation(let text):
            Environment.error("\(text)\n")
        case .step(let report):
            // A mean that forgets: single steps jump with the length of their texts.
            let speed = Double(report.tokens) / max(report.seconds, 1e-9)
            rate = rate == 0 ? speed : 0.9 * rate + 0.1 * speed
            stepSeconds =
                stepSeconds == 0 ? report.seconds : 0.9 * stepSeconds + 0.1 * report.seconds
            let left = Duration.seconds(Double(steps - report.step) * stepSeconds)
            Environment.error(
                String(
                    format:
                        "\rstep %d/%d  loss %.4f  rate %.2e  norm %.2f  %.0f tokens/s  %@ left  ",
                    report.step,
                    steps,
                    report.loss,
                    report.learningRate,
                    report.gradientNorm,
                    rate,
                    left.formatted(.time(pattern: .hourMinuteSecond))
                )
            )
        case .evaluation(let step, let loss, let bits):
            Environment.error(
                String(
                    format: "\nstep %d: held-out loss %.4f, %.4f bits a byte\n",
                    step,
                    loss,
                    bits
                )
            )
        case .checkpoint(_, let path):
            Environment.error("\nwrote \(path)\n")
        }
    }
}
