import Foundation
import SkeinCore
import SkeinEngine
import SkeinModels
import SkeinNN
import SkeinTensor
import SkeinTestSupport
import Testing

/// What an embedder is given wrongly is named.
@Suite struct BertFailureTests {
    /// A copy of a tiny encoder, changed before it is opened.
    static func opening(_ change: (URL) throws -> Void) throws -> SkeinError {
        let target = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID())")
        try FileManager.default.copyItem(at: Files.golden("models/bert"), to: target)
        defer { try? FileManager.default.removeItem(at: target) }
        try change(target)
        do {
            _ = try TextEmbedder(path: target.path, processor: Processor(threads: 1))
        } catch let error as SkeinError {
            return error
        }
        throw SkeinError(.incapable, "the damaged model was opened")
    }

    /// Replaces a member of a JSON file.
    static func set(_ key: String, _ value: JSON, in file: URL) throws {
        guard case .object(var object) = try MappedFile(path: file.path).json() else {
            throw SkeinError(.corruptFile, "\(file.path) is no object")
        }
        object[key] = value
        try JSON.object(object).text().write(to: file, atomically: false, encoding: .utf8)
    }

    @Test(arguments: [
        ("intermediate_size", JSON.int(48), SkeinError.Code.shapeMismatch, "implies [48, 24]"),
        ("num_hidden_layers", .int(3), .missingTensor, "encoder.layer.2."),
        ("type_vocab_size", .int(1), .shapeMismatch, "token_type_embeddings"),
        ("num_attention_heads", .int(5), .corruptFile, "no multiple of 5 heads"),
        ("hidden_act", .string("relu"), .unsupported, "\"relu\""),
        ("position_embedding_type", .string("relative_key"), .unsupported, "relative_key"),
        ("model_type", .string("t5"), .unsupported, "\"t5\""),
    ])
    func `a wrong configuration`(
        _ key: String,
        _ value: JSON,
        _ code: SkeinError.Code,
        _ part: String
    ) throws {
        let found = try Self.opening {
            try Self.set(key, value, in: $0.appending(path: "config.json"))
        }
        #expect(found.code == code, "\(found)")
        #expect(found.message.contains(part), "\(found)")
    }

    @Test func `a bias that is missing`() throws {
        let found = try Self.opening { folder in
            let file = folder.appending(path: "model.safetensors")
            var bytes = try Data(contentsOf: file)
            let name = try #require(bytes.range(of: Data("layer.1.output.dense.bias".utf8)))
            bytes.replaceSubrange(name, with: Data("layer.1.output.dense.bibs".utf8))
            try bytes.write(to: file)
        }
        #expect(found.code == .missingTensor, "\(found)")
        #expect(found.message.contains("encoder.layer.1.output.dense.bias [24]"), "\(found)")
    }

    @Test func `poolings that are not known`() throws {
        for key in ["pooling_mode_max_tokens", "pooling_mode_cls_token"] {
            let found = try Self.opening {
                try Self.set(key, .bool(true), in: $0.appending(path: "1_Pooling/config.json"))
            }
            #expect(found.code == .unsupported)
            #expect(found.message.contains("mean"), "\(found)")
        }
    }

    @Test func `modules that are not known`() throws {
        let found = try Self.opening { folder in
            let text = "[{\"path\": \"\", \"type\": \"sentence_transformers.models.Dense\"}]"
            try Data(text.utf8).write(to: folder.appending(path: "modules.json"))
        }
        #expect(found.code == .unsupported)
        #expect(found.message.contains("models.Dense"), "\(found)")
    }

    @Test func `a text too long, empty, or of unknown ids`() throws {
        let embedder = try BertTests.embedder("bert")
        func failure(_ texts: [[Int32]]) throws -> SkeinError {
            try #require(throws: SkeinError.self) { try embedder.embed(texts) }
        }
        let long = try failure([[5, 6], [Int32](repeating: 7, count: 21)])
        #expect(long.code == .contextOverflow)
        #expect(long.message == "text 1 has 21 tokens, but bert takes at most 20")
        #expect(try failure([[]]).code == .invalidArgument)
        let unknown = try failure([[5, 96]])
        #expect(unknown.code == .invalidArgument)
        #expect(unknown.message.contains("96"), "\(unknown)")
    }

    @Test func `weights that are not numbers`() throws {
        let target = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID())")
        try FileManager.default.copyItem(at: Files.golden("models/bert"), to: target)
        defer { try? FileManager.default.removeItem(at: target) }
        let file = target.appending(path: "model.safetensors")
        var bytes = try Data(contentsOf: file)
        let model = try LanguageModelLoader.checkpoint(target.path)
        let record = try #require(model.tensor("encoder.layer.1.output.dense.weight"))
        bytes.replaceSubrange(
            record.byteRange.lowerBound..<record.byteRange.lowerBound + 4,
            with: Data([0, 0, 0xc0, 0x7f])
        )
        try bytes.write(to: file)
        let embedder = try TextEmbedder(path: target.path, processor: Processor(threads: 1))
        let found = try #require(throws: SkeinError.self) { try embedder.embed([[5, 6, 7]]) }
        #expect(found.code == .notFinite)
        #expect(found.message.contains("encoder.layer.1.output.dense.weight, row 0"), "\(found)")
    }

    @Test func `an encoder neither generates nor reads a past`() throws {
        let processor = try Processor(threads: 1)
        let checkpoint = try LanguageModelLoader.checkpoint(BertTests.path("bert"))
        #expect {
            try LanguageModelLoader.load(checkpoint, processor: processor)
        } throws: { error in
            (error as? SkeinError)?.code == .unsupported && "\(error)".contains("skein embed")
        }
        let model = try EmbeddingModelLoader.load(checkpoint, processor: processor)
        var execution = Execution(processor: processor, state: model.makeState(dtype: .f32))
        var batch = BertTests.batch([[5, 6, 7]])
        batch.segments[0].visibility = .causal
        let found = try #require(throws: SkeinError.self) { try model.forward(batch, &execution) }
        #expect(found.code == .incapable)
    }
}
