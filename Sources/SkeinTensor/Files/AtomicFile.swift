internal import SkeinCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a temporary file beside the target; `commit()` brings them to disk and renames it. An
/// uncommitted file leaves nothing behind, whatever happened to it.
package final class AtomicFile {
    private let path: String
    private let temporary: String
    private var descriptor: Int32
    private var isCommitted = false
    private var buffer: [UInt8] = []
    /// How many bytes were written.
    private(set) var count = 0

    private static let bufferBytes = 1 << 20

    /// Takes over an open descriptor of a temporary file.
    package init(path: String, temporary: String, descriptor: Int32) {
        self.path = path
        self.temporary = temporary
        self.descriptor = descriptor
        buffer.reserveCapacity(Self.bufferBytes)
    }

    /// Creates the temporary file.
    package convenience init(path: String) throws {
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            let reason = errno
            throw SkeinError(
                reason == ENOENT ? .notFound : .ioFailure,
                "cannot create \(path): \(SystemFailure.text(reason))"
            )
        }
        self.init(path: path, temporary: temporary, descriptor: descriptor)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if !isCommitted { unlink(temporary) }
    }

    /// Appends bytes.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        if buffer.count + bytes.count > Self.bufferBytes { try flush() }
        if bytes.count >= Self.bufferBytes {
            try send(bytes)
        } else {
            buffer.append(contentsOf: bytes)
        }
        count += bytes.count
    }

    /// Appends bytes.
    func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    /// Appends so many zeros.
    func pad(_ zeros: Int) throws {
        try write([UInt8](repeating: 0, count: zeros))
    }

    /// Writes bytes over the first ones of the file.
    func rewriteStart(_ bytes: [UInt8]) throws {
        try flush()
        try bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let written = pwrite(
                    descriptor,
                    bytes.baseAddress.map { $0 + done },
                    bytes.count - done,
                    off_t(done)
                )
                if written < 0 {
                    guard errno == EINTR else { throw failure(errno) }
                    continue
                }
                done += written
            }
        }
    }

    /// Brings everything to disk and gives the file its name.
    package func commit() throws {
        try flush()
        guard fsync(descriptor) == 0 else { throw failure(errno) }
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0 else { throw failure(errno) }
        guard rename(temporary, path) == 0 else { throw failure(errno) }
        isCommitted = true
        syncDirectory()
    }

    private func flush() throws {
        try buffer.withUnsafeBytes { try send($0) }
        buffer.removeAll(keepingCapacity: true)
    }

    private func send(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while let base = rest.baseAddress, !rest.isEmpty {
            #if canImport(Glibc)
            let written = Glibc.write(descriptor, base, rest.count)
            #elseif canImport(Musl)
            let written = Musl.write(descriptor, base, rest.count)
            #else
            let written = Darwin.write(descriptor, base, rest.count)
            #endif
            if written < 0 {
                guard errno == EINTR else { throw failure(errno) }
                continue
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// The rename itself survives a crash only once the directory is on disk; a file system that
    /// cannot promise that is no reason to fail.
    private func syncDirectory() {
        let parent = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? "."
        let directory = open(parent.isEmpty ? "/" : parent, O_RDONLY | O_CLOEXEC)
        guard directory >= 0 else { return }
        _ = fsync(directory)
        close(directory)
    }

    private func failure(_ reason: Int32) -> SkeinError {
        SkeinError(
            .ioFailure,
            "cannot write \(path) after \(count) bytes: \(SystemFailure.text(reason))",
            hint: reason == ENOSPC ? "free some space on the disk" : nil
        )
    }
}
