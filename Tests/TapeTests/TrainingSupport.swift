import Foundation
import SkeinCore
import SkeinModels
import SkeinNN
import SkeinTensor
import SkeinTestSupport

/// What the golden script does, with the package's own parts.
enum Learner {
    /// The sequence that `tokens` of Scripts/golden_training.py makes.
    static func tokens(_ start: Int, _ count: Int) -> [Int32] {
        (0..<count).map { i in Int32((7 * start + i * (i + 1) / 2 + (start * i) % 5) % 128) }
    }

    /// Whole sequences end to end, each a segment that reads nothing.
    static func batch(
        _ sequences: [[Int32]],
        visibility: Visibility = .causal
    ) -> (RowBatch, [Int32]) {
        var (ids, positions, targets): ([Int32], [Int32], [Int32]) = ([], [], [])
        var segments: [Segment] = []
        for sequence in sequences {
            let rows = ids.count..<ids.count + sequence.count
            segments.append(Segment(rows: rows, slot: 0, reads: .nothing, visibility: visibility))
            ids += sequence
            positions += (0..<sequence.count).map { Int32($0) }
            targets += Array(sequence.dropFirst()) + [CrossEntropy.ignored]
        }
        let batch = RowBatch(
            inputs: .tokens(ids),
            positions: positions,
            segments: segments,
            headRows: []
        )
        return (batch, targets)
    }

    /// A golden model, ready to learn.
    static func load(_ name: String, _ processor: Processor) throws -> any LearningModel {
        let path = Files.golden("models/\(name)").path
        let model = try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(path),
            processor: processor,
            options: LoadOptions(learning: .fromCheckpoint)
        )
        guard let decoder = model as? any LearningModel else {
            throw SkeinError(.unsupported, "\(name) cannot learn")
        }
        return decoder
    }

    /// One pass there and back; gradients add up in the model's parameters.
    static func pass(
        _ model: any LearningModel,
        _ sequences: [[Int32]],
        _ processor: Processor,
        smoothing: Float = 0,
        zWeight: Float = 0,
        chunkRows: Int = 64,
        rule tapeRule: Tape.Rule = Tape.Rule()
    ) throws -> Double {
        let tape = Tape(tapeRule)
        let recording = processor.recording(on: tape)
        let (batch, targets) = batch(sequences)
        var execution = Execution(processor: recording, state: model.makePassMemory())
        let hidden = try model.forward(batch, &execution)
        let count = targets.count { $0 != CrossEntropy.ignored }
        let rule = CrossEntropy(
            labelSmoothing: smoothing,
            zLossWeight: zWeight,
            gradientScale: 1 / Float(count),
            chunkRows: chunkRows
        )
        let outcome = try model.loss(hidden, targets: targets, rule: rule, recording)
        tape.backward(on: processor)
        return outcome.mean
    }

    /// A golden file of numbers.
    static func golden(_ name: String) throws -> JSON {
        try JSON(parsing: Array(Data(contentsOf: Files.golden("training/\(name)"))))
    }
}
