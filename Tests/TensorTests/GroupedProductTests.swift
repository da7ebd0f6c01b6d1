import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

extension QuantizedMatrix {
    /// The codes as a file would hold them.
    func record(_ name: String = "w") throws -> GroupedRecord {
        func little<Value: FixedWidthInteger>(_ values: [Value]) -> [UInt8] {
            values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        }
        let groups = format.groups(inputs: inputs)
        var parts: [(GroupedRecord.Part, DType, [Int], [UInt8])] = [
            (.codes, .u8, [outputs, format.codeBytes(inputs: inputs)], codes),
            format.scaleBits == 8
                ? (.scales, .i8, [outputs, groups], little(shares))
                : (.scales, .f16, [outputs, groups], little(scales)),
        ]
        if format.scaleBits == 8 { parts.append((.units, .f16, [outputs], little(units))) }
        if format.hasMinimum {
            parts.append((.minimums, .f16, [outputs, groups], little(minimums)))
        }
        if !columns.isEmpty {
            let narrow = little(columns.map { UInt16(truncatingIfNeeded: $0) })
            let isNarrow = inputs <= 1 << 16
            parts += [
                (.starts, .i32, [outputs + 1], little(starts)),
                (
                    .columns, isNarrow ? .i16 : .i32, [columns.count],
                    isNarrow ? narrow : little(columns)
                ),
                (.values, .bf16, [values.count], little(values)),
            ]
        }
        var records: [String: TensorRecord] = [:]
        for (part, dtype, shape, bytes) in parts {
            let key = "\(name).\(part.rawValue)"
            records[key] = TensorRecord(
                name: key,
                dtype: dtype,
                shape: shape,
                file: MappedFile(bytes: bytes),
                byteRange: 0..<bytes.count
            )
        }
        return try GroupedRecord(
            name: name,
            format: format,
            outputs: outputs,
            inputs: inputs
        ) { records[$0] }
    }
}

/// Products with grouped codes: against the weights they stand for, and the law that a row's bits depend
/// on nothing but the row.
@Suite struct GroupedProductTests {
    static let formats: [GroupedFormat] = {
        var formats: [GroupedFormat] = []
        for bits in [2, 3, 4, 5, 6, 8] {
            for group in [GroupedFormat.Group.values(32), .values(64), .values(128), .row] {
                for hasMinimum in [false, true] {
                    if let format = try? GroupedFormat(
                        bits: bits,
                        group: group,
                        hasMinimum: hasMinimum
                    ) {
                        formats.append(format)
                    }
                }
                if bits == 4 || bits == 5,
                    let format = try? GroupedFormat(bits: bits, group: group, scaleBits: 8)
                {
                    formats.append(format)
                }
            }
        }
        return formats
    }()

    static func numbers(_ count: Int, seed: UInt64) -> [Float] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { _ in
            let sum = (0..<4).reduce(Float(0)) { total, _ in
                total + Float.random(in: -1...1, using: &random)
            }
            return sum * sum * sum * 0.1
        }
    }

    static func quantized(
        _ format: GroupedFormat,
        _ outputs: Int,
        _ inputs: Int,
        _ processor: Processor
    ) throws -> (matrix: QuantizedMatrix, weights: [Float]) {
        let weights = numbers(outputs * inputs, seed: UInt64(outputs * 1000 + inputs))
        let recipe = QuantizationRecipe(
            format: format,
            method: format.hasMinimum ? .halfQuadratic : .search,
            sigmas: 2.5
        )
        let matrix = try weights.withUnsafeBufferPointer {
            try processor.quantize($0, name: "w", outputs: outputs, recipe: recipe)
        }
        return (matrix, weights)
    }

    @Test(arguments: formats)
    func `a product is that of the weights the codes stand for`(format: GroupedFormat) throws {
        let portable = try Processor(threads: 1, instructionSet: .portable)
        let best = try Processor(threads: 2)
        for (outputs, inputs) in [(1, 1), (16, 32), (17, 172), (40, 257), (100, 640)] {
            let (matrix, _) = try Self.quantized(format, outputs, inputs, best)
            let record = try matrix.record()
            let weights = record.floats()
            for processor in [portable, best] {
                let packed = try PackedMatrix(packing: record, processor: processor)
                let projection = Projection([.init(matrix: packed)])
                let rows = 9
                let values = Self.numbers(rows * inputs, seed: 5)
                let x = Tensor(values, rows: rows, width: inputs, arena: processor.arena)
                let y = processor.project(x, through: projection).values
                var (error, power) = (0.0, 0.0)
                for row in 0..<rows {
                    for output in 0..<outputs {
                        var exact = 0.0
                        for column in 0..<inputs {
                            let term =
                                Double(values[row * inputs + column])
                                * Double(weights[output * inputs + column])
                            exact += term
                            power += term * term
                        }
                        let difference = Double(y[row * outputs + output]) - exact
                        error += difference * difference
                    }
                }
                #expect(
                    error <= Tolerance.product * power,
                    "\(format.name) \(outputs) x \(inputs) \(processor.instructionSet): \(error / power)"
                )
            }
        }
    }

    @Test(arguments: formats)
    func `a row has the same bits in any company`(format: GroupedFormat) throws {
        for instructionSet in [InstructionSet.portable, nil] {
            let one = try Processor(threads: 1, instructionSet: instructionSet)
            let two = try Processor(threads: 2, instructionSet: instructionSet)
            let (outputs, inputs) = (100, 300)
            let (matrix, _) = try Self.quantized(format, outputs, inputs, one)
            #expect(!matrix.columns.isEmpty)
            let packed = try PackedMatrix(packing: matrix.record(), processor: one)
            let projection = Projection([.init(matrix: packed)])
            let rows = 70
            let values = Self.numbers(rows * inputs, seed: 6)
            let all = two.project(
                Tensor(values, rows: rows, width: inputs, arena: two.arena),
                through: projection
            ).values
            for (first, count) in [(0, 1), (3, 2), (7, 3), (11, 4), (20, 5), (30, 7), (40, 30)] {
                let part = Array(values[first * inputs..<(first + count) * inputs])
                let alone = one.project(
                    Tensor(part, rows: count, width: inputs, arena: one.arena),
                    through: projection
                ).values
                #expect(
                    alone.map(\.bitPattern)
                        == all[first * outputs..<(first + count) * outputs].map(\.bitPattern),
                    "\(format.name) rows \(first) to \(first + count)"
                )
            }
        }
    }
}
