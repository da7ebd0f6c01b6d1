import Foundation
import SkeinCore
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import SkeinText
import SkeinTraining
import Testing

/// Runs of a tiny model over texts made on the spot.
@Suite struct TrainingRunTests {
    /// A folder that goes with the test.
    final class Folder {
        let path = NSTemporaryDirectory() + "skein-train-\(UUID().uuidString)"

        init() throws {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true
            )
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func write(_ name: String, _ text: String) throws -> String {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
            return path + "/" + name
        }

        func bytes(_ name: String) throws -> Data {
            try Data(contentsOf: URL(fileURLWithPath: path + "/" + name))
        }
    }

    /// Forty short texts of uneven length, as JSONL.
    static var texts: String {
        (0..<40).map { index in
            let animals = ["fox", "hen", "owl", "cat", "eel"]
            let line = (0...(index % 7)).map {
                "The \(animals[(index + $0) % 5]) saw the \(animals[(index * 3 + $0) % 5]) twice."
            }.joined(separator: " ")
            return "{\"text\": \"\(line)\"}\n"
        }.joined()
    }

    static func configuration(
        _ corpus: String,
        _ changes: [(String, String)] = [],
        packing: String = "documents"
    ) throws -> TrainingConfiguration {
        try TrainingConfiguration(
            parsing: """
                model: {model_type: llama, hidden_size: 32, num_hidden_layers: 2,
                  num_attention_heads: 2, intermediate_size: 48}
                tokenizer: {vocabulary: 300}
                data: {train: "\(corpus)", held_out: 0.1}
                batch: {sequences: 3, length: 24, accumulation: 2, packing: \(packing)}
                optimizer: {learning_rate: 3.0e-3}
                schedule: {warmup: 2}
                steps: 9
                dropout: 0.1
                ema: 0.9
                evaluation: {every: 4, tokens: 200}
                checkpoints: {every: 4, keep: 2}
                """,
            source: "test",
            changes: changes.map { (key: $0.0, value: $0.1) }
        )
    }

