internal import SkeinCore

/// Writes one safetensors file, tensor by tensor, in the layout of the Python package.
///
/// Wider types come first and equal types are sorted by name, so that all data is aligned; `plans`
/// gives that order. The file appears under its name only when `finish()` succeeds.
public final class SafetensorsWriter {
    /// The tensors in the order in which their bytes must be written.
    public let plans: [TensorPlan]
    private let file: AtomicFile
    private var next = 0

    /// Widest first, as the reference orders them.
    private static let order: [DType] = [
        .i64, .f64, .f32, .i32, .bf16, .f16, .i16, .i8, .u8, .bool,
    ]

    /// Creates the file and writes its header.
    ///
    /// - Parameters:
    ///   - path: Where the file shall appear.
    ///   - tensors: What will be written, in any order.
    ///   - metadata: Strings for the header.
    /// - Throws: `SkeinError` with `.invalidArgument`, `.notFound` or `.ioFailure`.
    public init(path: String, tensors: [TensorPlan], metadata: [String: String] = [:]) throws {
        try TensorPlan.checkNames(tensors)
        let ranked = try tensors.map { plan in
            guard let rank = Self.order.firstIndex(of: plan.dtype) else {
                throw SkeinError(
                    .invalidArgument,
                    "tensor \(plan.name) has type \(plan.dtype.name), which safetensors lacks",
                    hint: "write block types to GGUF"
                )
            }
            return (rank: rank, plan: plan)
        }
        plans = ranked.sorted { a, b in
            a.rank != b.rank
                ? a.rank < b.rank
                : a.plan.name.utf8.lexicographicallyPrecedes(b.plan.name.utf8)
        }.map(\.plan)
        let header = try Self.header(plans, metadata)
        guard header.count <= Safetensors.maximumHeaderBytes else {
            throw SkeinError(
                .invalidArgument,
                "the header would take \(header.count) bytes; at most "
                    + "\(Safetensors.maximumHeaderBytes) are allowed"
            )
        }
        file = try AtomicFile(path: path)
        try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.write($0) }
        try file.write(header)
    }

    private static func header(
        _ plans: [TensorPlan],
        _ metadata: [String: String]
    ) throws -> [UInt8] {
        var object = JSONObject()
        if !metadata.isEmpty {
            var strings = JSONObject()
            for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
                strings[key] = .string(value)
            }
            object["__metadata__"] = .object(strings)
        }
        var start = 0
        for plan in plans {
            let (end, overflow) = start.addingReportingOverflow(plan.bytes)
            guard !overflow, let type = plan.dtype.safetensorsName, plan.name != "__metadata__"
            else {
                throw SkeinError(
                    .invalidArgument,
                    "tensor \(plan.name) of \(plan.bytes) bytes cannot be placed"
                )
            }
            var tensor = JSONObject()
            tensor["dtype"] = .string(type)
            tensor["shape"] = .array(plan.shape.map { .int($0) })
            tensor["data_offsets"] = .array([.int(start), .int(end)])
            object[plan.name] = .object(tensor)
            start = end
        }
        var text = Array(JSON.object(object).text(.compact).utf8)
        text.append(contentsOf: repeatElement(0x20, count: (8 - text.count % 8) % 8))
        return text
    }

    /// Writes the bytes of the next tensor of `plans`.
    ///
    /// - Throws: `SkeinError` with `.invalidArgument` for another name or size, `.ioFailure` if the
    ///   system refuses.
    public func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
        try TensorPlan.check(next < plans.count ? plans[next] : nil, is: name, bytes: bytes.count)
        try file.write(bytes)
        next += 1
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
        try file.commit()
    }
}
