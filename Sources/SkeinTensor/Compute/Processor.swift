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
    /// Rows of the chunks that scans are divided into over time, on top of their channels; `nil` for scans
    /// that go through their rows in order.
    public let scanChunk: Int?
    /// Where activations live.
    public let arena: Arena
    /// Where packed matrices live.
    let slabs: Slabs
    /// What operations record themselves on, if anything.
    public let tape: Tape?
    /// The rule of operations that leave no record, since a tape will run them again.
    private let ruleWithoutRecord: Tape.Rule?
    /// The level's kernels.
    package let kernels: sk_kernels

    /// Creates a processor.
    ///
    /// - Parameters:
    ///   - threads: How many threads to use; `nil` means one a core.
    ///   - instructionSet: The level; `nil` means what `SKEIN_ISA` names, or the best.
    ///   - scanChunk: Rows of the chunks that scans are divided into over time. Chunks begin at multiples
    ///     of it, counted from a sequence's start, so threads change no bit; against scans in order results
    ///     are equal up to rounding, at twice the work.
    /// - Throws: `SkeinError.Code.invalidArgument` for a level that this machine lacks or an empty chunk.
    public init(
        threads: Int? = nil,
        instructionSet: InstructionSet? = nil,
        scanChunk: Int? = nil
    ) throws {
        if let scanChunk, scanChunk < 1 {
            throw SkeinError(
                .invalidArgument,
                "scans in chunks of \(scanChunk) rows, expected 1 or more"
            )
        }
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
        self.scanChunk = scanChunk
        arena = Arena()
        slabs = Slabs()
        tape = nil
        ruleWithoutRecord = nil
    }

    private init(_ other: Processor, tape: Tape?, rule: Tape.Rule? = nil) {
        instructionSet = other.instructionSet
        kernels = other.kernels
        pool = other.pool
        scanChunk = other.scanChunk
        arena = other.arena
        slabs = other.slabs
        self.tape = tape
        ruleWithoutRecord = rule
    }

    /// The same threads and memory, with operations that record themselves.
    public func recording(on tape: Tape) -> Processor { Processor(self, tape: tape) }

    /// The same threads, memory and rule, with operations that leave no record.
    var unrecorded: Processor { tape.map { learning(by: $0.rule) } ?? self }

    /// The same without a record; operations do what they would do for a tape with this rule.
    func learning(by rule: Tape.Rule) -> Processor { Processor(self, tape: nil, rule: rule) }

    /// The rule of a pass that learns.
    var learningRule: Tape.Rule? { tape?.rule ?? ruleWithoutRecord }

    /// The number of cores this process may use.
    public static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

extension Processor {
    /// The rate at which all threads together read memory, in bytes per second: the best of some passes
    /// over a block far larger than the caches.
    public func readBandwidth(byteCount: Int = 512 << 20, passes: Int = 5) -> Double {
        let storage = Storage(byteCount: byteCount)
        let count = byteCount / MemoryLayout<Float>.stride
        let values = storage.base.assumingMemoryBound(to: Float.self)
        values.initialize(repeating: 1, count: count)
        nonisolated(unsafe) let source = values
        var best = Double.infinity
        let clock = ContinuousClock()
        for _ in 0..<passes {
            let start = clock.now
            pool.run(count: count, grain: 1 << 16) { [kernels] range in
                _ = kernels.all_finite(source + range.lowerBound, range.count)
            }
            let elapsed = (clock.now - start).components
            best = min(best, Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
        }
        return Double(byteCount) / best
    }
}
