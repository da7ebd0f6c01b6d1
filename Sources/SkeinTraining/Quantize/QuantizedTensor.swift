internal import SkeinCore
internal import SkeinModels
internal import SkeinTensor

/// A tensor of the new checkpoint: one that is copied, or the parts of a quantised one.
struct QuantizedTensor: Sendable {
    /// A tensor as it is written.
    struct Part: Sendable {
        var plan: TensorPlan
        /// The bytes, or `nil` for the source's own.
        var bytes: [UInt8]?
    }

    let record: TensorRecord
    let report: QuantizedTensorReport
    let parts: [Part]

    var byteCount: Int { parts.reduce(0) { $0 + $1.plan.bytes } }

    /// Carries out a treatment.
    init(_ record: TensorRecord, _ treatment: TensorTreatment, _ job: QuantizationJob) throws {
        self.record = record
        var treatment = treatment
        var measured: QuantizationReport?
        var outliers = 0
        let (outputs, inputs) = record.shape.count == 2 ? job.source.shape(record) : (0, 0)
        switch treatment {
        case .keep:
            parts = [
                Part(
                    plan: try TensorPlan(
                        name: record.name,
                        dtype: record.dtype,
                        shape: record.shape
                    ),
                    bytes: nil
                )
            ]
        case .blocks(let wanted):
            let dtype = Self.fitting(wanted, inputs)
            treatment = .blocks(dtype)
            parts = [
                Part(
                    plan: try TensorPlan(
                        name: record.name,
                        dtype: dtype,
                        shape: [outputs, inputs]
                    ),
                    bytes: try job.encode(record, as: dtype)
                )
            ]
        case .grouped(let recipe):
            let matrix = try job.quantize(record, recipe)
            measured = matrix.report
            outliers = matrix.columns.count
            var isGGUF = false
            if case .gguf = job.source.origin { isGGUF = true }
            parts = try Self.parts(matrix, name: record.name, isGGUF: isGGUF)
        }
        report = QuantizedTensorReport(
            name: record.name,
            shape: record.shape,
            treatment: treatment,
            report: measured,
            outliers: outliers,
            bytes: parts.reduce(0) { $0 + $1.plan.bytes }
        )
    }

    /// The type itself, or one of shorter blocks where rows do not fill whole ones.
    private static func fitting(_ dtype: DType, _ inputs: Int) -> DType {
        guard inputs % dtype.blockValues != 0 else { return dtype }
        let shorter: DType =
            switch dtype {
            case .q4_K: .q5_0
            case .q5_K: .q5_1
            default: .q8_0
            }
        return inputs % shorter.blockValues == 0 ? shorter : .f16
    }

    private static func parts(
        _ matrix: QuantizedMatrix,
        name: String,
        isGGUF: Bool
    ) throws -> [Part] {
        let format = matrix.format
        let (outputs, inputs) = (matrix.outputs, matrix.inputs)
        let groups = format.groups(inputs: inputs)
        func part(
            _ part: GroupedRecord.Part,
            _ dtype: DType,
            _ shape: [Int],
            _ bytes: [UInt8]
        ) throws -> Part {
            Part(
                plan: try TensorPlan(name: "\(name).\(part.rawValue)", dtype: dtype, shape: shape),
                bytes: bytes
            )
        }
        func little<Value: FixedWidthInteger>(_ values: [Value]) -> [UInt8] {
            values.map(\.littleEndian).withUnsafeBytes { Array($0) }
        }
        var parts = [
            try part(
                .codes,
                isGGUF ? .i8 : .u8,
                [outputs, format.codeBytes(inputs: inputs)],
                matrix.codes
            ),
            try part(.scales, .f16, [outputs, groups], little(matrix.scales)),
        ]
        if format.hasMinimum {
            parts.append(try part(.minimums, .f16, [outputs, groups], little(matrix.minimums)))
        }
        if !matrix.columns.isEmpty {
            let count = matrix.columns.count
            let isNarrow = inputs <= 1 << 16
            let columns =
                isNarrow
                ? little(matrix.columns.map { UInt16(truncatingIfNeeded: $0) })
                : little(matrix.columns)
            parts.append(try part(.starts, .i32, [outputs + 1], little(matrix.starts)))
            parts.append(try part(.columns, isNarrow ? .i16 : .i32, [count], columns))
            parts.append(try part(.values, .bf16, [count], little(matrix.values)))
        }
        return parts
    }
}
