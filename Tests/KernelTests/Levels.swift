import CSkeinKernels
import Testing

/// One instruction-set level that this processor has, as a test argument.
struct Level: Sendable, CustomTestStringConvertible {
    let isa: Int32

    var testDescription: String { String(cString: kernels.name) }

    var kernels: sk_kernels {
        guard let table = sk_kernels_for(isa) else { preconditionFailure("level \(isa) is gone") }
        return table.pointee
    }

    static var portable: sk_kernels { Level(isa: 0).kernels }
    static let all = (0..<4).map { Level(isa: $0) }.filter { sk_kernels_for($0.isa) != nil }
}

/// Types of floating-point rows, as C's constants have them.
enum Kind {
    static let f32 = Int32(SK_F32)
    static let f16 = Int32(SK_F16)
    static let bf16 = Int32(SK_BF16)
    static let all = [f32, f16, bf16]
}
