internal import SkeinCore
internal import SkeinModels
internal import SkeinNN
public import SkeinTensor

/// What decides how a model learns a synthetic task.
public struct TaskSettings: Sendable {
    /// The task, at the length it is learnt at.
    public var task: SequenceTask
    /// Whether step, B and C are the same for all tokens: a linear time-invariant system.
    public var isTimeInvariant: Bool
    /// C: the width of the model.
    public var width = 64
    /// Layers.
    public var layers = 2
    /// N: states of a channel.
    public var states = 16
    /// Examples of a step; of shorter lengths, as many more as make up the same tokens.
    public var batch: Int
    /// Steps at most.
    public var steps: Int
    /// η, the same in all steps but those of the decay.
    public var learningRate: Double
    /// The share of all steps, at their end, in which the rate falls to zero along a line.
    public var decay = 0.0
    /// The seed of weights and examples.
    public var seed: UInt64
    /// Shorter lengths learnt first, in this order.
    ///
    /// One is left when its answers are mostly right, or
    /// when its share of the steps is over, which leaves half of all steps to the task's own length.
    public var curriculum: [Int] = []
    /// Learning ends early once so large a share of judged answers is right and their mean loss, in
    /// nats, is as low as this.
    public var goal = (accuracy: 0.999, loss: 2e-5)

    /// Joins the choices.
    public init(
        task: SequenceTask,
        isTimeInvariant: Bool = false,
        batch: Int,
        steps: Int,
        learningRate: Double,
        seed: UInt64 = 1
    ) {
        self.task = task
        self.isTimeInvariant = isTimeInvariant
        self.batch = batch
        self.steps = steps
        self.learningRate = learningRate
        self.seed = seed
    }
}

/// A small Mamba, or the same without selection, that learns a synthetic task.
///
/// - Paper: Gu and Dao 2023, arXiv:2312.00752, section 4.1 and appendix E.1: Adam without weight decay
///   at a constant rate, fresh examples in every step.
public final class TaskRun {
    /// One point of the curve.
    public struct Point: Sendable, Hashable {
        /// Steps taken.
        public var step: Int
        /// Tokens of an example that the last step learnt from.
        public var tokens: Int
        /// The mean loss of an answer since the last point, in nats.
        public var loss: Double
        /// The share of right answers on examples that were never learnt from.
        public var accuracy: Double
    }

    /// What decides the run.
    public let settings: TaskSettings
    private let processor: Processor
    private let model: any LearningModel
    private let optimizer: Optimizer
    /// Lengths of the curriculum that are behind, and what the present one has shown.
    private var stage = (number: 0, steps: 0, loss: 0.0)
    /// Examples learnt from.
    private var drawn: UInt64 = 0

    /// Draws a model.
    ///
    /// - Throws: `SkeinError.Code.invalidArgument` for sizes that no task has.
    public init(_ settings: TaskSettings, processor: Processor) throws {
        self.settings = settings
        self.processor = processor
        let sizes = [
            settings.width, settings.layers, settings.states, settings.batch, settings.steps,
        ]
        let fits =
            switch settings.task {
            case .selectiveCopying(let length, let count):
                count > 0 && count <= length && settings.curriculum.allSatisfy { $0 > 0 }
            case .inductionHeads(let length):
                ([length] + settings.curriculum).allSatisfy { $0 > 3 }
            }
        guard fits, sizes.allSatisfy({ $0 > 0 }), settings.learningRate > 0,
            (0...1).contains(settings.decay)
        else {
            throw SkeinError(
                .invalidArgument,
                "sizes \(sizes), rate \(settings.learningRate), decay \(settings.decay),"
                    + " \(settings.task) and lengths before it \(settings.curriculum): expected all"
                    + " above 0, a decay of at most 1, and no more data tokens than places"
            )
        }
        var values = JSONObject()
        values["model_type"] = .string("mamba")
        for (key, value) in [
            ("vocab_size", SequenceTask.vocabulary), ("hidden_size", settings.width),
            ("num_hidden_layers", settings.layers), ("state_size", settings.states),
        ] {
            values[key] = .int(value)
        }
        values["time_invariant"] = .bool(settings.isTimeInvariant)
        let loaded = try LanguageModelLoader.load(
            FreshCheckpoint(ModelConfiguration(.object(values), source: "the task's model")),
            processor: processor,
            options: LoadOptions(learning: .fromScratch(Initialization(seed: settings.seed)))
        )
        guard let model = loaded as? any LearningModel, let learned = model.learned else {
            throw SkeinError(.incapable, "the task's model cannot learn")
        }
        self.model = model
        optimizer = Optimizer(
            [
                ParameterGroup(
                    learned.parameters.filter { !$0.isFrozen },
                    rule: AdamW(beta1: 0.9, beta2: 0.999)
                )
            ],
            processor: processor
        )
    }

    private static let learning: UInt32 = 0x7a5c_0001
    private static let judging: UInt32 = 0x7a5c_0002

    /// Learns until the goal is met or all steps are taken.
    ///
    /// - Parameters:
    ///   - interval: Steps between points.
    ///   - stops: Asked after each step whether to end.
    ///   - report: Told every point.
    /// - Returns: The points.
    /// - Throws: `SkeinError.Code.notFinite` when the loss is.
    public func learn(
        every interval: Int,
        until stops: () -> Bool = { false },
        _ report: (Point) -> Void
    ) throws -> [Point] {
        var points: [Point] = []
        var sum = 0.0
        for step in 1...settings.steps {
            sum += try takeStep(step)
            if step % interval == 0 || step == settings.steps {
                let point = Point(
                    step: step,
                    tokens: lesson.tokens,
                    loss: sum / Double((step - 1) % interval + 1),
                    accuracy: try accuracy(settings.task, examples: 64)
                )
                sum = 0
                points.append(point)
                report(point)
                if point.tokens == settings.task.tokens,
                    point.accuracy >= settings.goal.accuracy, point.loss <= settings.goal.loss
                {
                    break
                }
            }
            if stops() { break }
        }
        return points
    }

