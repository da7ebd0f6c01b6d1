internal import Foundation
public import SkeinCore
public import SkeinNN
public import SkeinTensor
internal import SkeinText

/// All that decides a training run, as read from a YAML or JSON file.
///
/// Documentation/Training.md lists the keys.
public struct TrainingConfiguration: Sendable {
    /// Which rule moves the matrices.
    public enum Method: String, Sendable, CaseIterable { case adamw, muon, sgd, lion }
    /// How the learning rate falls after the warm-up.
    public enum Decay: String, Sendable, CaseIterable { case cosine, linear, constant, wsd }
    /// Where a tokenizer comes from.
    public enum TokenizerSource: Sendable {
        /// A file or a folder with one.
        case path(String)
        /// Trained on the corpus: byte-level BPE of so many tokens.
        case bytePairs(vocabulary: Int)
        /// One token for each byte of the corpus.
        case bytes
    }

    /// What was read, with what replaced parts of it: enough to make the run again.
    public let source: JSON

    /// A new model's `config.json`; `nil` when a checkpoint is taken further.
    public var model: JSON?
    /// A checkpoint to start from.
    public var startingPoint: String?
    /// The standard deviation of a new model's weights.
    public var initialDeviation: Double
    /// Where the tokenizer comes from; `nil` means from the checkpoint.
    public var tokenizer: TokenizerSource?

    /// A low-rank adapter in place of the whole model: its rank, its α, and parts of the names of the
    /// matrices that have one.
    public struct LowRank: Sendable, Hashable {
        /// r.
        public var rank: Int
        /// α; the product of the thin matrices is multiplied by α / r.
        public var alpha: Double
        /// Parts of names: `q_proj`.
        public var targets: [String]
    }

    /// The adapter to learn, if not the whole model.
    public var lowRank: LowRank?

    /// The texts to learn from.
    public var corpus: Corpus
    /// The texts to be judged by.
    public var validation: Corpus?
    /// The share of documents that are held out when there is no validation corpus.
    public var heldOutShare: Double

    /// Sequences in a batch; a batch has at most `sequences` · `length` rows.
    public var sequences: Int
    /// Tokens in a sequence, at most.
    public var length: Int
    /// Batches in a step.
    public var accumulation: Int
    /// How batches are filled.
    public var packing: BatchSource.Packing

    /// The rule.
    public var method: Method
    /// β₁ and β₂ of AdamW and Lion; the first is the momentum of SGD, the second that of Muon.
    public var betas: (Double, Double)
    /// λ, for matrices alone.
    public var weightDecay: Double
    /// The largest norm of all gradients; 0 for none.
    public var clippingNorm: Double
    /// The rate of the matrices that Muon moves, as a multiple of the schedule's.
    public var muonScale: Double
    /// The learning rate.
    public var schedule: Schedule
    /// Steps in all.
    public var steps: Int

    /// The share of a target spread over all tokens.
    public var labelSmoothing: Double
    /// The weight of the squared log-sum-exp.
    public var zLoss: Double
    /// The chance that a block's output value is dropped.
    public var dropout: Double
    /// Whether blocks run again on the way back.
    public var recomputesBlocks: Bool
    /// What products with weights compute in.
    public var precision: Tape.Precision
    /// What remains of the moving average of weights at each step; 0 for none.
    public var averageDecay: Double

    /// Steps between evaluations.
    public var evaluationInterval: Int
    /// Tokens of an evaluation.
    public var evaluationTokens: Int
    /// Steps between checkpoints.
    public var checkpointInterval: Int
    /// How many checkpoints stay.
    public var keptCheckpoints: Int
    /// The seed of weights, order and dropout.
    public var seed: UInt64

    /// Reads a configuration.
    ///
    /// - Parameters:
    ///   - text: YAML or JSON.
    ///   - source: Its name, for messages.
    ///   - changes: Pairs such as `batch.length` and `512` that go over what is written.
    /// - Throws: `SkeinError.Code.syntax`, or `.invalidArgument` naming the key and the nearest known one.
    public init(
        parsing text: String,
        source: String,
        changes: [(key: String, value: String)] = []
    ) throws {
        var json = try Settings.parse(text, source)
        for change in changes {
            let value = try Settings.parse(change.value, "--set \(change.key)")
            json = try Self.replacing(
                json,
                change.key.split(separator: ".").map(String.init),
                value
            )
        }
        try self.init(json)
    }

