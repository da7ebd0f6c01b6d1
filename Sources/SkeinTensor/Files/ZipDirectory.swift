internal import SkeinCore

/// Where the files of a zip archive lie; only files that are stored as they are can be read.
struct ZipDirectory {
    /// The bytes of each file by its name, those of compressed ones left out.
    private(set) var places: [String: Range<Int>] = [:]
    /// The names, in the archive's order.
    private(set) var names: [String] = []

    private static let endSignature: UInt32 = 0x0605_4b50
    private static let wideEndSignature: UInt32 = 0x0606_4b50
    private static let wideLocatorSignature: UInt32 = 0x0706_4b50
    private static let entrySignature: UInt32 = 0x0201_4b50
    private static let localSignature: UInt32 = 0x0403_4b50

    /// What the central directory says of one file.
    private struct Entry {
        var name: String
        var isStored: Bool
        var size: UInt64
        var header: UInt64
    }

    /// Reads the central directory.
    ///
    /// - Throws: `SkeinError.Code.corruptFile` for a directory that does not fit its bytes.
    init(_ bytes: UnsafeRawBufferPointer, path: String) throws {
        let (start, count) = try Self.directory(bytes, path)
        var cursor = ByteCursor(bytes, path: path, position: start)
        for _ in 0..<count {
            let entry = try Self.entry(&cursor)
            guard entry.isStored else { continue }
            guard let header = Int(exactly: entry.header), header < bytes.count else {
                throw Self.damaged(path, "\(entry.name) begins at byte \(entry.header)")
            }
            var local = ByteCursor(bytes, path: path, position: header)
            guard try local.read(UInt32.self, "a file's header") == Self.localSignature else {
                throw Self.damaged(path, "there is no file header at byte \(header)")
            }
            _ = try local.skip(22, "a file's header")
            let name = try local.read(UInt16.self, "a name's length")
            let extra = try local.read(UInt16.self, "an extra field's length")
            _ = try local.skip(Int(name) + Int(extra), "a file's header")
            let range = try local.skip(entry.size, "\(entry.name)")
            guard places.updateValue(range, forKey: entry.name) == nil else {
                throw Self.damaged(path, "\(entry.name) appears twice")
            }
            names.append(entry.name)
        }
    }

    private static func damaged(_ path: String, _ what: String) -> SkeinError {
        SkeinError(
            .corruptFile,
            "\(path): \(what)",
            hint: "the file is truncated or is no zip archive"
        )
    }

    /// Where the central directory starts and how many entries it has.
    private static func directory(
        _ bytes: UnsafeRawBufferPointer,
        _ path: String
    ) throws -> (start: Int, count: Int) {
        let shortest = 22
        var place = bytes.count - shortest
        let lowest = max(0, bytes.count - shortest - 0xffff)
        while place >= lowest {
            var cursor = ByteCursor(bytes, path: path, position: place)
            if try cursor.read(UInt32.self, "the end record") == endSignature { break }
            place -= 1
        }
        guard place >= lowest, place >= 0 else {
            throw damaged(path, "there is no end of a zip archive")
        }
        var cursor = ByteCursor(bytes, path: path, position: place)
        _ = try cursor.skip(10, "the end record")
        let count = try cursor.read(UInt16.self, "the number of files")
        _ = try cursor.skip(4, "the end record")
        let start = try cursor.read(UInt32.self, "the directory's place")
        guard count == .max || start == .max else { return (Int(start), Int(count)) }
        // The wide record, which a locator before the end record points at.
        guard place >= 20 else { throw damaged(path, "the wide end record is missing") }
        var locator = ByteCursor(bytes, path: path, position: place - 20)
        guard try locator.read(UInt32.self, "the locator") == wideLocatorSignature else {
            throw damaged(path, "the wide end record is missing")
        }
        _ = try locator.skip(4, "the locator")
        let wide = try locator.read(UInt64.self, "the locator")
        guard let position = Int(exactly: wide), position < bytes.count else {
            throw damaged(path, "the wide end record lies at byte \(wide)")
        }
        var record = ByteCursor(bytes, path: path, position: position)
        guard try record.read(UInt32.self, "the wide end record") == wideEndSignature else {
            throw damaged(path, "the wide end record is missing")
        }
        _ = try record.skip(28, "the wide end record")
        let wideCount = try record.read(UInt64.self, "the number of files")
        _ = try record.skip(8, "the wide end record")
        let wideStart = try record.read(UInt64.self, "the directory's place")
        guard let start = Int(exactly: wideStart), start < bytes.count, wideCount < 1 << 24 else {
            throw damaged(path, "a directory of \(wideCount) files at byte \(wideStart)")
        }
        return (start, Int(wideCount))
    }

    private static func entry(_ cursor: inout ByteCursor) throws -> Entry {
        guard try cursor.read(UInt32.self, "a directory entry") == entrySignature else {
            throw damaged(cursor.path, "there is no directory entry at byte \(cursor.position - 4)")
        }
        _ = try cursor.skip(6, "a directory entry")
        let method = try cursor.read(UInt16.self, "a compression method")
        _ = try cursor.skip(8, "a directory entry")
        let packed = try cursor.read(UInt32.self, "a file's size")
        var size = UInt64(try cursor.read(UInt32.self, "a file's size"))
        let name = try cursor.read(UInt16.self, "a name's length")
        let extra = try cursor.read(UInt16.self, "an extra field's length")
        let comment = try cursor.read(UInt16.self, "a comment's length")
        _ = try cursor.skip(8, "a directory entry")
        var header = UInt64(try cursor.read(UInt32.self, "a file's place"))
        let text = try cursor.skip(name, "a file's name")
        guard let string = String(validating: cursor.bytes[text], as: UTF8.self) else {
            throw damaged(cursor.path, "a file's name is not UTF-8")
        }
        let end = cursor.position + Int(extra)
        // Field 1 holds what did not fit, in this order.
        while cursor.position + 4 <= end {
            let kind = try cursor.read(UInt16.self, "an extra field")
            let length = try cursor.read(UInt16.self, "an extra field")
            let next = cursor.position + Int(length)
            if kind == 1 {
                if size == 0xffff_ffff { size = try cursor.read(UInt64.self, "a size") }
                if packed == 0xffff_ffff { _ = try cursor.read(UInt64.self, "a size") }
                if header == 0xffff_ffff { header = try cursor.read(UInt64.self, "a place") }
            }
            guard next >= cursor.position, next <= end else {
                throw damaged(cursor.path, "an extra field of \(length) bytes")
            }
            _ = try cursor.skip(next - cursor.position, "an extra field")
        }
        _ = try cursor.skip(end - cursor.position + Int(comment), "a directory entry")
        return Entry(name: string, isStored: method == 0, size: size, header: header)
    }
}
