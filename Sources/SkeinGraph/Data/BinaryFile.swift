internal import Foundation
internal import SkeinCore

/// A file that appears under its name only when it is whole.
struct BinaryFile {
    private let handle: FileHandle
    private let path: String

    /// Writes a file beside its place and renames it when `body` is done.
    static func write(_ path: String, _ body: (BinaryFile) throws -> Void) throws {
        let temporary = path + ".part"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard descriptor >= 0 else {
            throw SkeinError(
                .ioFailure,
                "cannot write \(path): \(String(cString: strerror(errno)))"
            )
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            let file = BinaryFile(handle: handle, path: path)
            try body(file)
            try file.checked {
                try handle.synchronize()
                try handle.close()
            }
        } catch {
            try? handle.close()
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            throw SkeinError(
                .ioFailure,
                "cannot replace \(path): \(String(cString: strerror(errno)))"
            )
        }
    }

    /// Adds the bytes of values.
    func append<Value: BitwiseCopyable>(_ values: [Value]) throws {
        try values.withUnsafeBytes { try append($0) }
    }

    /// Adds the bytes of values somewhere in memory.
    func append<Value: BitwiseCopyable>(_ values: UnsafePointer<Value>, count: Int) throws {
        try append(UnsafeRawBufferPointer(UnsafeBufferPointer(start: values, count: count)))
    }

    /// Adds text.
    func append(_ text: String) throws { try append(Array(text.utf8)) }

    /// Adds bytes.
    func append(_ bytes: UnsafeRawBufferPointer) throws {
        try checked { try handle.write(contentsOf: bytes) }
    }

    /// Writes over bytes that are there, and goes back to the end.
    func overwrite<Value: BitwiseCopyable>(_ values: [Value], at position: Int) throws {
        try checked {
            try handle.seek(toOffset: UInt64(position))
            try values.withUnsafeBytes { try handle.write(contentsOf: $0) }
            try handle.seekToEnd()
        }
    }

    private func checked(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw SkeinError(.ioFailure, "cannot write \(path): \(error.localizedDescription)")
        }
    }
}