    private static func replacing(_ json: JSON, _ path: [String], _ value: JSON) throws -> JSON {
        guard let key = path.first else { return value }
        var object = json.object ?? JSONObject()
        object[key] = try replacing(object[key] ?? .null, Array(path.dropFirst()), value)
        return .object(object)
    }

    /// Reads a configuration.
    ///
    /// - Parameter json: The keys and values.
    /// - Throws: `SkeinError.Code.invalidArgument` naming the key and the nearest known one.
    public init(_ json: JSON) throws {
        source = json
        let top = try Settings(
            json,
            "",
            known: [
                "model", "from", "initial_deviation", "tokenizer", "data", "batch", "optimizer",
                "schedule", "steps", "loss", "lora", "dropout", "activation_checkpointing",
                "precision",
                "ema", "evaluation", "checkpoints", "seed",
            ]
        )
        (model, startingPoint) = (top["model"], try top.string("from"))
        guard (model == nil) != (startingPoint == nil) else {
            throw SkeinError(
                .invalidArgument,
                "the configuration has \(model == nil ? "neither model nor from" : "model and from")",
                hint: "write model: with a config.json's keys, or from: with a checkpoint's path"
            )
        }
        if let model, model.object == nil {
            throw top.refusal("model", "the keys of a config.json")
        }
        initialDeviation = try top.number("initial_deviation", default: 0.02, in: 0...10)
        tokenizer = try Self.tokenizer(top["tokenizer"])
        lowRank = try Self.lowRank(top["lora"])
        guard lowRank == nil || startingPoint != nil else {
            throw SkeinError(
                .invalidArgument,
                "lora is for a checkpoint, and this is a new model",
                hint: "write from: with a checkpoint's path"
            )
        }
        guard tokenizer != nil || startingPoint != nil else {
            throw SkeinError(
                .invalidArgument,
                "a new model needs a tokenizer",
                hint: "write tokenizer: {vocabulary: 4096}, {bytes: true} or {path: FOLDER}"
            )
        }

        let data = try Settings(
            top["data"],
            "data",
            known: ["train", "validation", "held_out", "separator", "field"]
        )
        let (separator, field) = (try data.string("separator"), try data.string("field") ?? "text")
        guard let sources = try Self.sources(data, "train") else {
            throw data.refusal("train", "a file, a folder or a list of them")
        }
        corpus = Corpus(sources, separator: separator, field: field)
        validation = try Self.sources(data, "validation").map {
            Corpus($0, separator: separator, field: field)
        }
        heldOutShare = try data.number("held_out", default: 0.01, in: 0...0.5)

        let batch = try Settings(
            top["batch"],
            "batch",
            known: ["sequences", "length", "accumulation", "packing"]
        )
        sequences = try batch.integer("sequences", default: 8, in: 1...(1 << 16))
        length = try batch.integer("length", default: 256, in: 2...(1 << 20))
        accumulation = try batch.integer("accumulation", default: 1, in: 1...(1 << 16))
        packing = try batch.choice(
            "packing",
            default: .documents,
            of: BatchSource.Packing.allCases
        )

        steps = try top.integer("steps", in: 1...(1 << 40))
        let optimizer = try Settings(
            top["optimizer"],
            "optimizer",
            known: ["name", "learning_rate", "betas", "weight_decay", "clip", "muon_scale"]
        )
        method = try optimizer.choice("name", default: .adamw, of: Method.allCases)
        let rate = try optimizer.number("learning_rate", default: 1e-3, in: 0...100)
        let pair = optimizer["betas"]?.array?.compactMap(\.double) ?? [0.9, 0.95]
        guard pair.count == 2, pair.allSatisfy({ $0 >= 0 && $0 < 1 }) else {
            throw optimizer.refusal("betas", "two numbers in [0, 1)")
        }
        betas = (pair[0], pair[1])
        weightDecay = try optimizer.number("weight_decay", default: 0.1, in: 0...100)
        clippingNorm = try optimizer.number("clip", default: 1, in: 0...1e9)
        muonScale = try optimizer.number("muon_scale", default: 1, in: 0...1e6)
        schedule = try Self.schedule(top["schedule"], rate: rate, steps: steps)

        let loss = try Settings(top["loss"], "loss", known: ["label_smoothing", "z_loss"])
        labelSmoothing = try loss.number("label_smoothing", default: 0, in: 0...0.99)
        zLoss = try loss.number("z_loss", default: 0, in: 0...10)
        dropout = try top.number("dropout", default: 0, in: 0...0.95)
        recomputesBlocks = try top.flag("activation_checkpointing", default: false)
        precision = try top.choice("precision", default: .f32, of: Tape.Precision.allCases)
        averageDecay = try top.number("ema", default: 0, in: 0...0.999999)
        let evaluation = try Settings(
            top["evaluation"],
            "evaluation",
            known: ["every", "tokens"]
        )
        evaluationInterval = try evaluation.integer("every", default: 200, in: 1...(1 << 40))
        evaluationTokens = try evaluation.integer("tokens", default: 65_536, in: 1...(1 << 40))
        let checkpoints = try Settings(top["checkpoints"], "checkpoints", known: ["every", "keep"])
        checkpointInterval = try checkpoints.integer("every", default: 200, in: 1...(1 << 40))
        keptCheckpoints = try checkpoints.integer("keep", default: 2, in: 1...10_000)
        seed = UInt64(try top.integer("seed", default: 1, in: 0...Int.max))
    }

