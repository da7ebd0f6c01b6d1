internal import Foundation
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

    /// The parts that a treatment will give, with no outliers yet, of which in a GGUF file each recipe with
    /// a limit makes three parts, even where none is found.
    static func plans(
        _ record: TensorRecord,
        _ treatment: TensorTreatment,
        _ source: QuantizationSource,
        _ container: QuantizationJob.Container
    ) throws -> [TensorPlan] {
        let (outputs, inputs) = record.shape.count == 2 ? source.shape(record) : (0, 0)
        let name = container.name(of: record)
        switch treatment {
        case .keep: return [try kept(record, source, container)]
        case .blocks(let wanted):
            return [
                try TensorPlan(
                    name: name,
                    dtype: fitting(wanted, inputs),
                    shape: [outputs, inputs]
                )
            ]
        case .grouped(let recipe):
            return try plans(
                recipe.format,
                name,
                outputs,
                inputs,
                outliers: recipe.sigmas == nil ? nil : 0,
                isGGUF: container.isGGUF
            )
        }
    }

    /// A tensor that is not quantised, as the container wants it.
    private static func kept(
        _ record: TensorRecord,
        _ source: QuantizationSource,
        _ container: QuantizationJob.Container
    ) throws -> TensorPlan {
        guard let target = container.target(of: record) else {
            return try TensorPlan(name: record.name, dtype: record.dtype, shape: record.shape)
        }
        var shape = record.shape
        if source.isTransposed(record) { shape.reverse() }
        if shape.count > 2 { shape = shape.filter { $0 != 1 } }
        let isFloat = target.isFloat || shape.count < 2
        return try TensorPlan(
            name: target.name,
            dtype: isFloat ? .f32 : record.dtype,
            shape: shape
        )
    }

    /// The bytes of a kept tensor where they are not the source's own.
    private static func bytes(
        _ record: TensorRecord,
        _ plan: TensorPlan,
        _ job: QuantizationJob,
        _ container: QuantizationJob.Container
    ) throws -> [UInt8]? {
        guard let target = container.target(of: record) else { return nil }
        let isReordered = target.pairedHeads != 0 || job.source.isTransposed(record)
        guard isReordered || target.isExponential || plan.dtype != record.dtype else { return nil }
        guard isReordered else {
            let values = try record.floats()
            return try BlockEncoder.encode(
                target.isExponential ? values.map { -exp($0) } : values,
                as: plan.dtype
            )
        }
        let isVector = record.shape.count == 1
        let values =
            try isVector
            ? Self.paired(record.floats(), target.pairedHeads)
            : job.source.floats(
                record,
                rows: 0..<plan.shape[0],
                pairedHeads: target.pairedHeads,
                job.processor
            )
        return try BlockEncoder.encode(values, as: plan.dtype)
    }

    /// A bias in the order of its matrix's rows.
    private static func paired(_ values: [Float], _ heads: Int) -> [Float] {
        guard heads != 0, values.count % (2 * heads) == 0 else { return values }
        let head = values.count / abs(heads)
        return values.indices.map {
            values[QuantizationSource.source(of: $0, head, isPairing: heads > 0)]
        }
    }

    /// Carries out a treatment.
    init(
        _ record: TensorRecord,
        _ treatment: TensorTreatment,
        _ job: QuantizationJob,
        _ container: QuantizationJob.Container
    ) throws {
        self.record = record
        var treatment = treatment
        var measured: QuantizationReport?
        var outliers = 0
        let (outputs, inputs) = record.shape.count == 2 ? job.source.shape(record) : (0, 0)
        let name = container.name(of: record)
        let pairedHeads = container.target(of: record)?.pairedHeads ?? 0
        switch treatment {
        case .keep:
            let plan = try Self.kept(record, job.source, container)
            parts = [Part(plan: plan, bytes: try Self.bytes(record, plan, job, container))]
        case .blocks(let wanted):
            let dtype = Self.fitting(wanted, inputs)
            treatment = .blocks(dtype)
            parts = [
                Part(
                    plan: try TensorPlan(name: name, dtype: dtype, shape: [outputs, inputs]),
                    bytes: try job.encode(record, as: dtype, pairedHeads: pairedHeads)
                )
            ]
        case .grouped(let recipe):
            let matrix = try job.quantize(record, recipe, pairedHeads: pairedHeads)
            measured = matrix.report
            outliers = matrix.columns.count
            parts = try Self.parts(matrix, recipe, name: name, isGGUF: container.isGGUF)
        }
        report = QuantizedTensorReport(
            name: name,
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

    private static func plans(
        _ format: GroupedFormat,
        _ name: String,
        _ outputs: Int,
        _ inputs: Int,
        outliers: Int?,
        isGGUF: Bool
    ) throws -> [TensorPlan] {
        let groups = format.groups(inputs: inputs)
        let hasUnits = format.scaleBits == 8
        var plans: [(GroupedRecord.Part, DType, [Int])] = [
            (.codes, isGGUF ? .i8 : .u8, [outputs, format.codeBytes(inputs: inputs)]),
            (.scales, hasUnits ? .i8 : .f16, [outputs, groups]),
        ]
        if hasUnits { plans.append((.units, .f16, [outputs])) }
        if format.hasMinimum { plans.append((.minimums, .f16, [outputs, groups])) }
        if let outliers {
            plans.append((.starts, .i32, [outputs + 1]))
            plans.append((.columns, inputs <= 1 << 16 ? .i16 : .i32, [outliers]))
            plans.append((.values, .bf16, [outliers]))
        }
        return try plans.map { part, dtype, shape in
            try TensorPlan(name: "\(name).\(part.rawValue)", dtype: dtype, shape: shape)
        }
    }

    private static func parts(
        _ matrix: QuantizedMatrix,
        _ recipe: QuantizationRecipe,
        name: String,
        isGGUF: Bool
    ) throws -> [Part] {
        func little<Value: FixedWidthInteger>(_ values: [Value]) -> [UInt8] {
            values.map(\.littleEndian).withUnsafeBytes { Array($0) }
        }
        let hasOutliers = !matrix.columns.isEmpty || (isGGUF && recipe.sigmas != nil)
        let plans = try plans(
            matrix.format,
            name,
            matrix.outputs,
            matrix.inputs,
            outliers: hasOutliers ? matrix.columns.count : nil,
            isGGUF: isGGUF
        )
        return plans.map { plan in
            let bytes: [UInt8] =
                switch GroupedRecord.Part.allCases.first(where: {
                    plan.name.hasSuffix(".\($0.rawValue)")
                }) {
                case .codes: matrix.codes
                case .scales:
                    matrix.format.scaleBits == 8 ? little(matrix.shares) : little(matrix.scales)
                case .units: little(matrix.units)
                case .minimums: little(matrix.minimums)
                case .starts: little(matrix.starts)
                case .columns:
                    plan.dtype == .i16
                        ? little(matrix.columns.map { UInt16(truncatingIfNeeded: $0) })
                        : little(matrix.columns)
                case .values: little(matrix.values)
                case nil: []
                }
            return Part(plan: plan, bytes: bytes)
        }
    }
}
