internal import CSkeinKernels
internal import SkeinCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// The instruction-set level whose kernels run.
public enum InstructionSet: Int32, Sendable, CaseIterable {
    case portable = 0
    case avx2 = 1
    case avx512 = 2
    case neon = 3
    /// The same as `avx512`, but bf16 weights meet bf16 activations.
    case avx512bf16 = 4

    /// Whether the kernels are compiled in and this processor can run them.
    public var isAvailable: Bool { sk_kernels_for(rawValue) != nil }

    /// The levels this processor can run.
    public static var available: [Self] { allCases.filter(\.isAvailable) }

    /// The best level of this processor, or the one that the environment's `SKEIN_ISA` names
    /// (`portable` or `scalar`, `avx2`, `avx512`, `avx512bf16`, `neon`).
    ///
    /// - Throws: `SkeinError.Code.invalidArgument` when `SKEIN_ISA` names no level or one that this
    ///   processor lacks.
    public static func preferred() throws -> Self {
        guard let value = getenv("SKEIN_ISA").map({ String(cString: $0) }), !value.isEmpty else {
            return Self(rawValue: sk_best_isa()) ?? .portable
        }
        let names: [String: Self] = [
            "portable": .portable, "scalar": .portable, "avx2": .avx2, "avx512": .avx512,
            "avx512bf16": .avx512bf16, "neon": .neon,
        ]
        let choices = available.map { "\($0)" }.joined(separator: ", ")
        guard let level = names[value.lowercased()], level.isAvailable else {
            throw SkeinError(
                .invalidArgument,
                "SKEIN_ISA is \"\(value)\", but this processor can run: \(choices)"
            )
        }
        return level
    }
}
