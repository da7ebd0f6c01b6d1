import Foundation
import SkeinCore
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import Testing

/// Checkpoints that contradict themselves end in an error that says how.
@Suite struct BadCheckpointTests {
    /// A copy of a tiny model whose configuration is changed.
    static func loading(
        _ folder: String = "llama2",
        _ change: (inout JSONObject) -> Void
    ) throws -> any Error {
        let source = Files.golden("models/\(folder)")
        let target = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID())")
        try FileManager.default.copyItem(at: source, to: target)
        defer { try? FileManager.default.removeItem(at: target) }
        let config = target.appending(path: "config.json")
        guard case .object(var object) = try MappedFile(path: config.path).json() else {
            throw SkeinError(.corruptFile, "no configuration")
        }
        change(&object)
        try JSON.object(object).text().write(to: config, atomically: true, encoding: .utf8)
        do {
            _ = try LanguageModelLoader.load(
                LanguageModelLoader.checkpoint(target.path),
                processor: Processor(threads: 1)
            )
        } catch {
            return error
        }
        throw SkeinError(.incapable, "the damaged checkpoint was loaded")
    }

    @Test(arguments: [
        ("intermediate_size", JSON.int(48), SkeinError.Code.shapeMismatch, "implies"),
        ("num_hidden_layers", .int(9), .missingTensor, "is missing"),
        ("num_hidden_layers", .string("two"), .corruptFile, "expected a positive integer"),
        ("num_attention_heads", .int(3), .corruptFile, "heads"),
        ("model_type", .string("bloom"), .unsupported, "known are"),
        ("hidden_size", .null, .corruptFile, "has no hidden_size"),
        ("vocab_size", .int(64), .shapeMismatch, "implies"),
        ("rope_theta", .double(-1), .corruptFile, "rope_theta"),
    ])
    func `a wrong configuration is named`(
        _ key: String,
        _ value: JSON,
        _ code: SkeinError.Code,
        _ part: String
    ) throws {
        let error = try Self.loading { object in
            object[key] = value
            if key == "rope_theta" { object["rope_parameters"] = nil }
        }
        let found = try #require(error as? SkeinError)
        #expect(found.code == code, "\(found)")
        #expect(found.message.contains(part), "\(found)")
    }

    private static func ssm(_ layer: String) -> JSON {
        var object = JSONObject()
        object["layer"] = .string(layer)
        return .object(object)
    }

    @Test(arguments: [
        ("mamba", "state_size", JSON.int(8), SkeinError.Code.shapeMismatch, "x_proj.weight"),
        ("mamba", "conv_kernel", .int(3), .shapeMismatch, "conv1d.weight"),
        ("mamba", "expand", .int(3), .shapeMismatch, "in_proj.weight"),
        ("mamba", "time_step_rank", .int(5), .shapeMismatch, "x_proj.weight"),
        ("mamba", "hidden_act", .string("gelu"), .unsupported, "known is silu"),
        ("mamba", "num_hidden_layers", .int(4), .missingTensor, "layers.3"),
        ("mamba", "state_size", .int(4096), .unsupported, "at most 256"),
        ("mamba-original", "attn_layer_idx", .array([.int(1)]), .unsupported, "attention"),
        ("mamba-original", "d_intermediate", .int(64), .unsupported, "feed-forward"),
        (
            "mamba-original", "ssm_cfg", Self.ssm("Mamba2"), .unsupported,
            "Mamba2"
        ),
        ("mamba-original", "vocab_size", .int(200), .shapeMismatch, "implies"),
    ])
    func `a Mamba that contradicts itself is refused`(
        _ folder: String,
        _ key: String,
        _ value: JSON,
        _ code: SkeinError.Code,
        _ part: String
    ) throws {
        let error = try #require(try Self.loading(folder) { $0[key] = value } as? SkeinError)
        #expect(error.code == code, "\(error)")
        #expect(error.message.contains(part), "\(error)")
    }

    @Test(arguments: [
        (
            "llama2", "model_type", JSON.string("qwen2"), SkeinError.Code.missingTensor,
            "q_proj.bias"
        ),
        ("llama2", "model_type", .string("qwen3"), .missingTensor, "q_norm.weight"),
        ("smollm3", "no_rope_layers", .array([.int(1)]), .corruptFile, "no_rope_layers has 1"),
        ("mistral", "layer_types", .array([]), .corruptFile, "layer_types has 0"),
        ("qwen2-window", "max_window_layers", .int(-1), .corruptFile, "at least 0"),
    ])
    func `what a family needs is asked for`(
        _ folder: String,
        _ key: String,
        _ value: JSON,
        _ code: SkeinError.Code,
        _ part: String
    ) throws {
        let found = try #require(Self.loading(folder) { $0[key] = value } as? SkeinError)
        #expect(found.code == code, "\(found)")
        #expect(found.message.contains(part), "\(found)")
    }

    @Test func `a path to nothing is named`() {
        #expect { try LanguageModelLoader.checkpoint("/no/such/model") } throws: { error in
            (error as? SkeinError)?.code == .notFound && "\(error)".contains("/no/such/model")
        }
    }
}
