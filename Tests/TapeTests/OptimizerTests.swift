import Foundation
import SkeinCore
import SkeinNN
import SkeinTensor
import SkeinTestSupport
import Testing

/// Optimisers against PyTorch, and the parts around them.
@Suite struct OptimizerTests {
    static let rules: [(String, any UpdateRule)] = [
        ("adamw", AdamW()), ("sgd", SGD()), ("nesterov", SGD(isNesterov: true)),
        ("lion", Lion()), ("muon", Muon()),
    ]

    /// Lets the tape itself set a gradient.
    private static func setGradient(
        _ parameter: Parameter,
        _ values: [Float],
        _ processor: Processor
    ) {
        let tape = Tape()
        let rows = parameter.rows
        let table = try? processor.recording(on: tape).lookUp(
            .parameter(parameter),
            ids: (0..<rows).map { Int32($0) }
        )
        guard let table else { return }
        let seed = Tensor(values, rows: rows, width: parameter.width, arena: processor.arena)
        tape.backward([(table, seed)], on: processor)
    }

    @Test func `five steps end where PyTorch's do`() throws {
        let golden = try Learner.golden("optimizers.json")
        for (name, rule) in Self.rules {
            let processor = try Processor(threads: 2)
            let start = (0..<24).map { Float(sin(Double($0) + 1)) }
            let parameter = Parameter("w", shape: [6, 4], values: start)
            let group = ParameterGroup([parameter], rule: rule, weightDecay: 0.1)
            let optimizer = Optimizer([group], processor: processor)
            for step in 0..<5 {
                let slopes = parameter.values.enumerated().map { index, value in
                    Float(cos(0.7 * Double(index) + 1.3 * Double(step))) + 0.1 * value
                }
                Self.setGradient(parameter, slopes, processor)
                #expect(parameter.gradientValues == slopes)
                optimizer.step(learningRate: 0.02)
            }
            let expected = golden[name]?.array?.compactMap { $0.double.map { Float($0) } } ?? []
            // Muon's iteration multiplies rounding by about three a turn.
            let tolerance: Float = name == "muon" ? 2e-5 : 2e-6
            try #require(expected.count == 24)
            for (found, wanted) in zip(parameter.values, expected) {
                #expect(abs(found - wanted) <= tolerance, "\(name): \(found), not \(wanted)")
            }
            #expect(parameter.gradientValues.allSatisfy { $0 == 0 })
        }
    }

    @Test func `gradients are clipped by the norm of all of them`() throws {
        let processor = try Processor(threads: 2)
        let parameters = (0..<2).map {
            Parameter("p\($0)", shape: [1, 2], values: [0, 0])
        }
        let rule = SGD(momentum: 0)
        let optimizer = Optimizer([ParameterGroup(parameters, rule: rule)], processor: processor)
        Self.setGradient(parameters[0], [3, 0], processor)
        Self.setGradient(parameters[1], [0, 4], processor)
        let norm = optimizer.step(learningRate: 1, clippingTo: 2.5)
        #expect(norm == 5)
        #expect(abs(parameters[0].values[0] + 1.5) < 1e-5)
        #expect(abs(parameters[1].values[1] + 2) < 1e-5)
    }

    @Test func `an optimiser goes on from its saved state with the same bits`() throws {
        let processor = try Processor(threads: 2)
        for (_, rule) in Self.rules {
            let first = Parameter("w", shape: [6, 4], values: (0..<24).map { Float($0) / 10 })
            let one = Optimizer([ParameterGroup([first], rule: rule)], processor: processor)
            let slopes = (0..<24).map { Float(cos(Double($0))) }
            Self.setGradient(first, slopes, processor)
            one.step(learningRate: 0.1)
            let second = Parameter("w", shape: [6, 4], values: first.values)
            let two = Optimizer([ParameterGroup([second], rule: rule)], processor: processor)
            let saved = one.state
            try two.restore(stepCount: one.stepCount) { name, count in
                let values = try #require(saved.first { $0.name == name }).values.values
                #expect(values.count == count)
                return values
            }
            for (parameter, optimizer) in [(first, one), (second, two)] {
                Self.setGradient(parameter, slopes, processor)
                optimizer.step(learningRate: 0.1)
            }
            #expect(first.values == second.values)
        }
    }

    @Test func `schedules pass through their corners`() {
        let cosine = Schedule(peak: 1, floor: 0.1, warmupSteps: 10, totalSteps: 110)
        #expect(cosine.rate(at: 0) == 0.1)
        #expect(cosine.rate(at: 9) == 1)
        #expect(abs(cosine.rate(at: 60) - 0.55) < 1e-12)
        #expect(abs(cosine.rate(at: 110) - 0.1) < 1e-12)
        let linear = Schedule(peak: 1, totalSteps: 100, shape: .linear)
        #expect(linear.rate(at: 25) == 0.75)
        let shape = Schedule.Shape.warmupStableDecay(decaySteps: 20)
        let stable = Schedule(peak: 1, totalSteps: 100, shape: shape)
        #expect(stable.rate(at: 79) == 1)
        #expect(stable.rate(at: 90) == 0.5)
        #expect(Schedule(peak: 1, totalSteps: 9, shape: .constant).rate(at: 500) == 1)
    }

    @Test func `an average follows its parameters and gives way to them`() {
        let parameter = Parameter("w", shape: [1, 2], values: [0, 4])
        let average = MovingAverage([parameter], decay: 0.75)
        parameter.set([1, 0])
        average.update()
        average.exchange()
        #expect(parameter.values == [0.25, 3])
        average.exchange()
        #expect(parameter.values == [1, 0])
    }

    @Test func `a target outside the vocabulary is named`() throws {
        let processor = try Processor(threads: 1)
        let weight = Parameter("head", shape: [7, 4], values: [Float](repeating: 0, count: 28))
        let hidden = Tensor([0, 1, 2, 3], rows: 1, width: 4, arena: processor.arena)
        let error = #expect(throws: SkeinError.self) {
            _ = try processor.crossEntropy(
                hidden,
                after: .none,
                through: Projection([.init(matrix: PackedMatrix(weight))]),
                targets: [7]
            )
        }
        #expect(error?.message == "the head has 7 rows, but row 7 was asked for")
    }
}
