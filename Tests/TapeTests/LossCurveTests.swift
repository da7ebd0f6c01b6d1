import SkeinCore
import SkeinModels
import SkeinNN
import SkeinTensor
import SkeinTestSupport
import Testing

/// Two hundred steps against PyTorch's.
@Suite struct LossCurveTests {
    static let schedule = Schedule(peak: 1e-3, floor: 1e-4, warmupSteps: 20, totalSteps: 200)

    /// The losses and gradient norms of some steps.
    static func run(
        steps: Range<Int>,
        threads: Int,
        precision: Tape.Precision = .f32
    ) throws -> (losses: [Double], norms: [Double]) {
        let processor = try Processor(threads: threads)
        let model = try Learner.load("llama3", processor)
        let parameters = try #require(model.learned?.parameters)
        let optimizer = Optimizer(
            [
                ParameterGroup(
                    parameters.filter { $0.shape.count > 1 },
                    rule: AdamW(),
                    weightDecay: 0.1
                ),
                ParameterGroup(parameters.filter { $0.shape.count < 2 }, rule: AdamW()),
            ],
            processor: processor
        )
        var (losses, norms): ([Double], [Double]) = ([], [])
        for step in steps {
            let sequences = (0..<4).map { Learner.tokens(step * 4 + $0, 48) }
            let rule = Tape.Rule(precision: precision)
            losses.append(try Learner.pass(model, sequences, processor, rule: rule))
            let rate = Float(schedule.rate(at: step))
            norms.append(optimizer.step(learningRate: rate, clippingTo: 1))
        }
        return (losses, norms)
    }

    @Test func `the curve of a small Llama equals PyTorch's step by step`() throws {
        let golden = try Learner.golden("curve.json")
        let losses = golden["losses"]?.array?.compactMap(\.double) ?? []
        let norms = golden["norms"]?.array?.compactMap(\.double) ?? []
        try #require(losses.count == 200 && norms.count == 200)
        let found = try Self.run(steps: 0..<200, threads: 2)
        var worst = (0.0, 0.0)
        for step in 0..<200 {
            worst.0 = max(worst.0, abs(found.losses[step] - losses[step]) / losses[step])
            worst.1 = max(worst.1, abs(found.norms[step] - norms[step]) / norms[step])
        }
        print("largest relative difference: loss \(worst.0), gradient norm \(worst.1)")
        #expect(worst.0 <= 1e-4)
        #expect(worst.1 <= 1e-2)
    }

    @Test func `one thread and two give the same bits`() throws {
        let one = try Self.run(steps: 0..<20, threads: 1)
        let two = try Self.run(steps: 0..<20, threads: 2)
        #expect(one.losses == two.losses)
        #expect(one.norms == two.norms)
    }
}
