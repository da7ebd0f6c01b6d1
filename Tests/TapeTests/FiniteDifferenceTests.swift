import SkeinNN
import SkeinTensor
import SkeinTestSupport
import Testing

/// Each operation's way back against central differences of its way there.
///
/// The loss is a weighted sum of outputs, taken in double precision. A difference over 2h = 0.02 of
/// f32 values leaves an error of about h² from curvature and 1e-5 from rounding, of slopes about one.
@Suite struct FiniteDifferenceTests {
    static let step: Float = 0.01
    static let tolerance = 4e-3

    /// Compares the gradients of inputs and parameters with differences at a few places of each.
    static func check(
        _ inputs: [(rows: Int, width: Int)],
        parameters: [Parameter],
        _ name: String,
        level: InstructionSet,
        rule: Tape.Rule = Tape.Rule(),
        _ operation: (Processor, [Tensor]) throws -> Tensor
    ) throws {
        var random = SplitMix64(seed: 7)
        let processor = try Processor(threads: 2, instructionSet: level)
        var values = inputs.map { random.normals($0.rows * $0.width) }
        func tensors() -> [Tensor] {
            zip(inputs, values).map {
                Tensor($1, rows: $0.rows, width: $0.width, arena: processor.arena)
            }
        }
        let tape = Tape(rule)
        let watched = tensors().map { tape.watch($0) }
        let out = try operation(processor.recording(on: tape), watched)
        let weights = random.normals(out.count)
        func loss() throws -> Double {
            let out = try operation(processor.recording(on: Tape(rule)), tensors())
            return zip(out.values, weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        for parameter in parameters { parameter.clearGradient() }
        let seed = Tensor(weights, rows: out.rows, width: out.width, arena: processor.arena)
        tape.backward([(out, seed)], on: processor)
        func compare(_ found: Float, _ place: String, _ set: (Float) -> Void) throws {
            set(Self.step)
            let above = try loss()
            set(-Self.step)
            let below = try loss()
            set(0)
            let expected = (above - below) / Double(2 * Self.step)
            #expect(
                abs(Double(found) - expected) <= Self.tolerance * max(1, abs(expected)),
                "\(level) \(name) \(place): \(found), not \(expected)"
            )
        }
        for (index, tensor) in watched.enumerated() {
            let gradient = try #require(tape.gradient(of: tensor), "\(name): input \(index)").values
            for place in stride(from: 0, to: gradient.count, by: max(1, gradient.count / 13)) {
                let base = values[index][place]
                try compare(gradient[place], "input \(index) [\(place)]") {
                    values[index][place] = base + $0
                }
            }
        }
        for parameter in parameters {
            let (gradient, base) = (parameter.gradientValues, parameter.values)
            for place in stride(from: 0, to: base.count, by: max(1, base.count / 13)) {
                try compare(gradient[place], "\(parameter.name)[\(place)]") {
                    var moved = base
                    moved[place] += $0
                    parameter.set(moved)
                }
            }
        }
    }

    private static func parameter(_ name: String, _ shape: [Int], seed: UInt64) -> Parameter {
        var random = SplitMix64(seed: seed)
        let values = random.normals(shape.reduce(1, *), deviation: shape.count == 2 ? 0.3 : 0.5)
        return Parameter(name, shape: shape, values: values)
    }

    @Test(arguments: InstructionSet.available)
    func `products, biases, residuals and what comes before them`(_ level: InstructionSet) throws {
        let prologues: [(String, (Vector, Vector) -> Prologue, Int)] = [
            ("none", { _, _ in .none }, 19),
            ("rms norm", { weight, _ in .rmsNorm(weight: weight, epsilon: 1e-5) }, 19),
            ("layer norm", { .layerNorm(weight: $0, bias: $1, epsilon: 1e-5) }, 19),
            ("gated SiLU", { _, _ in .gatedSiLU }, 38),
            ("GELU", { _, _ in .gelu(isApproximate: false) }, 19),
            ("GELU by tanh", { _, _ in .gelu(isApproximate: true) }, 19),
        ]
        for (name, make, width) in prologues {
            let first = Self.parameter("first", [21, 19], seed: 1)
            let second = Self.parameter("second", [5, 19], seed: 2)
            let bias = Self.parameter("bias", [21], seed: 3)
            let weight = Self.parameter("weight", [19], seed: 4)
            let shift = Self.parameter("shift", [19], seed: 5)
            let prologue = make(Vector(weight), Vector(shift))
            var parameters = [first, second, bias]
            switch prologue {
            case .rmsNorm: parameters.append(weight)
            case .layerNorm: parameters += [weight, shift]
            default: break
            }
            let projection = Projection([
                .init(matrix: PackedMatrix(first), bias: Vector(bias)),
                .init(matrix: PackedMatrix(second)),
            ])
            for rows in [1, 7, 70] {
                try Self.check(
                    [(rows, width), (rows, 26)],
                    parameters: parameters,
                    "\(name), \(rows) rows",
                    level: level
                ) { processor, inputs in
                    processor.project(
                        inputs[0],
                        after: prologue,
                        through: projection,
                        addingTo: inputs[1]
                    )
                }
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func `attention of ragged segments`(_ level: InstructionSet) throws {
        let tree = Visibility.parents([-1, 0, 0, 1, 1, 2, -1])
        let cases: [(Visibility, [Int], AttentionShape, Int?)] = [
            (.causal, [1, 7, 70], AttentionShape(heads: 4, kvHeads: 2, headDim: 8), nil),
            (.causal, [130], AttentionShape(heads: 1, kvHeads: 1, headDim: 20), nil),
            (.causal, [66, 9], AttentionShape(heads: 2, kvHeads: 1, headDim: 16), 5),
            (.bidirectional, [9, 65], AttentionShape(heads: 2, kvHeads: 2, headDim: 6), nil),
            (tree, [7, 7], AttentionShape(heads: 3, kvHeads: 1, headDim: 16), nil),
        ]
        for (visibility, lengths, shape, window) in cases {
            let (batch, _) = Learner.batch(
                lengths.map { [Int32](repeating: 0, count: $0) },
                visibility: visibility
            )
            let norms = [
                Self.parameter("q", [shape.headDim], seed: 8),
                Self.parameter("k", [shape.headDim], seed: 9),
            ]
            let frequencies = (0..<shape.headDim / 2).map { 1 / Float($0 + 1) }
            let table = RotaryTable(
                positions: batch.positions,
                frequencies: frequencies,
                isInterleaved: shape.headDim == 20
            )
            let spans = batch.segments.map {
                AttentionSpan($0, pastPositions: [], positions: batch.positions, window: window)
            }
            let memory = PassMemory(width: shape.kvWidth)
            try memory.stage(batch)
            try Self.check(
                [(batch.count, shape.fusedWidth)],
                parameters: norms,
                "attention \(lengths) \(visibility)",
                level: level
            ) { processor, inputs in
                let fused = processor.finishHeads(
                    inputs[0],
                    shape: shape,
                    norms: HeadNorms(query: Vector(norms[0]), key: Vector(norms[1]), epsilon: 1e-5),
                    rotary: table,
                    dtype: .f32,
                    into: memory.stagedRun(layer: 0)
                )
                return processor.attend(
                    fused,
                    shape: shape,
                    dtype: .f32,
                    spans: spans,
                    runs: spans.indices.map { memory.runs(layer: 0, ofSegment: $0) }
                )
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func `convolutions and scans of ragged segments`(_ level: InstructionSet) throws {
        let (channels, states, taps) = (21, 5, 3)
        let convolution = (
            weight: Self.parameter("taps", [channels, taps], seed: 1),
            bias: Self.parameter("bias", [channels], seed: 2)
        )
        let logarithms = Self.parameter("rates", [channels, states], seed: 3)
        let skip = Self.parameter("skip", [channels], seed: 4)
        let scan = SelectiveScan(
            logarithms: logarithms,
            skip: Vector(skip),
            states: states
        )
        // More rows than the way back holds at once, one row, and fewer than the taps.
        let segments = [0..<39, 39..<40, 40..<42].map { rows in
            [
                RecurrentPiece(
                    rows: rows,
                    past: nil,
                    next: Storage(byteCount: 4 * (scan.stateCount + 2 * channels))
                )
            ]
        }
        try Self.check(
            [(42, 2 * channels)],
            parameters: [convolution.weight, convolution.bias],
            "convolution",
            level: level
        ) { processor, inputs in
            processor.convolve(
                inputs[0],
                through: CausalConvolution(
                    weight: Vector(convolution.weight),
                    bias: Vector(convolution.bias),
                    channels: channels,
                    taps: taps
                ),
                segments: segments,
                at: 0
            )
        }
        for isGated in [true, false] {
            try Self.check(
                [(42, channels), (42, channels), (42, 2 + 2 * states)]
                    + (isGated ? [(42, 2 * channels)] : []),
                parameters: [logarithms, skip],
                "scan",
                level: level
            ) { processor, inputs in
                processor.scan(
                    ScanInputs(
                        x: inputs[0],
                        step: inputs[1],
                        mixed: (inputs[2], 2),
                        gate: isGated ? (inputs[3], channels) : nil
                    ),
                    scan,
                    segments: segments,
                    at: 0
                )
            }
        }
        try Self.check([(5, 9)], parameters: [], "columns", level: level) { processor, inputs in
            processor.apply(.columns(2..<6), to: inputs[0])
        }
    }

    @Test(arguments: InstructionSet.available)
    func `tables and chosen rows`(_ level: InstructionSet) throws {
        let table = Self.parameter("table", [11, 20], seed: 6)
        try Self.check([(5, 20)], parameters: [table], "table", level: level) { processor, inputs in
            let sum = try processor.lookUp(
                .parameter(table),
                ids: [3, 3, 10, 0, 3],
                addingTo: inputs[0]
            )
            return processor.gather(sum, rows: [4, 1, 1])
        }
    }
}
