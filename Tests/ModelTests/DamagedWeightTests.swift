import Foundation
import SkeinCore
import SkeinDecoding
import SkeinEngine
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import Testing

/// A model whose logits are not numbers says which weight is to blame.
@Suite struct DamagedWeightTests {
    /// The error of a first step, after some bytes of a copied model were overwritten.
    static func failure(
        _ folder: String,
        file: String?,
        _ name: String,
        row: Int
    ) throws -> any Error {
        let target = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID())")
        try FileManager.default.copyItem(at: Files.golden("models/\(folder)"), to: target)
        defer { try? FileManager.default.removeItem(at: target) }
        let path = file.map { target.appending(path: $0).path } ?? target.path
        let record = try #require(try LanguageModelLoader.checkpoint(path).tensor(name))
        let rowBytes = try #require(record.dtype.bytes(for: record.rowCount))
        let handle = try FileHandle(forUpdating: URL(filePath: record.file.path))
        try handle.seek(toOffset: UInt64(record.byteRange.lowerBound + row * rowBytes))
        // A quiet NaN: f32 ends in 0x7fc0, bf16 is 0x7fc0.
        let bits: [UInt8] = record.dtype == .f32 ? [0, 0, 0xc0, 0x7f] : [0xff, 0x7f]
        try handle.write(contentsOf: bits)
        try handle.close()
        return try firstStep(path)
    }

    static func firstStep(_ path: String) throws -> any Error {
        let processor = try Processor(threads: 1)
        let model = try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(path),
            processor: processor
        )
        let engine = Engine(model: model, processor: processor)
        _ = try engine.admit(
            Autoregressive(prompt: [5, 9], parameters: .greedy, contextLimit: 16)
        )
        for event in try engine.step() {
            if case .failed(_, let error) = event { return error }
        }
        throw SkeinError(.incapable, "the damaged model ran")
    }

    @Test func `a state that overflows is named`() throws {
        let target = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID())")
        try FileManager.default.copyItem(at: Files.golden("models/mamba-odd"), to: target)
        defer { try? FileManager.default.removeItem(at: target) }
        let name = "backbone.layers.1.mixer.dt_proj.bias"
        let record = try #require(try LanguageModelLoader.checkpoint(target.path).tensor(name))
        let handle = try FileHandle(forUpdating: URL(filePath: record.file.path))
        try handle.seek(toOffset: UInt64(record.byteRange.lowerBound))
        for _ in 0..<record.count {
            try handle.write(contentsOf: withUnsafeBytes(of: Float(3e38)) { Array($0) })
        }
        try handle.close()
        let error = try #require(try Self.firstStep(target.path) as? SkeinError)
        #expect(error.code == .notFinite)
        #expect(error.message.contains("recurrent state of layer 1"), "\(error)")
    }

    @Test(arguments: [
        ("llama2", nil, "model.layers.0.mlp.up_proj.weight", 7),
        ("qwen2", nil, "model.embed_tokens.weight", 9),
        ("qwen3", "model-BF16.gguf", "model.layers.1.self_attn.k_proj.weight", 33),
        ("gpt2", nil, "transformer.wpe.weight", 1),
        ("mamba", nil, "backbone.layers.2.mixer.x_proj.weight", 20),
    ])
    func `the weight and its row are named`(
        _ folder: String,
        _ file: String?,
        _ name: String,
        _ row: Int
    ) throws {
        let error = try Self.failure(folder, file: file, name, row: row)
        let found = try #require(error as? SkeinError)
        #expect(found.code == .notFinite)
        #expect(found.message.contains("\(name), row \(row) "), "\(found)")
    }
}
