import SkeinModels
import SkeinTensor
import SkeinTestSupport
import Testing

/// Passes that keep less, and passes that drop values.
@Suite struct TapeRuleTests {
    /// The loss and the gradients of one pass.
    static func gradients(
        _ name: String,
        _ rule: Tape.Rule,
        threads: Int = 2
    ) throws -> (loss: Double, values: [[Float]], passBytes: Int) {
        let processor = try Processor(threads: threads)
        let model = try Learner.load(name, processor)
        let sequences = (0..<3).map { Learner.tokens($0, 31) }
        let loss = try Learner.pass(model, sequences, processor, rule: rule)
        let parameters = try #require(model.learned?.parameters)
        return (loss, parameters.map(\.gradientValues), processor.arena.byteCount)
    }

    @Test(arguments: ["llama3", "qwen3", "gpt2", "mamba"])
    func `a pass made again gives the same gradients, in less memory`(name: String) throws {
        let kept = try Self.gradients(name, Tape.Rule())
        let again = try Self.gradients(name, Tape.Rule(recomputesBlocks: true))
        #expect(kept.loss == again.loss)
        #expect(kept.values == again.values)
        #expect(again.passBytes < kept.passBytes)
    }

    @Test func `dropout has the same gradients with recomputation and with any threads`() throws {
        let dropout = Dropout(rate: 0.3, seed: 5, pass: 2)
        let plain = try Self.gradients("llama3", Tape.Rule(dropout: dropout))
        let rule = Tape.Rule(recomputesBlocks: true, dropout: dropout)
        let again = try Self.gradients("llama3", rule, threads: 1)
        #expect(plain.loss == again.loss)
        #expect(plain.values == again.values)
        var other = dropout
        other.pass = 3
        #expect(try Self.gradients("llama3", Tape.Rule(dropout: other)).loss != plain.loss)
        #expect(try Self.gradients("llama3", Tape.Rule()).loss != plain.loss)
    }

    @Test func `dropout drops its share and keeps the mean`() throws {
        let processor = try Processor(threads: 2)
        let recording = processor.recording(
            on: Tape(Tape.Rule(dropout: Dropout(rate: 0.25, seed: 1, pass: 0)))
        )
        let (rows, width) = (301, 33)
        let one = Parameter("one", shape: [width, 1], values: .init(repeating: 1, count: width))
        let projection = Projection([.init(matrix: PackedMatrix(one))])
        let x = Tensor(
            .init(repeating: 1, count: rows),
            rows: rows,
            width: 1,
            arena: processor.arena
        )
        let zero = Tensor(
            .init(repeating: 0, count: rows * width),
            rows: rows,
            width: width,
            arena: processor.arena
        )
        let y = recording.project(x, through: projection, addingTo: zero, dropoutSite: 4).values
        let zeros = Double(y.count { $0 == 0 }) / Double(y.count)
        #expect(y.allSatisfy { $0 == 0 || abs($0 - 1 / 0.75) < 1e-6 })
        // Four standard deviations of a share of 9,933 draws.
        #expect(abs(zeros - 0.25) < 4 * (0.25 * 0.75 / Double(y.count)).squareRoot())
        let columns = (0..<width).map { c in (0..<rows).map { y[$0 * width + c] == 0 } }
        #expect(Set(columns).count == width)
    }

    @Test(arguments: InstructionSet.available)
    func `dropout's way back equals differences`(level: InstructionSet) throws {
        let weights = Parameter(
            "weights",
            shape: [10, 7],
            values: (0..<70).map { Float($0 * 37 % 23) / 23 - 0.5 }
        )
        let projection = Projection([.init(matrix: PackedMatrix(weights))])
        let dropout = Dropout(rate: 0.4, seed: 9, pass: 1)
        try FiniteDifferenceTests.check(
            [(6, 7), (6, 10)],
            parameters: [weights],
            "dropout",
            level: level,
            rule: Tape.Rule(dropout: dropout)
        ) { processor, inputs in
            processor.project(inputs[0], through: projection, addingTo: inputs[1], dropoutSite: 1)
        }
    }
}
