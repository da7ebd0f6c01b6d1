import Foundation
import SkeinCore
import SkeinEngine
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import SkeinText
import SkeinTraining
import Testing

/// Whole checkpoints: read, quantised, written, read again and run.
@Suite struct QuantizationTests {
    static var source: String { get throws { try TrainedModel.path } }

    /// A folder that goes away with the value.
    final class Folder {
        let path: String
        init() throws {
            path = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID())").path
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true
            )
        }
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    static var text: String {
        TrainedModel.stories(2, seed: 77).joined(separator: "\n\n")
    }

    static func divergence(_ path: String, from reference: String) throws -> Divergence {
        let processor = try Processor(threads: 2)
        func load(_ path: String) throws -> any LanguageModel {
            try LanguageModelLoader.load(
                LanguageModelLoader.checkpoint(path),
                processor: processor
            )
        }
        let tokenizer = try TokenizerLoader.load(source)
        return try Divergence.measure(
            tokenizer.encode(text, addSpecialTokens: false),
            bos: nil,
            window: 128,
            reference: load(reference),
            model: load(path),
            processor: processor,
            cacheType: .f32
        )
    }

    @discardableResult
    static func quantize(
        _ source: String,
        to path: String,
        _ linears: QuantizationOptions.Linears,
        heads: TensorTreatment? = nil,
        threads: Int = 2,
        replaces: Bool = false
    ) throws -> [QuantizedTensorReport] {
        var options = QuantizationOptions()
        options.linears = linears
        if let heads { options.heads = heads }
        let job = QuantizationJob(
            source: try QuantizationSource(path: source),
            options: options,
            processor: try Processor(threads: threads)
        )
        return try job.write(job.plan(), to: path, replaces: replaces)
    }

    static func grouped(
        _ bits: Int,
        _ group: GroupedFormat.Group,
        _ method: QuantizationRecipe.Method = .search,
        sigmas: Double? = nil
    ) throws -> QuantizationOptions.Linears {
        let format = try GroupedFormat(
            bits: bits,
            group: group,
            hasMinimum: method == .halfQuadratic
        )
        return .fixed(.grouped(QuantizationRecipe(format: format, method: method, sigmas: sigmas)))
    }

    /// The same weights as a GGUF file, under the names of its Llama.
    static func gguf(in folder: Folder) throws -> String {
        let files = try SafetensorsDirectory(path: source)
        let names = [
            "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
            "self_attn.v_proj": "attn_v",
            "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
            "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
            "post_attention_layernorm": "ffn_norm",
        ]
        var plans: [TensorPlan] = []
        var records: [TensorRecord] = []
        for name in files.names {
            let record = try files.tensor(named: name)
            let parts = name.split(separator: ".").map(String.init)
            let short =
                switch name {
                case "model.embed_tokens.weight": "token_embd.weight"
                case "model.norm.weight": "output_norm.weight"
                default:
                    "blk.\(parts[2]).\(names[parts[3..<parts.count - 1].joined(separator: ".")] ?? "").weight"
                }
            plans.append(try TensorPlan(name: short, dtype: record.dtype, shape: record.shape))
            records.append(record)
        }
        let path = "\(folder.path)/source.gguf"
        let writer = try GGUFWriter(
            path: path,
            metadata: [
                // The name promises permuted heads, which these are not: another model, as good for comparing.
                ("general.architecture", .string("llama")), ("llama.block_count", .uint32(3)),
                ("llama.embedding_length", .uint32(64)),
                ("llama.feed_forward_length", .uint32(192)),
                ("llama.attention.head_count", .uint32(4)),
                ("llama.attention.head_count_kv", .uint32(2)),
                ("llama.context_length", .uint32(256)), ("llama.rope.freq_base", .float32(10_000)),
                ("llama.attention.layer_norm_rms_epsilon", .float32(1e-5)),
                ("tokenizer.ggml.tokens", .strings(["a", "b"])),
                ("tokenizer.ggml.token_type", .integers([1, 1])),
                ("tokenizer.ggml.scores", .floats([0, -1])),
            ],
            tensors: plans
        )
        for (plan, record) in zip(plans, records) {
            try record.withUnsafeBytes { try writer.write(plan.name, $0) }
        }
        try writer.finish()
        return path
    }

    @Test func `a quantised directory is read and predicts almost the same`() throws {
        let folder = try Folder()
        var last = 0.0
        for (bits, bound) in [(8, 0.002), (6, 0.01), (5, 0.05), (4, 0.2), (3, 0.8), (2, 6)] {
            let path = "\(folder.path)/q\(bits)"
            try Self.quantize(Self.source, to: path, Self.grouped(bits, .values(32), sigmas: 3))
            let found = try Self.divergence(path, from: Self.source)
            #expect(found.tokens > 100)
            #expect(found.mean < bound, "\(bits) bits: \(found.mean)")
            #expect(found.mean > last, "\(bits) bits: \(found.mean)")
            last = found.mean
        }
    }

    @Test func `each method's files are read`() throws {
        let folder = try Folder()
        let methods: [QuantizationOptions.Linears] = [
            try Self.grouped(4, .row, .adam(steps: 20, rate: 1e-3), sigmas: 3),
            try Self.grouped(4, .values(64), .nearest),
            try Self.grouped(4, .values(64), .halfQuadratic),
            .budget(4.25),
        ]
        for (index, method) in methods.enumerated() {
            let path = "\(folder.path)/m\(index)"
            try Self.quantize(Self.source, to: path, method)
            #expect(try Self.divergence(path, from: Self.source).mean < 0.6)
        }
    }

    @Test func `a model is no distance from itself`() throws {
        let found = try Self.divergence(Self.source, from: Self.source)
        #expect(found.mean == 0 && found.topAgreement == 1 && found.quantile(0.99) == 0)
    }

    @Test func `a GGUF file becomes one of skein's own or of llama.cpp's types`() throws {
        let folder = try Folder()
        let source = try Self.gguf(in: folder)
        let own = "\(folder.path)/own.gguf"
        try Self.quantize(source, to: own, .budget(4.5))
        #expect(try Self.divergence(own, from: source).mean < 0.2)
        let file = try GGUF(contentsOf: own)
        #expect(file.metadata["general.architecture"]?.string == "skein-llama")
        #expect(try file.metadata["tokenizer.ggml.tokens"]?.array?.strings() == ["a", "b"])
        for (dtype, bound) in [(DType.q8_0, 0.002), (.q4_0, 0.2), (.q4_K, 0.2)] {
            let path = "\(folder.path)/\(dtype).gguf"
            let reports = try Self.quantize(
                source,
                to: path,
                .fixed(.blocks(dtype)),
                heads: .blocks(.q8_0)
            )
            #expect(try Self.divergence(path, from: source).mean < bound)
            // Rows of 64 do not fill K blocks: their kin of 32 stands in.
            let wanted = dtype == .q4_K ? DType.q5_0 : dtype
            #expect(reports.contains { $0.treatment == .blocks(wanted) })
            #expect(
                try GGUF(contentsOf: path).metadata["general.architecture"]?.string == "llama"
            )
        }
    }

    @Test func `a Mamba's matrices become codes, its taps and rates stay`() throws {
        let folder = try Folder()
        let source = Files.golden("models/mamba/model-F16.gguf").path
        let path = "\(folder.path)/mamba.gguf"
        try Self.quantize(source, to: path, .fixed(.blocks(.q8_0)), heads: .blocks(.q8_0))
        let file = try GGUF(contentsOf: path)
        let kinds = Set(
            file.tensors.values.filter {
                $0.name.contains("ssm_conv1d") || $0.name.contains("ssm_a")
            }
            .map(\.dtype)
        )
        #expect(kinds == [.f32])
        #expect(file.tensors["blk.0.ssm_out.weight"]?.dtype == .q8_0)
        let processor = try Processor(threads: 2)
        let directory = Files.golden("models/mamba").path
        try Self.quantize(directory, to: folder.path + "/codes", Self.grouped(8, .values(32)))
        for made in [path, folder.path + "/codes"] {
            let found = try Divergence.measure(
                (0..<200).map { Int32($0 * 7 % 128) },
                bos: nil,
                window: 64,
                reference: LanguageModelLoader.load(
                    LanguageModelLoader.checkpoint(directory),
                    processor: processor
                ),
                model: LanguageModelLoader.load(
                    LanguageModelLoader.checkpoint(made),
                    processor: processor
                ),
                processor: processor,
                cacheType: .f32
            )
            #expect(found.mean < 0.2, "\(made): \(found.mean)")
        }
    }

    @Test func `a budget is never exceeded and well used`() throws {
        let folder = try Folder()
        for budget in [2.6, 3.3, 4.5, 6.0] {
            let reports = try Self.quantize(
                Self.source,
                to: "\(folder.path)/b\(budget)",
                .budget(budget),
                heads: .keep
            )
            let quantized = reports.filter { $0.treatment != .keep }
            let weights = quantized.reduce(0) { $0 + $1.count }
            let bits = Double(quantized.reduce(0) { $0 + $1.bytes } * 8) / Double(weights)
            #expect(bits <= budget + 0.02, "\(bits) of \(budget)")
            #expect(bits > budget - 0.3, "\(bits) of \(budget)")
        }
        #expect(throws: SkeinError.self) {
            try Self.quantize(Self.source, to: "\(folder.path)/b1", .budget(1))
        }
    }

    @Test func `files are the same with one thread and with two`() throws {
        let folder = try Folder()
        for threads in [1, 2] {
            try Self.quantize(
                Self.source,
                to: "\(folder.path)/t\(threads)",
                .budget(4.2),
                threads: threads
            )
        }
        let manager = FileManager.default
        for name in ["model.safetensors", "config.json"] {
            #expect(
                manager.contentsEqual(
                    atPath: "\(folder.path)/t1/\(name)",
                    andPath: "\(folder.path)/t2/\(name)"
                )
            )
        }
    }

    @Test func `what cannot be quantised is refused and nothing is lost`() throws {
        let (folder, other) = (try Folder(), try Folder())
        let once = "\(folder.path)/once"
        try Self.quantize(Self.source, to: once, .budget(4.5))
        func message(_ body: () throws -> Void) -> String {
            do {
                try body()
                return ""
            } catch { return (error as? SkeinError)?.message ?? "\(error)" }
        }
        let again = message { try Self.quantize(once, to: "\(folder.path)/twice", .budget(4.5)) }
        #expect(again.contains("quantised already"))
        let taken = message { try Self.quantize(Self.source, to: once, .budget(3)) }
        #expect(taken.contains("already"))
        let blocks = message {
            try Self.quantize(Self.source, to: "\(folder.path)/k", .fixed(.blocks(.q4_0)))
        }
        #expect(blocks.contains("safetensors"))
        let kind = message {
            try Self.quantize(Self.gguf(in: other), to: "\(folder.path)/x", .budget(4))
        }
        #expect(kind.contains("no tokenizer.json is made"))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names == ["once"])
        try Self.quantize(Self.source, to: once, .budget(3), replaces: true)
        #expect(try Self.divergence(once, from: Self.source).mean > 0)
    }

    @Test func `damaged codes are errors`() throws {
        let folder = try Folder()
        let path = "\(folder.path)/q"
        try Self.quantize(Self.source, to: path, Self.grouped(4, .values(32), sigmas: 2))
        let file = "\(path)/model.safetensors"
        let original = try Data(contentsOf: URL(fileURLWithPath: file))
        let starts = try SafetensorsDirectory(path: path).tensors.values
            .filter { $0.name.hasSuffix(".outlier_ptr") }
            .sorted { $0.name < $1.name }
        var random = SplitMix64(seed: 9)
        var failures = 0
        for _ in 0..<60 {
            var bytes = original
            let range = starts[Int.random(in: 0..<starts.count, using: &random)].byteRange
            let place = Int.random(in: range, using: &random)
            bytes[place] = UInt8.random(in: 1...255, using: &random) ^ bytes[place]
            try bytes.write(to: URL(fileURLWithPath: file))
            do { _ = try Self.divergence(path, from: Self.source) } catch let error as SkeinError {
                failures += 1
                #expect(error.code == .corruptFile, "\(error.message)")
            }
        }
        #expect(failures > 30)
        var config = try String(contentsOfFile: "\(path)/config.json", encoding: .utf8)
        config = config.replacingOccurrences(of: "\"skein\"", with: "\"gptq\"")
        try config.write(toFile: "\(path)/config.json", atomically: true, encoding: .utf8)
        #expect {
            _ = try LanguageModelLoader.load(
                LanguageModelLoader.checkpoint(path),
                processor: Processor(threads: 1)
            )
        } throws: { ($0 as? SkeinError)?.message.contains("gptq") == true }
    }
}