    private static func schedule(_ json: JSON?, rate: Double, steps: Int) throws -> Schedule {
        let section = try Settings(
            json,
            "schedule",
            known: ["name", "warmup", "minimum", "decay_steps"]
        )
        let decay = try section.choice("name", default: .cosine, of: Decay.allCases)
        let falling = try section.integer(
            "decay_steps",
            default: max(1, steps / 5),
            in: 1...(1 << 40)
        )
        let shape: Schedule.Shape =
            switch decay {
            case .cosine: .cosine
            case .linear: .linear
            case .constant: .constant
            case .wsd: .warmupStableDecay(decaySteps: falling)
            }
        return Schedule(
            peak: rate,
            floor: try section.number("minimum", default: rate / 10, in: 0...100),
            warmupSteps: try section.integer(
                "warmup",
                default: min(100, steps / 10),
                in: 0...(1 << 40)
            ),
            totalSteps: steps,
            shape: shape
        )
    }

    private static func lowRank(_ json: JSON?) throws -> LowRank? {
        guard let json else { return nil }
        let section = try Settings(json, "lora", known: ["rank", "alpha", "targets"])
        let rank = try section.integer("rank", default: 8, in: 1...4096)
        let targets = section["targets"]?.array?.compactMap(\.string) ?? ["q_proj", "v_proj"]
        guard !targets.isEmpty, targets.allSatisfy({ !$0.isEmpty }) else {
            throw section.refusal("targets", "a list of parts of matrices' names")
        }
        return LowRank(
            rank: rank,
            alpha: try section.number("alpha", default: Double(2 * rank), in: 0...1e6),
            targets: targets
        )
    }

    private static func tokenizer(_ json: JSON?) throws -> TokenizerSource? {
        guard let json else { return nil }
        let section = try Settings(json, "tokenizer", known: ["path", "vocabulary", "bytes"])
        if let path = try section.string("path") { return .path(path) }
        if try section.flag("bytes", default: false) { return .bytes }
        return .bytePairs(vocabulary: try section.integer("vocabulary", in: 257...(1 << 24)))
    }

    /// A path, a list of paths, or a list of `{path, copies}`.
    private static func sources(_ data: Settings, _ key: String) throws -> [Corpus.Source]? {
        guard let value = data[key] else { return nil }
        let items = value.array ?? [value]
        guard !items.isEmpty else { throw data.refusal(key, "a file, a folder or a list of them") }
        return try items.map { item in
            if let path = item.string { return Corpus.Source(path: path) }
            let section = try Settings(item, "data.\(key)", known: ["path", "copies"])
            guard let path = try section.string("path") else {
                throw section.refusal("path", "a file or a folder")
            }
            return Corpus.Source(
                path: path,
                copies: try section.integer("copies", default: 1, in: 1...1_000_000)
            )
        }
    }
}
