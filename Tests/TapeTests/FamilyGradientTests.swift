import SkeinCore
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import Testing

/// Gradients of whole models against PyTorch's.
@Suite struct FamilyGradientTests {
    /// Sums over a few hundred products in f32, in another order than PyTorch's.
    static let tolerance = 2e-5

    @Test(arguments: [
        "llama2", "llama3", "gpt2", "qwen2", "qwen3", "smollm", "smollm3", "mistral",
        "mamba", "mamba-odd",
    ])
    func `a family's gradients equal PyTorch's`(_ family: String) throws {
        let file = try Learner.golden("gradients.json")
        let golden = try #require(file[family])
        for level in InstructionSet.available {
            let processor = try Processor(threads: 2, instructionSet: level)
            let model = try Learner.load(family, processor)
            let sequences = [5, 17, 1, 40, 64].enumerated().map {
                Learner.tokens($0.offset, $0.element)
            }
            let loss = try Learner.pass(
                model,
                sequences,
                processor,
                smoothing: Float(golden["smoothing"]?.double ?? .nan),
                zWeight: Float(golden["z"]?.double ?? .nan)
            )
            let expected = try #require(golden["loss"]?.double)
            #expect(abs(loss - expected) <= 1e-5 * expected, "\(level): \(loss), not \(expected)")
            try compare(model, golden, level)
        }
    }

    private func compare(
        _ model: any LearningModel,
        _ golden: JSON,
        _ level: InstructionSet
    ) throws {
        let gradients = try #require(golden["gradients"])
        let entries = try #require(model.learned?.entries)
        #expect(entries.count == gradients.object?.members.count)
        for entry in entries {
            let parameter = entry.parameter
            let found = entry.isTransposed ? Self.transposed(parameter) : parameter.gradientValues
            let expected = try #require(gradients[parameter.name], "\(parameter.name)")
            let norm = try #require(expected["norm"]?.double)
            let own = found.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(abs(own - norm) <= Self.tolerance * norm, "\(level) \(parameter.name)")
            let picks = expected["picks"]?.array?.compactMap(\.double) ?? []
            #expect(picks.count == 16)
            for (index, pick) in picks.enumerated() {
                let value = Double(found[index * (found.count - 1) / 15])
                #expect(
                    abs(value - pick) <= Self.tolerance * norm,
                    "\(level) \(parameter.name) pick \(index): \(value), not \(pick)"
                )
            }
        }
    }

    private static func transposed(_ parameter: Parameter) -> [Float] {
        let (values, width) = (parameter.gradientValues, parameter.width)
        return (0..<width).flatMap { column in
            (0..<parameter.rows).map { values[$0 * width + column] }
        }
    }
}
