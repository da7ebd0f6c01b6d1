internal import Foundation
internal import SkeinCore
internal import SkeinModels
internal import SkeinNN
public import SkeinTensor
public import SkeinText

/// A training run in a folder of its own: it can stop at any step and go on as if it had not.
public final class TrainingRun {
    /// What happened, for whoever watches.
    public enum Event: Sendable {
        /// Work before the first step.
        case preparation(String)
        /// A step.
        case step(StepReport)
        /// A held-out loss in nats a token, and in bits a byte of text.
        case evaluation(step: Int, loss: Double, bitsPerByte: Double)
        /// A checkpoint at a path.
        case checkpoint(step: Int, path: String)
    }

    /// The numbers of a step.
    public struct StepReport: Sendable, Hashable {
        /// Steps taken, this one included.
        public var step: Int
        /// The mean loss of the step's tokens, in nats.
        public var loss: Double
        /// The learning rate.
        public var learningRate: Double
        /// The norm of all gradients before clipping.
        public var gradientNorm: Double
        /// Tokens learnt from.
        public var tokens: Int
        /// Seconds.
        public var seconds: Double
    }

    /// What decides the run.
    public let configuration: TrainingConfiguration
    /// The tokenizer.
    public let tokenizer: Tokenizer
    /// The number of values that learn.
    public let parameterCount: Int
    /// Steps taken.
    public internal(set) var step = 0

    let folder: RunFolder
    let processor: Processor
    let model: any LearningModel
    let parameters: ParameterSet
    let modelConfiguration: JSON
    let adapters: [LowRankAdapter]
    let optimizer: Optimizer
    let average: MovingAverage?
    var source: BatchSource
    let validation: BatchSource?
    var place = BatchSource.Place()
    var notify: (Event) -> Void

    /// Prepares a run: tokenizer, tokens, model; or takes up the one that the folder holds.
    ///
    /// - Parameters:
    ///   - configuration: What decides the run.
    ///   - path: The run's folder.
    ///   - resumes: Whether the folder holds the run already.
    ///   - processor: Where it runs.
    ///   - notify: Told what happens.
    /// - Throws: `SkeinError` for corpora, checkpoints and folders that cannot be used.
    public init(
        _ configuration: TrainingConfiguration,
        folder path: String,
        resumes: Bool,
        processor: Processor,
        notify: @escaping (Event) -> Void = { _ in }
    ) throws {
        let folder = RunFolder(path: path)
        self.configuration = configuration
        self.folder = folder
        self.processor = processor
        self.notify = notify
        guard resumes || MappedFile.isDirectory(folder.configuration) == nil else {
            throw SkeinError(
                .invalidArgument,
                "\(path) holds a run already",
                hint: "pass --resume to go on with it, or choose another --output"
            )
        }
        try RunFolder.create(folder.checkpoints)
        try RunFolder.write(configuration.source.text(.indented(2)), to: folder.configuration)
        tokenizer = try Self.tokenizer(configuration, folder, notify)
        guard let boundary = tokenizer.bosID ?? tokenizer.eosID else {
            throw SkeinError(
                .invalidArgument,
                "the tokenizer has no token that begins or ends a text",
                hint: "take one with bos_token or eos_token in its tokenizer_config.json"
            )
        }
        let files = try Self.tokens(configuration, folder, tokenizer, processor, notify)
        func source(_ file: TokenFile) -> BatchSource {
            BatchSource(
                file,
                packing: configuration.packing,
                rows: configuration.sequences * configuration.length,
                length: configuration.length,
                boundary: boundary,
                seed: configuration.seed
            )
        }
        guard files.training.tokens > configuration.length || configuration.packing == .documents
        else {
            throw SkeinError(
                .invalidArgument,
                "the corpus has \(files.training.tokens) tokens, windows take"
                    + " \(configuration.length + 1)",
                hint: "give it more text or choose a smaller batch.length"
            )
        }
        self.source = source(files.training)
        validation = files.validation.map(source)

        let saved = resumes ? folder.savedSteps().last : nil
        let loaded = try Self.model(configuration, folder, saved, tokenizer, processor)
        (model, parameters, modelConfiguration) = loaded
        adapters = try Self.adapters(parameters, configuration, processor)
        let learning =
            adapters.isEmpty ? parameters.parameters : adapters.flatMap { [$0.down, $0.up] }
        parameterCount = learning.reduce(0) { $0 + $1.count }
        optimizer = Optimizer(Self.groups(learning, configuration), processor: processor)
        average =
            configuration.averageDecay > 0
            ? MovingAverage(learning, decay: Float(configuration.averageDecay)) : nil
        if let saved { try restore(saved) }
    }

