internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinTensor
internal import SkeinTraining

/// `skein task`: synthetic tasks that tell sequence models apart.
struct TaskVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "task",
        abstract: "Learn a synthetic task: selective copying or induction heads.",
        subcommands: [SelectiveCopying.self, InductionHeads.self]
    )
}

/// What both tasks are asked for.
struct TaskFlags: ParsableArguments {
    @Option(name: [.short, .long], help: "The folder of the results.") var output: String
    @Option(help: "Examples of a step.") var batch: Int?
    @Option(help: "Steps at most.") var steps: Int?
    @Option(help: "Shorter lengths learnt first, as 32,64.") var curriculum: String?
    @Option(help: "The learning rate.") var rate: Double?
    @Option(help: "The share of the steps, at their end, in which the rate falls to zero.")
    var decay: Double?
    @Option(help: "End early at this mean loss, in nats; 0 takes all steps.") var goal: Double?
    @Option(help: "Width of the model.") var width = 64
    @Option(help: "Layers.") var layers = 2
    @Option(help: "States of a channel.") var states = 16
    @Option(help: "The seed of weights and examples.") var seed: UInt64 = 1
    @Option(help: "Steps between two points of the curve.") var interval = 250
    @Option(name: [.short, .long], help: "Threads; all cores by default.") var threads: Int?
    @Option(help: "Divide scans over time, too, in chunks of so many rows.") var scanChunk: Int?
    @Flag(help: "The paper's sizes and steps instead of those that end within an hour.")
    var paper = false

    /// Learns with one mixer, printing every point.
    func learn(
        _ task: SequenceTask,
        invariant: Bool,
        defaults: (batch: Int, steps: Int, rate: Double, decay: Double, curriculum: [Int]),
        goal loss: Double = 2e-5
    ) throws -> (run: TaskRun, points: [TaskRun.Point]) {
        var settings = TaskSettings(
            task: task,
            isTimeInvariant: invariant,
            batch: batch ?? defaults.batch,
            steps: steps ?? defaults.steps,
            learningRate: rate ?? defaults.rate,
            seed: seed
        )
        (settings.width, settings.layers, settings.states) = (width, layers, states)
        settings.goal.loss = goal ?? loss
        settings.decay = decay ?? defaults.decay
        settings.curriculum = try curriculum.map(Self.lengths) ?? defaults.curriculum
        guard interval > 0 else {
            throw SkeinError(.invalidArgument, "an interval of \(interval), expected 1 or more")
        }
        let processor = try Processor(threads: threads, scanChunk: scanChunk)
        let run = try TaskRun(settings, processor: processor)
        let name = invariant ? "time-invariant" : "selective"
        Environment.out("\(name): \(run.parameterCount) parameters, \(task.tokens) tokens\n")
        Interrupt.start([SIGINT, SIGTERM])
        let start = ContinuousClock.now
        let points = try run.learn(every: interval, until: { Interrupt.isRaised }) { point in
            Environment.out(
                String(
                    format: "%@  step %d  tokens %d  loss %.4f  right %.2f %%  %.0f s\n",
                    name,
                    point.step,
                    point.tokens,
                    point.loss,
                    100 * point.accuracy,
                    (ContinuousClock.now - start) / .seconds(1)
                )
            )
        }
        return (run, points)
    }

    private static func lengths(_ text: String) throws -> [Int] {
        try text.split(separator: ",").map { part in
            guard let length = Int(part) else {
                throw SkeinError(
                    .invalidArgument,
                    "a curriculum of \(text), expected lengths such as 32,64"
                )
            }
            return length
        }
    }

    /// Writes a file of the results' folder.
    func write(_ text: String, to name: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: output,
                withIntermediateDirectories: true
            )
            try text.write(toFile: output + "/" + name, atomically: true, encoding: .utf8)
        } catch {
            throw SkeinError(
                .ioFailure,
                "cannot write \(output)/\(name): \(error.localizedDescription)"
            )
        }
    }

    /// Points as JSON.
    static func json(_ points: [TaskRun.Point]) -> JSON {
        .array(
            points.map { point in
                var object = JSONObject()
                object["step"] = .int(point.step)
                object["tokens"] = .int(point.tokens)
                object["loss"] = .double(point.loss)
                object["accuracy"] = .double(point.accuracy)
                return .object(object)
            }
        )
    }
}

