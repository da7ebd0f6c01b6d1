internal import Foundation
internal import SkeinCore

/// A file that appears under its name only when it is whole.
struct BinaryFile {
    private let handle: FileHandle
    private let path: String

    /// Writes a file beside its place and renames it when `body` is done.
    static func write(_ path: String, _ body: (BinaryFile) throws -> Void) throws {
        let temporary = path + ".part"
        guard FileManager.default.createFile(atPath: temporary, contents: nil),
            let handle = FileHandle(forWritingAtPath: temporary)
        else {
            throw SkeinError(.ioFailure, "cannot write \(path): the directory refuses a new file")
        }
        do {
            try body(BinaryFile(handle: handle, path: path))
            try handle.synchronize()
            try handle.close()
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

    private func append(_ bytes: UnsafeRawBufferPointer) throws {
        do {
            try handle.write(contentsOf: bytes)
        } catch {
            throw SkeinError(.ioFailure, "cannot write \(path): \(error.localizedDescription)")
        }
    }
}