    /// The steps between two looks at whether a length is learnt, and the loss, in nats, that says so.
    private static let trial = (steps: 20, loss: 0.25)

    /// The task at the length that is learnt now.
    private var lesson: SequenceTask {
        guard stage.number < settings.curriculum.count else { return settings.task }
        return settings.task.resized(settings.curriculum[stage.number])
    }

    /// Goes on to the next length if the present one is learnt or had its time.
    private func advance(after loss: Double) {
        guard stage.number < settings.curriculum.count else { return }
        stage.steps += 1
        stage.loss += loss
        let share = max(1, settings.steps / (2 * settings.curriculum.count))
        var isOver = stage.steps >= share
        if stage.steps % Self.trial.steps == 0 {
            isOver = isOver || stage.loss < Self.trial.loss * Double(Self.trial.steps)
            stage.loss = 0
        }
        if isOver { stage = (stage.number + 1, 0, 0) }
    }

    /// The rate of a step, counted from 1.
    private func rate(at step: Int) -> Double {
        let left = Double(settings.steps - step + 1)
        return settings.learningRate
            * min(1, left / max(settings.decay * Double(settings.steps), 1))
    }

    private func takeStep(_ step: Int) throws -> Double {
        let lesson = lesson
        let count = settings.batch * settings.task.tokens / lesson.tokens
        let examples = (0..<count).map {
            lesson.example(drawn + UInt64($0), seed: settings.seed, stream: Self.learning)
        }
        drawn += UInt64(count)
        let targets = examples.flatMap(\.targets)
        let answers = targets.count { $0 != CrossEntropy.ignored }
        let tape = Tape()
        let recording = processor.recording(on: tape)
        var execution = Execution(processor: recording, state: model.makePassMemory())
        let hidden = try model.forward(Self.batch(examples), &execution)
        let outcome = try model.loss(
            hidden,
            targets: targets,
            rule: CrossEntropy(gradientScale: 1 / Float(answers)),
            recording
        )
        let loss = outcome.sum / Double(answers)
        tape.backward(on: processor)
        let norm = optimizer.step(learningRate: Float(rate(at: step)), clippingTo: 1)
        guard loss.isFinite, norm.isFinite else {
            throw SkeinError(
                .notFinite,
                "step \(step): the loss is \(loss) and the norm of the gradients \(norm)",
                hint: "lower the learning rate"
            )
        }
        advance(after: loss)
        return loss
    }

    private static func batch(_ examples: [SequenceTask.Example]) -> RowBatch {
        var segments: [Segment] = []
        var start = 0
        for example in examples {
            segments.append(
                Segment(
                    rows: start..<start + example.tokens.count,
                    slot: 0,
                    reads: .nothing,
                    visibility: .causal
                )
            )
            start += example.tokens.count
        }
        return RowBatch(
            inputs: .tokens(examples.flatMap(\.tokens)),
            positions: examples.flatMap { $0.tokens.indices.map { Int32($0) } },
            segments: segments,
            headRows: []
        )
    }

    /// The share of right answers over fresh examples, at any length, in constant memory.
    ///
    /// - Parameters:
    ///   - task: The task, perhaps far longer than the one learnt.
    ///   - examples: How many to judge.
    /// - Returns: Right answers over all answers.
    /// - Throws: What the forward pass throws.
    public func accuracy(_ task: SequenceTask, examples: Int) throws -> Double {
        var (right, all) = (0, 0)
        for number in 0..<examples {
            let example = task.example(
                UInt64(number),
                seed: settings.seed,
                stream: Self.judging
            )
            let state = model.makePassMemory()
            var execution = Execution(processor: processor, state: state)
            for start in stride(from: 0, to: example.tokens.count, by: Self.chunk) {
                let end = min(start + Self.chunk, example.tokens.count)
                let hidden = try model.forward(
                    RowBatch(
                        inputs: .tokens(Array(example.tokens[start..<end])),
                        positions: (start..<end).map { Int32($0) },
                        segments: [
                            Segment(
                                rows: 0..<end - start,
                                slot: 0,
                                reads: .all(.main),
                                visibility: .causal
                            )
                        ],
                        headRows: []
                    ),
                    &execution
                )
                try state.commit(
                    rows: (0..<Int32(end - start)).map { $0 },
                    ofSegment: 0,
                    to: BranchKey(0, .main)
                )
                state.unstage()
                let asked = (start..<end).filter {
                    example.targets[$0] != CrossEntropy.ignored
                }
                guard !asked.isEmpty else { continue }
                let logits = model.logits(
                    processor.gather(hidden, rows: asked.map { Int32($0 - start) }),
                    processor
                )
                for (row, place) in asked.enumerated() {
                    all += 1
                    if processor.argmax(logits, row: row) == Int(example.targets[place]) {
                        right += 1
                    }
                }
            }
        }
        return all == 0 ? 0 : Double(right) / Double(all)
    }

    /// Tokens of one forward pass when judging.
    private static let chunk = 4096

    /// Learned values of the model.
    public var parameterCount: Int { optimizer.parameters.reduce(0) { $0 + $1.count } }
}