    @Test func `a Mamba learns, stops and goes on with the same bits`() throws {
        let folder = try Folder()
        let corpus = try folder.write("texts.jsonl", Self.texts)
        let changes = [
            ("model", "{model_type: mamba, hidden_size: 32, num_hidden_layers: 2}"),
            ("optimizer.name", "muon"),
        ]
        let configuration = try Self.configuration(corpus, changes)
        func run(_ name: String, resumes: Bool, threads: Int, until step: Int) throws {
            let run = try TrainingRun(
                configuration,
                folder: folder.path + "/" + name,
                resumes: resumes,
                processor: Processor(threads: threads)
            )
            _ = try run.run { run.step >= step }
        }
        try run("whole", resumes: false, threads: 2, until: 99)
        try run("broken", resumes: false, threads: 1, until: 5)
        try run("broken", resumes: true, threads: 2, until: 99)
        let weights = "model/model.safetensors"
        #expect(try folder.bytes("whole/" + weights) == folder.bytes("broken/" + weights))
        let model = try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(folder.path + "/whole/model"),
            processor: Processor(threads: 1)
        )
        #expect(model.description.family == "mamba")
    }

    @Test func `a run in bf16 is another than in f32, and goes on with the same bits`() throws {
        let folder = try Folder()
        let corpus = try folder.write("texts.jsonl", Self.texts)
        func run(
            _ name: String,
            _ precision: String,
            resumes: Bool,
            threads: Int,
            until step: Int
        )
            throws
        {
            let run = try TrainingRun(
                Self.configuration(corpus, [("precision", precision)]),
                folder: folder.path + "/" + name,
                resumes: resumes,
                processor: Processor(threads: threads)
            )
            _ = try run.run { run.step >= step }
        }
        try run("f32", "f32", resumes: false, threads: 2, until: 99)
        try run("whole", "bf16", resumes: false, threads: 2, until: 99)
        try run("broken", "bf16", resumes: false, threads: 1, until: 5)
        try run("broken", "bf16", resumes: true, threads: 2, until: 99)
        let weights = "/model/model.safetensors"
        #expect(try folder.bytes("whole" + weights) == folder.bytes("broken" + weights))
        #expect(try folder.bytes("whole" + weights) != folder.bytes("f32" + weights))
        #expect(throws: SkeinError.self) {
            try Self.configuration(corpus, [("precision", "fp8")])
        }
    }

    @Test(arguments: ["documents", "windows"])
    func `an interrupted run ends with the same bits, with any number of threads`(
        packing: String
    ) throws {
        let folder = try Folder()
        let corpus = try folder.write("texts.jsonl", Self.texts)
        let configuration = try Self.configuration(corpus, packing: packing)
        let whole = try TrainingRun(
            configuration,
            folder: folder.path + "/whole",
            resumes: false,
            processor: Processor(threads: 2)
        )
        #expect(try whole.run() == .finished)
        let broken = folder.path + "/broken"
        for stop in [3, 5, 9] {
            // What a crash after the last checkpoint leaves behind must not count.
            let run = try TrainingRun(
                configuration,
                folder: broken,
                resumes: stop > 3,
                processor: Processor(threads: stop == 5 ? 2 : 1)
            )
            #expect(try run.run { run.step == stop } == (stop == 9 ? .finished : .stopped))
            if stop == 5 {
                let line = Data("{\"step\":6,\"loss\":1}\n{\"step\":7,\"lo".utf8)
                let file = try FileHandle(
                    forWritingTo: URL(fileURLWithPath: broken + "/metrics.jsonl")
                )
                try file.seekToEnd()
                try file.write(contentsOf: line)
                try file.close()
            }
        }
        for name in [
            "model/model.safetensors", "checkpoints/step-00000009/model.safetensors",
            "checkpoints/step-00000009/optimizer.safetensors", "model/tokenizer.json",
        ] {
            #expect(try folder.bytes("whole/" + name) == folder.bytes("broken/" + name), "\(name)")
        }
        func losses(_ run: String) throws -> [String] {
            try String(decoding: folder.bytes(run + "/metrics.jsonl"), as: UTF8.self)
                .split(separator: "\n").map { line in
                    let json = try JSON(parsing: Array(line.utf8))
                    return "\(json["step"]?.int ?? -1) \(json["loss"]?.double ?? -1)"
                        + " \(json["validation_loss"]?.double ?? -1)"
                }
        }
        #expect(try losses("whole") == losses("broken"))
        let kept = try FileManager.default.contentsOfDirectory(
            atPath: folder.path + "/whole/checkpoints"
        )
        #expect(kept.sorted() == ["step-00000008", "step-00000009"])
    }

    @Test func `the model learns, and loads as any other`() throws {
        let folder = try Folder()
        let corpus = try folder.write("texts.jsonl", Self.texts)
        let run = try TrainingRun(
            Self.configuration(corpus, [("steps", "60"), ("dropout", "0"), ("ema", "0")]),
            folder: folder.path + "/run",
            resumes: false,
            processor: Processor(threads: 2)
        )
        #expect(try run.run() == .finished)
        let lines = try String(decoding: folder.bytes("run/metrics.jsonl"), as: UTF8.self)
            .split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
        let first = try #require(lines.first?["loss"]?.double)
        let last = try #require(lines.last?["validation_loss"]?.double)
        #expect(abs(first - log(300)) < 0.3, "a fresh model guesses evenly: \(first)")
        #expect(last < 0.45 * first)
        let model = try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(folder.path + "/run/model"),
            processor: Processor(threads: 1)
        )
        #expect(model.description.vocabularySize == run.tokenizer.vocabularySize)
        // And once more, from where it is.
        let further = try TrainingConfiguration(
            parsing: "{from: \(folder.path)/run/model, data: {train: \(corpus)}, steps: 1}",
            source: "test"
        )
        let second = try TrainingRun(
            further,
            folder: folder.path + "/further",
            resumes: false,
            processor: Processor(threads: 1)
        )
        #expect(try second.run() == .finished)
        let loss = try JSON(parsing: Array(folder.bytes("further/metrics.jsonl").dropLast()))[
            "loss"
        ]
        #expect(try #require(loss?.double) < 0.5 * first)
    }

    @Test func `an adapter learns alone, resumes, and merges into what was trained`() throws {
        let folder = try Folder()
        let corpus = try folder.write("texts.jsonl", Self.texts)
        let base = Files.golden("models/llama3").path
        // Characters of the golden model's 128 tokens.
        let tokenizer = try TrainingRun(
            Self.configuration(corpus, [("tokenizer", "{bytes: true}"), ("steps", "1")]),
            folder: folder.path + "/bytes",
            resumes: false,
            processor: Processor(threads: 1)
        ).tokenizer
        #expect(tokenizer.vocabularySize <= 128)
        let configuration = try TrainingConfiguration(
            parsing: """
                from: \(base)
                tokenizer: {path: \(folder.path)/bytes}
                data: {train: \(corpus), held_out: 0}
                batch: {sequences: 3, length: 32}
                optimizer: {learning_rate: 1.0e-2}
                lora: {rank: 4, alpha: 8, targets: [q_proj, down_proj]}
                steps: 12
                checkpoints: {every: 100}
                """,
            source: "test"
        )
        func run(_ name: String, resumes: Bool, stop: Int) throws {
            let run = try TrainingRun(
                configuration,
                folder: folder.path + "/" + name,
                resumes: resumes,
                processor: Processor(threads: 2)
            )
            #expect(run.parameterCount == 2 * 4 * (64 + 64) + 2 * 4 * (96 + 64))
            _ = try run.run { run.step == stop }
        }
        try run("whole", resumes: false, stop: 12)
        try run("broken", resumes: false, stop: 5)
        try run("broken", resumes: true, stop: 12)
        for name in ["model/model.safetensors", "adapter/adapter_model.safetensors"] {
            #expect(try folder.bytes("whole/" + name) == folder.bytes("broken/" + name), "\(name)")
        }
        let trained = try Safetensors(contentsOf: folder.path + "/whole/model/model.safetensors")
        let original = try LanguageModelLoader.checkpoint(base)
        let adapted = try AdaptedCheckpoint(original, adapter: folder.path + "/whole/adapter")
        for (name, record) in trained.tensors {
            let before = try #require(original.tensor(name)).floats()
            let after = try record.floats()
            let isTarget = name.contains("q_proj") || name.contains("down_proj")
            #expect((before != after) == isTarget, "\(name)")
            #expect(try #require(adapted.tensor(name)).floats() == after, "\(name)")
        }
        let lines = try String(decoding: folder.bytes("whole/metrics.jsonl"), as: UTF8.self)
            .split(separator: "\n").compactMap { try JSON(parsing: Array($0.utf8))["loss"]?.double }
        #expect(lines.count == 12 && lines[11] < 0.8 * lines[0], "\(lines)")
        let other = try #require(throws: SkeinError.self) {
            _ = try AdaptedCheckpoint(
                LanguageModelLoader.checkpoint(Files.golden("models/gpt2").path),
                adapter: folder.path + "/whole/adapter"
            )
        }
        #expect(other.code == .unsupported)
        _ = try folder.write("whole/adapter/adapter_config.json", "{\"peft_type\": \"IA3\"}")
        #expect(throws: SkeinError.self) {
            _ = try AdaptedCheckpoint(original, adapter: folder.path + "/whole/adapter")
        }
    }

    @Test func `a run that diverges names step, tensor and checkpoint`() throws {
        let folder = try Folder()
        let corpus = try folder.write("texts.jsonl", Self.texts)
        let run = try TrainingRun(
            Self.configuration(
                corpus,
                [
                    ("optimizer.learning_rate", "100"), ("optimizer.weight_decay", "100"),
                    ("schedule.minimum", "100"), ("schedule.warmup", "0"),
                    ("checkpoints.every", "1"), ("steps", "60"), ("ema", "0"),
                ]
            ),
            folder: folder.path + "/run",
            resumes: false,
            processor: Processor(threads: 1)
        )
        let error = try #require(throws: SkeinError.self) { _ = try run.run() }
        #expect(error.code == .notFinite)
        #expect(error.message.contains("step \(run.step + 1)"), "\(error.message)")
        #expect(error.hint?.contains("step-0000") == true, "\(error.hint ?? "")")
    }

    @Test func `a folder in use, and a changed corpus, are refused`() throws {
        let folder = try Folder()
        let corpus = try folder.write("texts.jsonl", Self.texts)
        let configuration = try Self.configuration(corpus, [("steps", "1")])
        func open(resumes: Bool) throws -> TrainingRun {
            try TrainingRun(
                configuration,
                folder: folder.path + "/run",
                resumes: resumes,
                processor: Processor(threads: 1)
            )
        }
        _ = try open(resumes: false).run()
        #expect(throws: SkeinError.self) { try open(resumes: false) }
        _ = try open(resumes: true)
        // A file of other texts under the same name.
        let tokens = folder.path + "/run/train.tokens"
        var bytes = try folder.bytes("run/train.tokens")
        bytes[40] ^= 1
        try bytes.write(to: URL(fileURLWithPath: tokens))
        let error = try #require(throws: SkeinError.self) { try open(resumes: true) }
        #expect(error.message.contains("other texts"))
    }

    @Test(arguments: [
        ("lerning_rate: 1", "unknown key lerning_rate", "learning_rate"),
        ("batch: {lenght: 3}", "unknown key batch.lenght", "batch.length"),
        ("batch: {length: 1}", "batch.length is 1, expected an integer from 2", ""),
        ("optimizer: {name: adam}", "optimizer.name is \"adam\", expected one of adamw", ""),
        ("optimizer: {betas: [1, 2]}", "optimizer.betas", ""),
        ("steps: many", "steps is \"many\"", ""),
        ("from: x", "model and from", ""),
        ("tokenizer: {vocabulary: 10}", "tokenizer.vocabulary is 10", ""),
        ("steps: 1\nsteps: 2", "steps is there twice", ""),
        ("{", "not YAML", ""),
    ])
    func `a slip in a configuration is named`(_ slip: (String, String, String)) throws {
        let sound = """
            model: {model_type: llama}
            tokenizer: {vocabulary: 300}
            data: {train: x}
            """
        let steps = slip.0.hasPrefix("steps") ? "" : "\nsteps: 3"
        let base =
            slip.0.hasPrefix("tokenizer")
            ? sound.replacing("tokenizer: {vocabulary: 300}\n", with: "") : sound
        let error = try #require(throws: SkeinError.self) {
            try TrainingConfiguration(parsing: base + steps + "\n" + slip.0, source: "test.yaml")
        }
        #expect(error.message.contains(slip.1), "\(error.message)")
        if slip.1.contains("unknown"), slip.0.hasPrefix("batch") {
            #expect(error.hint == "did you mean \(slip.2)?")
        }
    }
}