/// `skein task selective-copying`.
struct SelectiveCopying: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell scattered tokens in order; a time-invariant system cannot."
    )

    @OptionGroup var flags: TaskFlags
    @Option(help: "Tokens that hold the data.") var length: Int?
    @Option(help: "Data tokens to be told.") var count = 16
    @Option(help: "selective, invariant, or both.") var mixer = "both"

    func run() throws {
        guard ["selective", "invariant", "both"].contains(mixer) else {
            throw SkeinError(
                .invalidArgument,
                "a mixer \"\(mixer)\"; known are selective, invariant and both"
            )
        }
        let task = SequenceTask.selectiveCopying(
            length: length ?? (flags.paper ? 4096 : 256),
            count: count
        )
        let defaults =
            flags.paper ? (64, 400_000, 1e-4, 0.0, []) : (8, 16_000, 3e-3, 0.5, [32, 64, 128])
        var curves: [(name: String, points: [TaskRun.Point])] = []
        var results = JSONObject()
        for (name, invariant) in [("selective", false), ("invariant", true)]
        where mixer == "both" || mixer == name {
            let points = try flags.learn(task, invariant: invariant, defaults: defaults).points
            curves.append((invariant ? "time-invariant" : "selective (Mamba)", points))
            results[name] = TaskFlags.json(points)
            try flags.write(JSON.object(results).text(.indented(2)), to: "results.json")
            try flags.write(
                TaskPicture.learning("Selective copying, \(task.tokens) tokens", curves),
                to: "learning.svg"
            )
        }
        Environment.out("wrote \(flags.output)/learning.svg and results.json\n")
    }
}

/// `skein task induction-heads`.
struct InductionHeads: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what followed a token's last appearance, then at lengths never seen."
    )

    @OptionGroup var flags: TaskFlags
    @Option(help: "Tokens of an example while learning.") var length: Int?
    @Option(help: "The longest example judged is 2 to this power.") var longest = 18
    @Option(help: "Examples judged at each length.") var examples = 16

    func run() throws {
        guard (6...26).contains(longest), examples > 0 else {
            throw SkeinError(
                .invalidArgument,
                "2^\(longest) tokens and \(examples) examples; expected powers 6 to 26, 1 or more"
            )
        }
        let task = SequenceTask.inductionHeads(length: length ?? 256)
        let defaults =
            flags.paper ? (8, 204_800, 1e-3, 0.0, []) : (8, 12_000, 3e-3, 0.0, [16, 32, 64, 128])
        // All answers are right long before they are right at any length, so that all steps are taken.
        let (run, points) = try flags.learn(task, invariant: false, defaults: defaults, goal: 0)
        var found: [(power: Int, accuracy: Double)] = []
        var lengths = JSONObject()
        for power in 6...longest {
            let accuracy = try run.accuracy(task.resized(1 << power), examples: examples)
            found.append((power, accuracy))
            lengths["\(1 << power)"] = .double(accuracy)
            Environment.out(
                String(format: "2^%d tokens: right %.1f %%\n", power, 100 * accuracy)
            )
        }
        var results = JSONObject()
        results["learning"] = TaskFlags.json(points)
        results["accuracy by length"] = .object(lengths)
        try flags.write(JSON.object(results).text(.indented(2)), to: "results.json")
        try flags.write(
            TaskPicture.learning("Induction heads, \(task.tokens) tokens", [("Mamba", points)]),
            to: "learning.svg"
        )
        try flags.write(
            TaskPicture.lengths(
                "Induction heads learnt at \(task.tokens) tokens",
                "Mamba",
                found
            ),
            to: "lengths.svg"
        )
        Environment.out("wrote learning.svg, lengths.svg and results.json to \(flags.output)\n")
    }
}
