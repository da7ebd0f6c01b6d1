import Foundation
import SkeinCore
import SkeinStories
import SkeinTensor
import SkeinTraining

/// A small model that the trainer fits to stories when a test first asks for it.
///
/// Random weights would not do: their predictions hardly depend on the weights' precision.
enum TrainedModel {
    /// Its folder, or why there is none.
    private static let made = Result {
        let root = NSTemporaryDirectory() + "skein-trained-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let corpus = root + "/stories.jsonl"
        try stories(300, seed: 5).map { story in
            var object = JSONObject()
            object["text"] = .string(story)
            return JSON.object(object).text() + "\n"
        }.joined().write(toFile: corpus, atomically: true, encoding: .utf8)
        let configuration = try TrainingConfiguration(
            parsing: """
                model: {model_type: llama, hidden_size: 64, num_hidden_layers: 3,
                  num_attention_heads: 4, num_key_value_heads: 2, intermediate_size: 192,
                  max_position_embeddings: 256}
                tokenizer: {vocabulary: 384}
                data: {train: "\(corpus)"}
                batch: {sequences: 8, length: 64, packing: windows}
                optimizer: {learning_rate: 6.0e-3}
                schedule: {warmup: 10}
                steps: 160
                """,
            source: "the test model",
            changes: []
        )
        let run = try TrainingRun(
            configuration,
            folder: root + "/run",
            resumes: false,
            processor: Processor(threads: 2)
        )
        _ = try run.run()
        return root + "/run/model"
    }

    /// Its folder: config, tokenizer and f32 safetensors.
    static var path: String { get throws { try made.get() } }

    /// Stories one after another.
    static func stories(_ count: Int, seed: UInt64) -> [String] {
        let generator = StoryGenerator(seed: seed)
        return (0..<count).map { generator.story($0).text }
    }
}
