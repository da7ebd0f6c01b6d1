internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinModels
internal import SkeinNN
internal import SkeinTensor

/// `skein bench training`: the time of a training step of a fresh model on random tokens.
struct BenchTraining: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "training",
        abstract: "Measure training steps: forward, backward and AdamW."
    )

    @Option(help: "The family: llama or mamba.") var family = "llama"
    @Option(help: "Width of the model.") var hidden = 256
    @Option(help: "Layers.") var layers = 8
    @Option(help: "Attention heads.") var heads = 8
    @Option(help: "Width of the feed-forward layers.") var intermediate = 768
    @Option(help: "Token ids.") var vocabulary = 4096
    @Option(help: "Sequences in a step.") var batch = 8
    @Option(help: "Tokens in a sequence.") var length = 256
    @Option(help: "Steps to measure, after one that is not.") var steps = 5
    @Option(help: "What products compute in: f32 or bf16.", transform: named)
    var precision = Tape.Precision.f32
    @Option(name: [.short, .long], help: "Threads; all cores by default.") var threads: Int?

    func run() throws {
        let sizes = [hidden, layers, heads, intermediate, vocabulary, batch, length, steps]
        guard sizes.allSatisfy({ $0 > 0 }), length > 1, hidden % heads == 0 else {
            throw SkeinError(
                .invalidArgument,
                "sizes \(sizes): expected all above 0, two tokens or more, and heads that divide"
                    + " the width"
            )
        }
        guard ["llama", "mamba"].contains(family) else {
            throw SkeinError(
                .invalidArgument,
                "a family \"\(family)\"; known are llama and mamba"
            )
        }
        let processor = try Processor(threads: threads)
        let sizesOf: [(String, Int)] = [
            ("hidden_size", hidden), ("num_hidden_layers", layers),
            ("num_attention_heads", heads), ("intermediate_size", intermediate),
            ("vocab_size", vocabulary), ("max_position_embeddings", length),
        ]
        var values = JSONObject()
        values["model_type"] = .string(family)
        // A Mamba's width of layers is twice the model's; it has no heads.
        for (name, size) in sizesOf where family == "llama" || name != "intermediate_size" {
            values[name] = .int(size)
        }
        values["tie_word_embeddings"] = .bool(true)
        let configuration = ModelConfiguration(.object(values), source: "the benchmark")
        let model = try LanguageModelLoader.load(
            FreshCheckpoint(configuration),
            processor: processor,
            options: LoadOptions(learning: .fromScratch(Initialization(seed: 1)))
        )
        guard let model = model as? any LearningModel, let learned = model.learned else {
            throw SkeinError(.incapable, "the model cannot learn")
        }
        let optimizer = Optimizer(
            [ParameterGroup(learned.parameters, rule: AdamW(), weightDecay: 0.1)],
            processor: processor
        )
        var times: [Double] = []
        for step in 0...steps {
            let start = ContinuousClock.now
            try pass(model, processor, step)
            _ = optimizer.step(learningRate: 1e-4, clippingTo: 1)
            let time = ContinuousClock.now - start
            if step > 0 { times.append(time / .seconds(1)) }
        }
        times.sort()
        Environment.out(
            String(
                format:
                    "%.2f M parameters, batch %d x %d, %d threads: %.1f ms a step, %.0f tokens/s,"
                    + " peak memory %.0f MB\n",
                Double(learned.parameters.reduce(0) { $0 + $1.count }) / 1e6,
                batch,
                length,
                processor.pool.threads,
                times[times.count / 2] * 1e3,
                Double(batch * length) / times[times.count / 2],
                Double(Environment.peakMemory) / 1e6
            )
        )
    }

    /// One pass there and back over tokens that a step draws.
    private func pass(_ model: any LearningModel, _ processor: Processor, _ step: Int) throws {
        let rows = batch * length
        var state = UInt64(step) &* 0x9E37_79B9_7F4A_7C15 &+ 1
        let tokens = (0..<rows).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int32((state >> 33) % UInt64(vocabulary))
        }
        let input = RowBatch(
            inputs: .tokens(tokens),
            positions: (0..<rows).map { Int32($0 % length) },
            segments: (0..<batch).map {
                Segment(
                    rows: $0 * length..<($0 + 1) * length,
                    slot: 0,
                    reads: .nothing,
                    visibility: .causal
                )
            },
            headRows: []
        )
        let targets = (0..<rows).map {
            $0 % length == length - 1 ? CrossEntropy.ignored : tokens[$0 + 1]
        }
        let tape = Tape(Tape.Rule(precision: precision))
        let recording = processor.recording(on: tape)
        var execution = Execution(processor: recording, state: model.makePassMemory())
        let hidden = try model.forward(input, &execution)
        _ = try model.loss(
            hidden,
            targets: targets,
            rule: CrossEntropy(gradientScale: 1 / Float(rows - batch)),
            recording
        )
        tape.backward(on: processor)
    }
}
