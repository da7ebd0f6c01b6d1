import Foundation
import SkeinCore
import SkeinEngine
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import SkeinText
import SkeinTraining
import Testing

/// Directories that become GGUF files, runs that are killed, and sources that are damaged.
@Suite struct QuantizeExportTests {
    static func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch { return (error as? SkeinError)?.message ?? "\(error)" }
    }

    /// A model in a GGUF file against the same in its directory, over random tokens.
    static func distance(_ made: String, from directory: String, vocabulary: Int32) throws -> Double
    {
        let processor = try Processor(threads: 2)
        func load(_ path: String) throws -> any LanguageModel {
            try LanguageModelLoader.load(
                LanguageModelLoader.checkpoint(path),
                processor: processor
            )
        }
        return try Divergence.measure(
            (0..<90).map { Int32($0 * 7) % vocabulary },
            bos: nil,
            window: 30,
            reference: load(directory),
            model: load(made),
            processor: processor,
            cacheType: .f32
        ).mean
    }

    @Test(arguments: [
        "llama2", "llama3", "llama-linear", "llama-yarn", "qwen2", "qwen3", "gpt2", "mamba",
    ])
    func `a directory becomes a GGUF file that predicts the same`(family: String) throws {
        let folder = try QuantizationTests.Folder()
        let source = Files.golden("models/\(family)").path
        let path = "\(folder.path)/\(family).gguf"
        try QuantizationTests.quantize(source, to: path, .fixed(.keep), heads: .keep)
        #expect(try Self.distance(path, from: source, vocabulary: 64) < 1e-6)
        // The same codes in a directory predict the same.
        let (codes, own) = ("\(folder.path)/codes.gguf", "\(folder.path)/codes")
        let format = try GroupedFormat(bits: 8, group: .values(32), scaleBits: 8)
        let recipe = QuantizationRecipe(format: format)
        for target in [codes, own] {
            try QuantizationTests.quantize(
                source,
                to: target,
                .fixed(.grouped(recipe)),
                heads: .grouped(recipe)
            )
        }
        let away = try Self.distance(codes, from: own, vocabulary: 64)
        #expect(away < 1e-6, "\(away)")
        #expect(
            try GGUF(contentsOf: codes).metadata["general.architecture"]?.string?
                .hasPrefix("skein-") == true
        )
    }

    @Test func `a tied matrix stored under the head's name becomes the embedding`() throws {
        let folder = try QuantizationTests.Folder()
        let (source, copy) = (Files.golden("models/qwen3").path, folder.path + "/source")
        try FileManager.default.copyItem(atPath: source, toPath: copy)
        let weights = URL(fileURLWithPath: copy + "/model.safetensors")
        var bytes = try Data(contentsOf: weights)
        // The header keeps its length: the shorter name is followed by spaces.
        let (old, new) = ("\"model.embed_tokens.weight\"", "\"lm_head.weight\"")
        let place = try #require(bytes.range(of: Data(old.utf8)))
        let pad = String(repeating: " ", count: old.utf8.count - new.utf8.count)
        bytes.replaceSubrange(place, with: Data((new + pad).utf8))
        try bytes.write(to: weights)
        let path = folder.path + "/model.gguf"
        try QuantizationTests.quantize(copy, to: path, .fixed(.keep), heads: .keep)
        #expect(try GGUF(contentsOf: path).tensors["token_embd.weight"] != nil)
        #expect(try Self.distance(path, from: copy, vocabulary: 64) < 1e-6)
    }

    @Test func `its tokenizer gives the same ids`() throws {
        let folder = try QuantizationTests.Folder()
        let source = try TrainedModel.path
        let path = "\(folder.path)/model.gguf"
        try QuantizationTests.quantize(
            source,
            to: path,
            .fixed(.blocks(.q8_0)),
            heads: .blocks(.q8_0)
        )
        let (ours, theirs) = (try TokenizerLoader.load(path), try TokenizerLoader.load(source))
        for text in TrainedModel.stories(3, seed: 3) + ["Ünï 12345\n\n  a", "<|endoftext|>x"] {
            #expect(
                ours.encode(text, addSpecialTokens: true)
                    == theirs.encode(text, addSpecialTokens: true)
            )
        }
        #expect(ours.eosID == theirs.eosID && ours.bosID == theirs.bosID)
        #expect(try QuantizationTests.divergence(path, from: source).mean < 0.002)
    }

    @Test(arguments: ["llama2", "llama3", "llama-yarn", "qwen2", "qwen3"])
    func `a GGUF file becomes a directory that predicts the same`(family: String) throws {
        let folder = try QuantizationTests.Folder()
        let source = Files.golden("models/\(family)").path
        let (file, back) = ("\(folder.path)/\(family).gguf", "\(folder.path)/back")
        try QuantizationTests.quantize(source, to: file, .fixed(.keep), heads: .keep)
        try QuantizationTests.quantize(file, to: back, .fixed(.keep), heads: .keep)
        #expect(try Self.distance(back, from: source, vocabulary: 64) < 1e-6)
    }

    @Test func `a GGUF file's tokenizer becomes a tokenizer.json`() throws {
        let folder = try QuantizationTests.Folder()
        let source = try TrainedModel.path
        let (file, back) = (folder.path + "/model.gguf", folder.path + "/back")
        try QuantizationTests.quantize(source, to: file, .fixed(.keep), heads: .keep)
        try QuantizationTests.quantize(file, to: back, .budget(4.5))
        let (ours, theirs) = (try TokenizerLoader.load(back), try TokenizerLoader.load(source))
        for text in TrainedModel.stories(3, seed: 3) + ["Ünï 12345\n\n  a", "<|endoftext|>x"] {
            #expect(
                ours.encode(text, addSpecialTokens: true)
                    == theirs.encode(text, addSpecialTokens: true)
            )
        }
        #expect(try QuantizationTests.divergence(back, from: source).mean < 0.2)
    }

    @Test func `outliers are counted while the file is written`() throws {
        let folder = try QuantizationTests.Folder()
        let source = try TrainedModel.path
        for sigma in [2.5, 40] {
            let path = "\(folder.path)/\(sigma).gguf"
            let reports = try QuantizationTests.quantize(
                source,
                to: path,
                QuantizationTests.grouped(4, .values(32), sigmas: sigma)
            )
            let outliers = reports.reduce(0) { $0 + $1.outliers }
            #expect(sigma > 10 ? outliers == 0 : outliers > 100)
            let file = try GGUF(contentsOf: path)
            let held = file.tensors.values.filter { $0.name.hasSuffix(".outlier_val") }
            #expect(held.count == 21)
            #expect(held.reduce(0) { $0 + $1.count } == outliers)
            #expect(try QuantizationTests.divergence(path, from: source).mean < 0.2)
        }
    }

    /// The binary beside the tests; nil, with a word, where it was not built.
    private static func binary() -> URL? {
        let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        let found = [folder, Files.root.appending(path: ".build/release")]
            .map { $0.appending(path: "skein") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        if found == nil { print("skipped: no skein binary beside the tests; swift build makes it") }
        return found
    }

    @Test(arguments: ["", ".gguf"])
    func `a killed run leaves the old file, and the next starts afresh`(ending: String) throws {
        guard let binary = Self.binary() else { return }
        let folder = try QuantizationTests.Folder()
        let source = try TrainedModel.path
        // A large matrix keeps the run busy for a moment.
        let big = folder.path + "/big"
        try FileManager.default.copyItem(atPath: source, toPath: big)
        let files = try SafetensorsDirectory(path: source)
        let plan = try TensorPlan(name: "extra.weight", dtype: .f32, shape: [4096, 2048])
        let plans = try files.names.map { name in
            let record = try files.tensor(named: name)
            return try TensorPlan(name: name, dtype: record.dtype, shape: record.shape)
        }
        let writer = try SafetensorsWriter(
            path: big + "/model.safetensors",
            tensors: plans + [plan],
            metadata: [:]
        )
        let values: [Float] = (0..<4096 * 2048).map { index in
            let place = (index * 7919) % 1013
            return Float(place) / 1013 - 0.5
        }
        for next in writer.plans {
            if next.name == plan.name {
                try values.withUnsafeBytes { try writer.write(next.name, $0) }
            } else {
                try files.tensor(named: next.name).withUnsafeBytes {
                    try writer.write(next.name, $0)
                }
            }
        }
        try writer.finish()
        // What has no place in a GGUF file is refused; there the model itself must be the source.
        let made = folder.path + "/made" + ending
        try QuantizationTests.quantize(source, to: made, .budget(4.5))
        func bytes() throws -> Data {
            let file = ending.isEmpty ? made + "/model.safetensors" : made
            return try Data(contentsOf: URL(fileURLWithPath: file))
        }
        let before = try bytes()
        func run(_ method: String) throws -> Process {
            let process = Process()
            process.executableURL = binary
            process.arguments = [
                "quantize", ending.isEmpty ? big : source, "-o", made, "--force",
                "--method", method, "--steps", "20000",
            ]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            return process
        }
        func leftovers() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: folder.path)
                .filter { $0.hasSuffix(".partial") }
        }
        let process = try run("easyquant-paper")
        var waits = 0
        while try leftovers().isEmpty, process.isRunning, waits < 3000 {
            Thread.sleep(forTimeInterval: 0.01)
            waits += 1
        }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal)
        #expect(try bytes() == before)
        #expect(try leftovers().count == 1)
        let second = try run("easyquant")
        second.waitUntilExit()
        #expect(second.terminationStatus == 0)
        #expect(try leftovers().isEmpty)
        #expect(try LanguageModelLoader.checkpoint(made).configuration.family == "llama")
        if ending.isEmpty { #expect(try bytes() != before) }
    }

    @Test func `a replacement that was cut off is put right`() throws {
        let folder = try QuantizationTests.Folder()
        let made = folder.path + "/made"
        try QuantizationTests.quantize(TrainedModel.path, to: made, .budget(4.5))
        // As a run leaves it that dies between the two renames.
        try FileManager.default.moveItem(atPath: made, toPath: made + ".replaced")
        let taken = Self.message {
            try QuantizationTests.quantize(TrainedModel.path, to: made, .budget(4))
        }
        #expect(taken.contains("already"))
        #expect(try QuantizationTests.divergence(made, from: TrainedModel.path).mean < 0.3)
    }

    @Test func `weights that are not finite are named with their place`() throws {
        let folder = try QuantizationTests.Folder()
        let source = folder.path + "/source"
        try FileManager.default.copyItem(atPath: TrainedModel.path, toPath: source)
        let file = URL(fileURLWithPath: source + "/model.safetensors")
        let name = "model.layers.1.mlp.up_proj.weight"
        let record = try SafetensorsDirectory(path: source).tensor(named: name)
        var bytes = try Data(contentsOf: file)
        let place = record.byteRange.lowerBound + 4 * (3 * 64 + 5)
        for (offset, byte) in [0x00, 0x00, 0xc0, 0x7f].enumerated() {
            bytes[place + offset] = UInt8(byte)
        }
        try bytes.write(to: file)
        let kinds: [(String, QuantizationOptions.Linears)] = [
            ("a", .budget(4.5)), ("b", try QuantizationTests.grouped(4, .values(32), sigmas: 3)),
            ("c.gguf", .fixed(.blocks(.q4_0))),
        ]
        for (target, linears) in kinds {
            let made = "\(folder.path)/\(target)"
            let message = Self.message {
                try QuantizationTests.quantize(source, to: made, linears)
            }
            #expect(message.contains(name), "\(message)")
            #expect(message.contains(target == "c.gguf" ? "nan" : "[3, 5]"), "\(message)")
            #expect(!FileManager.default.fileExists(atPath: made))
        }
    }

    @Test(arguments: [
        ("bert", "bert"), ("mistral", "sliding window of 16"), ("smollm3", "no_rope_layers"),
    ])
    func `what a GGUF file cannot say is refused`(family: String, reason: String) throws {
        let folder = try QuantizationTests.Folder()
        let message = Self.message {
            try QuantizationTests.quantize(
                Files.golden("models/\(family)").path,
                to: folder.path + "/\(family).gguf",
                .fixed(.keep)
            )
        }
        #expect(message.contains(reason), "\(message)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
}
