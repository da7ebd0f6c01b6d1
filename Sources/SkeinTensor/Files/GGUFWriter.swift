internal import SkeinCore

/// Writes one GGUF file of version 3, tensor by tensor.
///
/// The file appears under its name only when `finish()` succeeds.
public final class GGUFWriter {
    /// A metadata value to be written.
    public enum Value: Sendable {
        case uint8(UInt8)
        case int8(Int8)
        case uint16(UInt16)
        case int16(Int16)
        case uint32(UInt32)
        case int32(Int32)
        case float32(Float)
        case bool(Bool)
        case string(String)
        case uint64(UInt64)
        case int64(Int64)
        case float64(Double)
        case strings([String])
        case integers([Int32])
        case floats([Float])
        case booleans([Bool])
    }

    /// The tensors in the order in which their bytes must be written.
    public private(set) var plans: [TensorPlan]
    private let file: AtomicFile
    private let alignment: Int
    private let metadata: [(key: String, value: Value)]
    private var next = 0
    private var hasNewSizes = false

    /// Creates the file and writes its header.
    ///
    /// - Parameters:
    ///   - path: Where the file shall appear.
    ///   - metadata: Pairs in the order of the file; `general.alignment` is added where needed.
    ///   - tensors: What will be written, in order; at most four axes each.
    ///   - alignment: What tensors' offsets are multiples of; a power of two.
    /// - Throws: `SkeinError` with `.invalidArgument`, `.notFound` or `.ioFailure`.
    public init(
        path: String,
        metadata: [(key: String, value: Value)],
        tensors: [TensorPlan],
        alignment: Int = 32
    ) throws {
        guard alignment >= 8, alignment <= 1 << 30, alignment & (alignment - 1) == 0 else {
            throw SkeinError(
                .invalidArgument,
                "the alignment is \(alignment), expected a power of two from 8 to 2^30"
            )
        }
        try TensorPlan.checkNames(tensors)
        var metadata = metadata
        if alignment != 32, !metadata.contains(where: { $0.key == "general.alignment" }) {
            metadata.append(("general.alignment", .uint32(UInt32(alignment))))
        }
        let header = try Self.header(metadata, tensors, alignment)
        plans = tensors
        self.alignment = alignment
        self.metadata = metadata
        file = try AtomicFile(path: path)
        try file.write(header)
        try padToAlignment()
    }

    private static func header(
        _ metadata: [(key: String, value: Value)],
        _ tensors: [TensorPlan],
        _ alignment: Int
    ) throws -> [UInt8] {
        var out = GGUFBytes()
        out.append(UInt32(0x4655_4747))
        out.append(UInt32(3))
        out.append(UInt64(tensors.count))
        out.append(UInt64(metadata.count))
        var known: Set<ExactKey> = []
        for (key, value) in metadata {
            guard known.insert(ExactKey(key)).inserted else {
                throw SkeinError(.invalidArgument, "metadata key \(key) is given twice")
            }
            out.append(key)
            out.append(value)
        }
        var offset = 0
        for plan in tensors {
            guard plan.dtype.isGGUF, plan.shape.count <= 4 else {
                throw SkeinError(
                    .invalidArgument,
                    "tensor \(plan.name), \(plan.dtype.name) of shape \(plan.shape), does not fit "
                        + "GGUF: at most four axes, and no U8 or BOOL"
                )
            }
            out.append(plan.name)
            out.append(UInt32(plan.shape.count))
            for size in plan.shape.reversed() { out.append(UInt64(size)) }
            out.append(UInt32(plan.dtype.rawValue))
            out.append(UInt64(offset))
            let (end, overflow) = offset.addingReportingOverflow(plan.bytes)
            guard !overflow, end <= Int.max - alignment else {
                throw SkeinError(.invalidArgument, "the tensors up to \(plan.name) overflow")
            }
            offset = (end + alignment - 1) / alignment * alignment
        }
        return out.bytes
    }

    private func padToAlignment() throws {
        try file.pad((alignment - file.count % alignment) % alignment)
    }

    /// Writes the bytes of the next tensor of `plans`.
    ///
    /// - Throws: `SkeinError` with `.invalidArgument` for another name or size, `.ioFailure` if the
    ///   system refuses.
    public func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
        try TensorPlan.check(next < plans.count ? plans[next] : nil, is: name, bytes: bytes.count)
        try file.write(bytes)
        try padToAlignment()
        next += 1
    }

    /// Writes the bytes of the next tensor, whose sizes may differ from those that were planned.
    ///
    /// A header is as long whatever the sizes, so it is written again when the file is complete.
    ///
    /// - Parameters:
    ///   - plan: The tensor as it is: the name and the number of axes are those of the plan.
    ///   - bytes: The values.
    /// - Throws: As `write(_:_:)`.
    public func write(_ plan: TensorPlan, _ bytes: UnsafeRawBufferPointer) throws {
        guard next < plans.count, plans[next].name == plan.name,
            plans[next].shape.count == plan.shape.count
        else {
            throw SkeinError(
                .invalidArgument,
                "tensor \(plan.name) of shape \(plan.shape) is out of turn"
            )
        }
        if plans[next].shape != plan.shape || plans[next].dtype != plan.dtype {
            hasNewSizes = true
        }
        plans[next] = plan
        try write(plan.name, bytes)
    }

    /// Completes the file and gives it its name.
    ///
    /// - Throws: `SkeinError` with `.invalidArgument` if tensors are missing, `.ioFailure` if the
    ///   system refuses.
    public func finish() throws {
        guard next == plans.count else {
            throw SkeinError(
                .invalidArgument,
                "only \(next) of \(plans.count) tensors were written; \(plans[next].name) is next"
            )
        }
        if hasNewSizes { try file.rewriteStart(Self.header(metadata, plans, alignment)) }
        try file.commit()
    }
}

/// Bytes of a GGUF header in the making.
private struct GGUFBytes {
    var bytes: [UInt8] = []

    mutating func append(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ text: String) {
        append(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func append(_ type: GGUFValueType) { append(type.rawValue) }

    private mutating func appendArray<Element>(
        _ type: GGUFValueType,
        _ elements: [Element],
        _ body: (inout Self, Element) -> Void
    ) {
        append(GGUFValueType.array)
        append(type)
        append(UInt64(elements.count))
        for element in elements { body(&self, element) }
    }

    /// A type's number, then the value.
    mutating func append(_ value: GGUFWriter.Value) {
        switch value {
        case .uint8(let value): append(.uint8, value)
        case .int8(let value): append(.int8, value)
        case .uint16(let value): append(.uint16, value)
        case .int16(let value): append(.int16, value)
        case .uint32(let value): append(.uint32, value)
        case .int32(let value): append(.int32, value)
        case .float32(let value): append(.float32, value.bitPattern)
        case .bool(let value): append(.bool, UInt8(value ? 1 : 0))
        case .string(let value):
            append(GGUFValueType.string)
            append(value)
        case .uint64(let value): append(.uint64, value)
        case .int64(let value): append(.int64, value)
        case .float64(let value): append(.float64, value.bitPattern)
        case .strings(let values): appendArray(.string, values) { $0.append($1) }
        case .integers(let values): appendArray(.int32, values) { $0.append($1) }
        case .floats(let values): appendArray(.float32, values) { $0.append($1.bitPattern) }
        case .booleans(let values): appendArray(.bool, values) { $0.append(UInt8($1 ? 1 : 0)) }
        }
    }

    private mutating func append(_ type: GGUFValueType, _ value: some FixedWidthInteger) {
        append(type)
        append(value)
    }
}
