internal import SkeinCore

/// A bounds-checked little-endian reader over borrowed bytes; every length is checked before use.
struct ByteCursor {
    let bytes: UnsafeRawBufferPointer
    /// Names the file in messages.
    let path: String
    private(set) var position: Int

    init(_ bytes: UnsafeRawBufferPointer, path: String, position: Int = 0) {
        self.bytes = bytes
        self.path = path
        self.position = position
    }

    var remaining: Int { bytes.count - position }

    /// The error for bytes that end too early.
    func truncated(_ count: some BinaryInteger, _ what: @autoclosure () -> String) -> SkeinError {
        SkeinError(
            .corruptFile,
            "\(path): \(what()) needs \(count) bytes at byte \(position), but only \(remaining) "
                + "are left",
            hint: "the file is truncated or damaged"
        )
    }

    /// The next fixed-width integer.
    mutating func read<Value: FixedWidthInteger>(
        _ type: Value.Type,
        _ what: @autoclosure () -> String
    ) throws -> Value {
        let width = MemoryLayout<Value>.size
        guard remaining >= width else { throw truncated(width, what()) }
        defer { position += width }
        return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
    }

    /// Moves over `count` bytes and returns where they lie.
    mutating func skip(
        _ count: some BinaryInteger,
        _ what: @autoclosure () -> String
    ) throws -> Range<Int> {
        guard let length = Int(exactly: count), length >= 0, length <= remaining else {
            throw truncated(count, what())
        }
        defer { position += length }
        return position..<position + length
    }

    /// A string of a 64-bit length and so many bytes of UTF-8.
    mutating func string(limit: Int, _ what: @autoclosure () -> String) throws -> String {
        let start = position
        let length = try read(UInt64.self, what())
        guard length <= UInt64(limit) else {
            throw SkeinError(
                .corruptFile,
                "\(path): \(what()) at byte \(start) claims \(length) bytes; at most \(limit) are "
                    + "allowed"
            )
        }
        let range = try skip(length, what())
        guard
            let text = String(
                validating: UnsafeRawBufferPointer(rebasing: bytes[range]),
                as: UTF8.self
            )
        else {
            throw SkeinError(
                .corruptFile,
                "\(path): \(what()) at byte \(start) is not valid UTF-8"
            )
        }
        return text
    }
}