    private static func tokenizer(
        _ configuration: TrainingConfiguration,
        _ folder: RunFolder,
        _ notify: (Event) -> Void
    ) throws -> Tokenizer {
        if MappedFile.isDirectory(folder.tokenizer) == nil {
            switch configuration.tokenizer {
            case .path(let path):
                try copyTokenizer(from: path, to: folder)
            case nil:
                try copyTokenizer(from: configuration.startingPoint ?? "", to: folder)
            case .bytePairs(let vocabulary):
                try trainTokenizer(configuration, folder, vocabulary: vocabulary, notify)
            case .bytes:
                try trainTokenizer(configuration, folder, vocabulary: nil, notify)
            }
        }
        return try Tokenizer(contentsOf: folder.path)
    }

    private static func copyTokenizer(from path: String, to folder: RunFolder) throws {
        let parent =
            MappedFile.isDirectory(path) == true
            ? path : (path as NSString).deletingLastPathComponent
        let file = MappedFile.isDirectory(path) == true ? path + "/tokenizer.json" : path
        guard MappedFile.isDirectory(file) == false, file.hasSuffix(".json") else {
            throw SkeinError(
                .notFound,
                "there is no tokenizer.json at \(path)",
                hint: "name a Hugging Face folder or its tokenizer.json"
            )
        }
        let configuration = parent + "/tokenizer_config.json"
        if MappedFile.isDirectory(configuration) == false {
            try RunFolder.write(
                try RunFolder.json(configuration).text(.indented(2)),
                to: folder.tokenizerConfiguration
            )
        }
        try RunFolder.write(try RunFolder.json(file).text(.indented(2)), to: folder.tokenizer)
    }

    private static func trainTokenizer(
        _ configuration: TrainingConfiguration,
        _ folder: RunFolder,
        vocabulary: Int?,
        _ notify: (Event) -> Void
    ) throws {
        notify(.preparation("training the tokenizer"))
        let end = "<|endoftext|>"
        var trainer = BytePairTrainer(
            vocabularySize: vocabulary ?? 257,
            special: [end],
            alphabet: vocabulary == nil ? .seen : .all,
            minimumFrequency: vocabulary == nil ? .max : 2
        )
        try configuration.corpus.forEachDocument { _, text in trainer.add(text) }
        let settings: JSON = [
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": .string(end),
            "eos_token": .string(end), "model_max_length": .int(configuration.length),
            "clean_up_tokenization_spaces": false,
        ]
        try RunFolder.write(settings.text(.indented(2)), to: folder.tokenizerConfiguration)
        try RunFolder.write(try trainer.train().text(.indented(2)), to: folder.tokenizer)
    }

    /// Makes the files of tokens that are missing, and opens them.
    private static func tokens(
        _ configuration: TrainingConfiguration,
        _ folder: RunFolder,
        _ tokenizer: Tokenizer,
        _ processor: Processor,
        _ notify: (Event) -> Void
    ) throws -> (training: TokenFile, validation: TokenFile?) {
        let share = configuration.validation == nil ? configuration.heldOutShare : 0
        let period = share > 0 ? max(2, Int((1 / share).rounded())) : .max
        func make(_ path: String, _ corpus: Corpus, _ picks: (Int) -> Bool) throws -> TokenFile {
            if MappedFile.isDirectory(path) == nil {
                notify(
                    .preparation("tokenizing \(corpus.sources.map(\.path).joined(separator: ", "))")
                )
                try TokenFile.write(
                    path: path,
                    corpus: corpus,
                    tokenizer: tokenizer,
                    on: processor.pool,
                    picking: picks
                )
            }
            return try TokenFile(path: path, vocabularySize: tokenizer.vocabularySize)
        }
        let training = try make(folder.trainingTokens, configuration.corpus) {
            $0 % period != period - 1
        }
        if let corpus = configuration.validation {
            return (training, try make(folder.validationTokens, corpus) { _ in true })
        }
        guard share > 0 else { return (training, nil) }
        let heldOut = try make(folder.validationTokens, configuration.corpus) {
            $0 % period == period - 1
        }
        return (training, heldOut.tokens > 1 ? heldOut : nil)
    }

