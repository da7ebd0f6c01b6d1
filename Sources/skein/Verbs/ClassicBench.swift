internal import ArgumentParser
internal import Foundation
internal import SkeinClassic
internal import SkeinClassicHost
internal import SkeinCore

/// `skein classic bench`.
struct ClassicBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Time fit and predict; prints JSON with medians in milliseconds and a score.",
        discussion: """
            The score is the accuracy on the samples predicted, of K-means the inertia of the fitted ones, of a \
            mixture the mean log-likelihood.
            With --riscv all estimators are fitted and put into firmware, and QEMU counts the instructions of \
            their inference: with libgcc's float routines, ours, the F extension, and fixed point, for 1 to 8 \
            workers. Tables go to standard output; --output keeps them with pictures and the firmware.
            """
    )

    @OptionGroup var source: ClassicDataFlags
    @OptionGroup var choice: ClassicFitFlags
    @OptionGroup var plan: PlanFlag

    @Option(help: "Which estimator, as for fit.", transform: named)
    var kind: ClassicKind?

    @Option(help: "Samples to predict; the fitted ones by default.")
    var on: String?

    @Option(help: "Their classes, where both are .npy files.")
    var onLabels: String?

    @Option(help: "How often.")
    var repeats = 5

    @Flag(help: "Count instructions on an emulated RISC-V chip.")
    var riscv = false

    @Option(help: "--riscv: how many samples the nearest neighbours store.")
    var stored = 256

    @Option(
        name: [.customShort("o"), .long],
        help: "--riscv: the directory for firmware and tables."
    )
    var output: String?

    func run() throws {
        if riscv { return try countInstructions() }
        guard let kind else {
            throw SkeinError(.invalidArgument, "bench without --kind; expected it, or --riscv")
        }
        let team = try source.team()
        let data = try source.read()
        var other = source
        (other.data, other.labels) = (on ?? source.data, onLabels)
        let asked = on == nil ? data : try other.read(classes: data.classes)
        let plan = try plan.value()
        var (fits, predictions): ([Double], [Double]) = ([], [])
        var score = 0.0
        for _ in 0..<max(repeats, 1) {
            let start = ContinuousClock.now
            let model = try choice.fit(kind, data, on: team)
            let middle = ContinuousClock.now
            let labels = try model.predictions(for: asked.table, on: team, plan: plan).labels
            predictions.append((ContinuousClock.now - middle).seconds * 1000)
            fits.append((middle - start).seconds * 1000)
            if let mixture = model as? MixtureModel {
                score = try mixture.meanLogLikelihood(asked.table, on: team)
            } else if model.kind.isClustering {
                score = model.parameters["inertia"] ?? 0
            } else {
                score =
                    Metrics(truth: asked.labels, predicted: labels, classes: data.classes).accuracy
            }
        }
        let report: JSON = [
            "kind": .string(kind.rawValue), "threads": .int(team.workers),
            "fit_ms": .double(fits.sorted()[fits.count / 2]),
            "predict_ms": .double(predictions.sorted()[predictions.count / 2]),
            "score": .double(score),
        ]
        Environment.out(report.text() + "\n")
    }

    private func countInstructions() throws {
        let data = try source.read()
        let folder = output ?? NSTemporaryDirectory() + "skein-riscv-\(UUID().uuidString)"
        defer { if output == nil { try? FileManager.default.removeItem(atPath: folder) } }
        let experiment = try ChipExperiment(
            data,
            on: try source.team(),
            stored: max(stored, 1),
            seed: choice.seed,
            folder: folder
        ) { Environment.error("counting: \($0)\n") }
        Environment.out(experiment.markdown)
        guard output != nil else { return }
        let files = [
            "riscv.md": experiment.markdown, "speedup.svg": experiment.speedupPicture,
            "emulation.svg": experiment.emulationPicture,
        ]
        for (name, text) in files.sorted(by: { $0.key < $1.key }) {
            do {
                try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            } catch {
                throw SkeinError(.ioFailure, "cannot write \(folder)/\(name): \(error)")
            }
        }
    }
}
