package import CSkeinKernels
internal import SkeinCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Where operations run: a level's kernels, threads, and an arena for what they produce.
///
/// Another device would be another type of processor behind the same operations.
public final class Processor: Sendable {
    /// The instruction-set level in use.
    public let instructionSet: InstructionSet
    /// The threads.
    public let pool: ThreadPool
    /// Where activations live.
    public let arena = Arena()
    /// The level's kernels.
    package let kernels: sk_kernels

    /// Creates a processor.
    ///
    /// - Parameters:
    ///   - threads: How many threads to use; `nil` means one a core.
    ///   - instructionSet: The level; `nil` means what `SKEIN_ISA` names, or the best.
    /// - Throws: `SkeinError.Code.invalidArgument` for a level that this machine lacks.
    public init(threads: Int? = nil, instructionSet: InstructionSet? = nil) throws {
        let level = try instructionSet ?? InstructionSet.preferred()
        guard let table = sk_kernels_for(level.rawValue) else {
            throw SkeinError(
                .invalidArgument,
                "the instruction set \(level) is not available on this processor",
                hint:
                    "available: \(InstructionSet.available.map { "\($0)" }.joined(separator: ", "))"
            )
        }
        self.instructionSet = level
        kernels = table.pointee
        pool = ThreadPool(threads: threads ?? Self.coreCount)
    }

    /// The number of cores this process may use.
    public static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