    private static func groups(
        _ parameters: [Parameter],
        _ configuration: TrainingConfiguration
    ) -> [ParameterGroup] {
        let (b1, b2) = (Float(configuration.betas.0), Float(configuration.betas.1))
        let decay = Float(configuration.weightDecay)
        // A scan's rates and a convolution's taps map nothing to anything: they are vectors here.
        let isMatrix: (Parameter) -> Bool = { parameter in
            parameter.shape.count == 2 && !parameter.name.hasSuffix("A_log")
        }
        let matrices = parameters.filter(isMatrix)
        let vectors = ParameterGroup(
            parameters.filter { !isMatrix($0) },
            rule: configuration.method == .lion
                ? Lion(beta1: b1, beta2: b2) : AdamW(beta1: b1, beta2: b2)
        )
        switch configuration.method {
        case .adamw:
            return [
                ParameterGroup(matrices, rule: AdamW(beta1: b1, beta2: b2), weightDecay: decay),
                vectors,
            ]
        case .lion:
            return [
                ParameterGroup(matrices, rule: Lion(beta1: b1, beta2: b2), weightDecay: decay),
                vectors,
            ]
        case .sgd:
            return [
                ParameterGroup(matrices, rule: SGD(momentum: b1), weightDecay: decay),
                ParameterGroup(vectors.parameters, rule: SGD(momentum: b1)),
            ]
        case .muon:
            // Tables and heads are not maps between hidden states: AdamW moves them.
            let isTable: (Parameter) -> Bool = { parameter in
                ["embed", "wte", "wpe", "lm_head"].contains { parameter.name.contains($0) }
            }
            return [
                ParameterGroup(
                    matrices.filter { !isTable($0) },
                    rule: Muon(momentum: b2),
                    learningRateScale: Float(configuration.muonScale),
                    weightDecay: decay
                ),
                ParameterGroup(
                    matrices.filter(isTable),
                    rule: AdamW(beta1: b1, beta2: b2),
                    weightDecay: decay
                ),
                vectors,
            ]
        }
    }

    private static func adapters(
        _ parameters: ParameterSet,
        _ configuration: TrainingConfiguration,
        _ processor: Processor
    ) throws -> [LowRankAdapter] {
        guard let rule = configuration.lowRank else { return [] }
        let entries = parameters.entries.filter { entry in
            entry.parameter.shape.count == 2
                && rule.targets.contains { entry.parameter.name.contains($0) }
        }
        guard !entries.isEmpty, !entries.contains(where: \.isTransposed) else {
            throw SkeinError(
                .invalidArgument,
                "lora.targets \(rule.targets) name "
                    + (entries.isEmpty ? "no matrix" : "matrices stored transposed"),
                hint: "matrices: "
                    + parameters.entries.filter { $0.parameter.shape.count == 2 }.prefix(8)
                    .map(\.parameter.name).joined(separator: ", ")
            )
        }
        let adapted = Set(entries.map { ObjectIdentifier($0.parameter) })
        for parameter in parameters.parameters {
            parameter.isFrozen = !adapted.contains(ObjectIdentifier(parameter))
        }
        return entries.map {
            LowRankAdapter(
                $0.parameter,
                rank: rule.rank,
                alpha: Float(rule.alpha),
                seed: configuration.seed,
                processor: processor
            )
        }
    }

    private static func model(
        _ configuration: TrainingConfiguration,
        _ folder: RunFolder,
        _ saved: Int?,
        _ tokenizer: Tokenizer,
        _ processor: Processor
    ) throws -> (any LearningModel, ParameterSet, JSON) {
        let checkpoint: any Checkpoint
        var learning = LoadOptions.Learning.fromCheckpoint
        if let saved, configuration.lowRank == nil {
            checkpoint = try LanguageModelLoader.checkpoint(folder.checkpoint(saved))
        } else if let path = configuration.startingPoint {
            checkpoint = try LanguageModelLoader.checkpoint(path)
        } else {
            var values = try ModelDefaults.filled(
                configuration.model?.object ?? JSONObject(),
                length: configuration.length
            )
            if values["vocab_size"] == nil { values["vocab_size"] = .int(tokenizer.vocabularySize) }
            values["bos_token_id"] = tokenizer.bosID.map { .int(Int($0)) } ?? .null
            values["eos_token_id"] = tokenizer.eosID.map { .int(Int($0)) } ?? .null
            checkpoint = FreshCheckpoint(ModelConfiguration(.object(values), source: "model"))
            learning = .fromScratch(
                Initialization(
                    seed: configuration.seed,
                    deviation: Float(configuration.initialDeviation)
                )
            )
        }
        let model = try LanguageModelLoader.load(
            checkpoint,
            processor: processor,
            options: LoadOptions(learning: learning)
        )
        guard let model = model as? any LearningModel, let parameters = model.learned else {
            throw SkeinError(
                .incapable,
                "models of the family \(checkpoint.configuration.family) cannot learn"
            )
        }
        guard model.description.vocabularySize >= tokenizer.vocabularySize else {
            throw SkeinError(
                .invalidArgument,
                "the model has \(model.description.vocabularySize) tokens, the tokenizer"
                    + " \(tokenizer.vocabularySize)",
                hint: "leave vocab_size out, or take the checkpoint's own tokenizer"
            )
        }
        return (model, parameters, checkpoint.configuration.values)
    }
}
