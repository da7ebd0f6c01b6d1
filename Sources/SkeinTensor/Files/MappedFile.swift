internal import SkeinCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// The bytes of a file, mapped read-only into memory.
///
/// The file must not shrink while it is mapped: reading a page past its new end stops the process
/// (`SIGBUS`), and no user-space check can prevent that. Replacing the file by a rename is safe.
public final class MappedFile: @unchecked Sendable {
    // Invariant: all stored properties are constants, and the bytes are never written.

    /// Where the bytes come from; shown in messages.
    public let path: String
    /// How many bytes there are.
    public let count: Int
    private let base: UnsafeMutableRawPointer?
    private let isMapped: Bool

    /// Maps a regular file.
    ///
    /// - Throws: `SkeinError` with `.notFound` or `.ioFailure`.
    public init(path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let reason = errno
            throw SkeinError(
                reason == ENOENT || reason == ENOTDIR ? .notFound : .ioFailure,
                "cannot open \(path): \(SystemFailure.text(reason))"
            )
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw SkeinError(.ioFailure, "cannot examine \(path): \(SystemFailure.text(errno))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let kind = status.st_mode & S_IFMT == S_IFDIR ? "a directory" : "not a regular file"
            throw SkeinError(.ioFailure, "cannot map \(path): it is \(kind)")
        }
        self.path = path
        count = Int(status.st_size)
        isMapped = count > 0
        guard count > 0 else {
            base = nil
            return
        }
        let mapping = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let mapping, mapping != UnsafeMutableRawPointer(bitPattern: -1) else {
            throw SkeinError(
                .ioFailure,
                "cannot map \(path) (\(count) bytes): \(SystemFailure.text(errno))"
            )
        }
        base = mapping
    }

    /// Holds a copy of bytes that are already in memory, aligned to 64.
    ///
    /// - Complexity: O(n).
    public init(bytes: some Collection<UInt8>, path: String = "memory") {
        self.path = path
        count = bytes.count
        isMapped = false
        guard !bytes.isEmpty else {
            base = nil
            return
        }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
        copy.copyBytes(from: bytes)
        base = copy.baseAddress
    }

    deinit {
        guard let base else { return }
        if isMapped {
            munmap(base, count)
        } else {
            base.deallocate()
        }
    }

    /// Gives a closure all bytes; the pointer is valid only inside it.
    public func withUnsafeBytes<Value>(
        _ body: (UnsafeRawBufferPointer) throws -> Value
    ) rethrows -> Value {
        try withExtendedLifetime(self) {
            try body(UnsafeRawBufferPointer(start: base, count: count))
        }
    }

    /// How the bytes will be read next.
    public enum Access: Sendable {
        /// From front to back: read ahead, drop behind.
        case sequential
        /// Soon: start reading now.
        case willNeed
        /// At once: map the pages in one go, reading those that are not in memory.
        case now
        /// In no order: do not read ahead.
        case random
        /// Back to the system's own guess.
        case normal
    }

    /// Tells the system how a range will be read; advice only, without effect on the bytes.
    ///
    /// - Parameters:
    ///   - access: How.
    ///   - range: Byte positions; the whole file when `nil`.
    public func advise(_ access: Access, range: Range<Int>? = nil) {
        let advice =
            switch access {
            case .sequential: MADV_SEQUENTIAL
            case .willNeed: MADV_WILLNEED
            case .now: Self.populate
            case .random: MADV_RANDOM
            case .normal: MADV_NORMAL
            }
        advise(advice, range ?? 0..<count)
    }

    /// `MADV_POPULATE_READ`, which not every C library names; older kernels refuse it unharmed.
    #if os(Linux)
    private static let populate: Int32 = 22
    #else
    private static let populate = MADV_WILLNEED
    #endif

    /// Drops the resident pages of a range, the pages at its edges included.
    ///
    /// The bytes stay readable: they are read from the file again when touched.
    ///
    /// - Parameter range: Byte positions; clamped to the file.
    public func release(range: Range<Int>) {
        advise(MADV_DONTNEED, range)
    }

    private func advise(_ advice: Int32, _ range: Range<Int>) {
        let range = range.clamped(to: 0..<count)
        guard isMapped, let base, !range.isEmpty else { return }
        let page = max(1, Int(sysconf(Int32(_SC_PAGESIZE))))
        let start = range.lowerBound / page * page
        _ = madvise(base + start, range.upperBound - start, advice)
    }
}
