import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

/// Passes whose products compute in bf16.
@Suite struct PrecisionTests {
    /// Small whole numbers, which bf16 holds exactly, as are the sums of their products in f32.
    static func integers(_ count: Int, _ seed: Int) -> [Float] {
        (0..<count).map { Float(($0 &* 7919 &+ seed &* 104_729) % 17 - 8) }
    }

    /// The product of rows with two matrices side by side, and the gradients of all three.
    static func pass(
        rows: Int,
        inputs: Int,
        outputs: (Int, Int),
        level: InstructionSet,
        _ precision: Tape.Precision
    ) throws -> [[Float]] {
        let processor = try Processor(threads: 2, instructionSet: level)
        let weights = [outputs.0, outputs.1].enumerated().map { index, count in
            Parameter("w", shape: [count, inputs], values: integers(count * inputs, index))
        }
        let projection = Projection(weights.map { .init(matrix: PackedMatrix($0)) })
        let tape = Tape(Tape.Rule(precision: precision))
        let x = tape.watch(
            Tensor(integers(rows * inputs, 3), rows: rows, width: inputs, arena: processor.arena)
        )
        let y = processor.recording(on: tape).project(x, through: projection)
        let width = outputs.0 + outputs.1
        let dy = Tensor(integers(rows * width, 4), rows: rows, width: width, arena: processor.arena)
        tape.backward([(y, dy)], on: processor)
        let dx = try #require(tape.gradient(of: x))
        return [y.values, dx.values] + weights.map(\.gradientValues)
    }

    @Test(arguments: InstructionSet.available)
    func `what bf16 holds exactly is multiplied exactly`(level: InstructionSet) throws {
        let shapes = [(1, 1, (1, 1)), (13, 29, (37, 21)), (70, 64, (32, 17)), (33, 300, (5, 200))]
        for (rows, inputs, outputs) in shapes {
            let wide = try Self.pass(
                rows: rows,
                inputs: inputs,
                outputs: outputs,
                level: level,
                .f32
            )
            let narrow = try Self.pass(
                rows: rows,
                inputs: inputs,
                outputs: outputs,
                level: level,
                .bf16
            )
            for (index, name) in ["y", "dx", "dw", "dw of the second"].enumerated() {
                #expect(wide[index] == narrow[index], "\(name), \(rows) rows of \(inputs)")
            }
        }
    }

    /// The nearest value that bf16 holds, ties to even.
    static func rounded(_ value: Float) -> Float {
        let bits = value.bitPattern
        return Float(bitPattern: (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
    }

    @Test(arguments: InstructionSet.available)
    func `what is packed is the nearest value of bf16, ties to even`(
        level: InstructionSet
    ) throws {
        let processor = try Processor(threads: 2, instructionSet: level)
        let size = 37
        // Every third value is halfway between two of bf16.
        let values = (0..<size * size).map { index -> Float in
            let bits = 0x3f80_0000 + UInt32(index &* 2_654_435 % 0x7f_0000)
            let value = Float(bitPattern: index % 3 == 0 ? bits & 0xffff_0000 | 0x8000 : bits)
            return index % 2 == 0 ? value : -value
        }
        let identity = (0..<size * size).map { Float($0 % (size + 1) == 0 ? 1 : 0) }
        func tensor(_ values: [Float]) -> Tensor {
            Tensor(values, rows: size, width: size, arena: processor.arena)
        }
        // With the identity as the other factor a product is what was packed: the rows of the weights
        // there, their columns and those of the rows on the way back.
        let weights = Parameter("w", shape: [size, size], values: values)
        let projection = Projection([.init(matrix: PackedMatrix(weights))])
        let tape = Tape(Tape.Rule(precision: .bf16))
        let x = tape.watch(tensor(identity))
        let y = processor.recording(on: tape).project(x, through: projection)
        let expected = values.map(Self.rounded)
        #expect(
            (0..<size * size).allSatisfy { y.values[$0 % size * size + $0 / size] == expected[$0] }
        )
        tape.backward([(y, tensor(identity))], on: processor)
        #expect(try #require(tape.gradient(of: x)).values == expected)

        let other = Tape(Tape.Rule(precision: .bf16))
        weights.clearGradient()
        let z = processor.recording(on: other).project(
            other.watch(tensor(values)),
            through: projection
        )
        other.backward([(z, tensor(identity))], on: processor)
        #expect(weights.gradientValues == expected)
    }

    @Test(arguments: ["llama3", "qwen3", "gpt2", "mamba"])
    func `gradients in bf16 are as near f32 as in PyTorch, with the same bits for any threads`(
        name: String
    ) throws {
        let golden = try Learner.golden("autocast.json")[name]
        let theirs = try #require(golden?["apart"]?.double)
        let wide = try TapeRuleTests.gradients(name, Tape.Rule())
        let rule = Tape.Rule(precision: .bf16)
        let narrow = try TapeRuleTests.gradients(name, rule)
        let alone = try TapeRuleTests.gradients(name, rule, threads: 1)
        #expect(narrow.values == alone.values)
        #expect(narrow.loss != wide.loss)
        #expect(abs(narrow.loss - wide.loss) < 4e-3 * wide.loss)
        let all = zip(wide.values.joined(), narrow.values.joined())
        let (apart, whole) = all.reduce((0.0, 0.0)) { sums, pair in
            let (one, other) = (Double(pair.0), Double(pair.1))
            return (sums.0 + (one - other) * (one - other), sums.1 + one * one)
        }
        let ours = (apart / whole).squareRoot()
        print("\(name): gradients in bf16 \(ours) apart, PyTorch's \(theirs)")
        #expect(ours < 1.5 * theirs)
        let again = try TapeRuleTests.gradients(
            name,
            Tape.Rule(recomputesBlocks: true, precision: .bf16)
        )
        #expect(again.values == narrow.values)
    }

    @Test func `two hundred steps in bf16 stay by PyTorch's curve in f32`() throws {
        let golden = try Learner.golden("curve.json")
        let losses = golden["losses"]?.array?.compactMap(\.double) ?? []
        try #require(losses.count == 200)
        let found = try LossCurveTests.run(steps: 0..<200, threads: 2, precision: .bf16).losses
        let worst = zip(found, losses).map { abs($0 - $1) / $1 }.max() ?? 1
        print("largest relative difference of the loss: \(worst)")
        #expect(worst > 0 && worst < 0.01)
    }
}
