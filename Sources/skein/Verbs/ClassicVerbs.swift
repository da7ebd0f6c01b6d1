internal import ArgumentParser
internal import Foundation
internal import SkeinClassic
internal import SkeinClassicHost
internal import SkeinCore

/// `skein classic fit`.
struct ClassicFit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit",
        abstract: "Fit a model and score it on samples held out, or by cross-validation."
    )

    @OptionGroup var source: ClassicDataFlags
    @OptionGroup var estimator: ClassicKindFlag
    @OptionGroup var choice: ClassicFitFlags

    @Option(name: [.customShort("o"), .long], help: "The directory to write the model to.")
    var output: String?

    @Option(help: "The share of samples to hold out and score.")
    var test = 0.0

    @Option(help: "Cross-validate with so many folds.")
    var folds: Int?

    func run() throws {
        let team = try source.team()
        let data = try source.read()
        if let folds { try validate(data, folds, team) }
        var training = data
        var held: Dataset?
        if test > 0 {
            guard test < 1 else {
                throw SkeinError(.invalidArgument, "--test is \(test), expected a share below 1")
            }
            let order = Splits.order(data.table.rows, seed: choice.seed)
            let count = Int((Double(data.table.rows) * test).rounded())
            held = data.taking(Array(order.prefix(count)))
            training = data.taking(Array(order.dropFirst(count)))
        }
        let start = ContinuousClock.now
        let model = try choice.fit(estimator.kind, training, on: team)
        let elapsed = (ContinuousClock.now - start).seconds
        Environment.out(
            "\(model.kind.rawValue): \(training.table.rows) samples, \(model.width) features,"
                + " \(model.classes.count) classes, fitted in \(rounded(elapsed * 1000)) ms\n"
        )
        if let held, !model.kind.isClustering, held.table.rows > 0 {
            let labels = try model.predictions(for: held.table, on: team).labels
            let metrics = Metrics(truth: held.labels, predicted: labels, classes: model.classes)
            Environment.out("held out: accuracy \(rounded(metrics.accuracy))\n")
        }
        if let output {
            try FileManager.default.createDirectory(
                atPath: output,
                withIntermediateDirectories: true
            )
            try ModelStore.save(model, to: output)
        }
    }

    private func validate(_ data: Dataset, _ folds: Int, _ team: PoolTeam) throws {
        guard (2...data.table.rows).contains(max(folds, 0)), !estimator.kind.isClustering else {
            throw SkeinError(
                .invalidArgument,
                "--folds \(folds) of \(data.table.rows) samples for \(estimator.kind.rawValue); expected"
                    + " a classifier and 2 or more folds, at most one a sample"
            )
        }
        var scores: [Double] = []
        for fold in Splits.folds(data.labels, count: folds, seed: choice.seed) {
            let out = Set(fold)
            let rest = (0..<data.table.rows).filter { !out.contains($0) }
            let model = try choice.fit(estimator.kind, data.taking(rest), on: team)
            let held = data.taking(fold)
            let labels = try model.predictions(for: held.table, on: team).labels
            let metrics = Metrics(truth: held.labels, predicted: labels, classes: model.classes)
            scores.append(metrics.accuracy)
        }
        let mean = scores.reduce(0, +) / Double(scores.count)
        let list = scores.map(rounded).joined(separator: " ")
        Environment.out("cross-validation: accuracy \(rounded(mean)) (\(list))\n")
    }
}

/// `skein classic predict`.
struct ClassicPredict: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Print the class of every sample, one a line."
    )

    @Option(name: [.customShort("m"), .long], help: "A model's directory.")
    var model: String

    @OptionGroup var source: ClassicDataFlags
    @OptionGroup var plan: PlanFlag

    @Flag(help: "Print each sample's scores after its class.")
    var scores = false

    func run() throws {
        let model = try ModelStore.load(model)
        let data = try source.read()
        let prediction = try model.predictions(
            for: data.table,
            on: source.team(),
            plan: plan.value()
        )
        var text = ""
        for (row, label) in prediction.labels.enumerated() {
            text += model.classes.isEmpty ? "\(label)" : model.classes[Int(label)]
            if scores {
                for column in 0..<prediction.columns {
                    text += ",\(prediction.scores[row * prediction.columns + column])"
                }
            }
            text += "\n"
        }
        Environment.out(text)
    }
}

/// `skein classic eval`.
struct ClassicEvaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Score a classifier: accuracy, F1, a class at a time, the confusion matrix."
    )

    @Option(name: [.customShort("m"), .long], help: "A model's directory.")
    var model: String

    @OptionGroup var source: ClassicDataFlags
    @OptionGroup var plan: PlanFlag

    @Option(help: "Write the confusion matrix as an SVG picture.")
    var picture: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let model = try ModelStore.load(model)
        guard !model.kind.isClustering else {
            throw SkeinError(
                .unsupported,
                "\(model.kind.rawValue) knows no classes to compare with",
                hint: "use predict"
            )
        }
        let data = try source.read(classes: model.classes)
        let labels = try model.predictions(for: data.table, on: source.team(), plan: plan.value())
            .labels
        let metrics = Metrics(truth: data.labels, predicted: labels, classes: model.classes)
        if let picture {
            do {
                try metrics.picture.write(toFile: picture, atomically: true, encoding: .utf8)
            } catch {
                throw SkeinError(.ioFailure, "cannot write \(picture): \(error)")
            }
        }
        if json {
            let rows = metrics.confusion.map { JSON.array($0.map(JSON.int)) }
            let report: JSON = [
                "accuracy": .double(metrics.accuracy), "macro_f1": .double(metrics.macroF1),
                "classes": .array(model.classes.map(JSON.string)), "confusion": .array(rows),
            ]
            Environment.out(report.text(.indented(2)) + "\n")
            return
        }
        var text = "accuracy \(rounded(metrics.accuracy))  macro F1 \(rounded(metrics.macroF1))\n"
        for (index, name) in model.classes.enumerated() {
            text +=
                "\(name): precision \(rounded(metrics.precision(index))),"
                + " recall \(rounded(metrics.recall(index))), confusion \(metrics.confusion[index])\n"
        }
        Environment.out(text)
    }
}

extension Duration {
    /// Seconds, with their fraction.
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}

/// Four digits after the point.
func rounded(_ value: Double) -> String { String(format: "%.4f", value) }
