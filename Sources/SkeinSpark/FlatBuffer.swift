internal import SkeinCore

/// Reads tables of a FlatBuffer; every offset is checked, because the bytes come from the network.
///
/// A table starts with a signed distance back to its field list; a field's entry is where its value lies
/// in the table, or zero when it is absent.
struct FlatBuffer {
    let bytes: [UInt8]

    /// A place that starts a table.
    struct Table {
        let buffer: FlatBuffer
        let start: Int
    }

    /// The table that the buffer is about.
    func root() throws -> Table { Table(buffer: self, start: Int(try unsigned32(0))) }

    /// A little-endian integer at an offset.
    func integer<Value: FixedWidthInteger>(_ offset: Int, as: Value.Type) throws -> Value {
        let size = Value.bitWidth / 8
        guard offset >= 0, offset <= bytes.count - size else {
            throw SkeinError.arrow("an offset of \(offset) in \(bytes.count) bytes of metadata")
        }
        var value: Value = 0
        for index in (0..<size).reversed() {
            value = value << 8 | Value(truncatingIfNeeded: bytes[offset + index])
        }
        return value
    }

    func unsigned32(_ offset: Int) throws -> UInt32 { try integer(offset, as: UInt32.self) }
}

extension FlatBuffer.Table {
    /// Where a field's value lies; `nil` when the writer left it out.
    private func place(_ field: Int) throws -> Int? {
        let distance = Int(try buffer.integer(start, as: Int32.self))
        let list = start - distance
        let size = Int(try buffer.integer(list, as: UInt16.self))
        guard 4 + 2 * field + 2 <= size else { return nil }
        let offset = Int(try buffer.integer(list + 4 + 2 * field, as: UInt16.self))
        return offset == 0 ? nil : start + offset
    }

    /// A number.
    func number<Value: FixedWidthInteger>(_ field: Int, default value: Value) throws -> Value {
        guard let place = try place(field) else { return value }
        return try buffer.integer(place, as: Value.self)
    }

    /// Where an indirect value lies.
    private func target(_ field: Int) throws -> Int? {
        guard let place = try place(field) else { return nil }
        return place + Int(try buffer.unsigned32(place))
    }

    /// Another table.
    func table(_ field: Int) throws -> FlatBuffer.Table? {
        try target(field).map { FlatBuffer.Table(buffer: buffer, start: $0) }
    }

    /// Where the elements of a vector start, and how many of `size` bytes there are.
    func vector(_ field: Int, size: Int) throws -> (start: Int, count: Int) {
        guard let target = try target(field) else { return (0, 0) }
        let count = Int(try buffer.unsigned32(target))
        guard count <= (buffer.bytes.count - target - 4) / size else {
            throw SkeinError.arrow("a vector of \(count) elements in \(buffer.bytes.count) bytes")
        }
        return (target + 4, count)
    }

    /// The tables of a vector.
    func tables(_ field: Int) throws -> [FlatBuffer.Table] {
        let (start, count) = try vector(field, size: 4)
        return try (0..<count).map { index in
            let place = start + 4 * index
            return FlatBuffer.Table(
                buffer: buffer,
                start: place + Int(try buffer.unsigned32(place))
            )
        }
    }

    /// A text.
    func text(_ field: Int) throws -> String {
        let (start, count) = try vector(field, size: 1)
        return String(decoding: buffer.bytes[start..<start + count], as: UTF8.self)
    }
}

/// Writes a FlatBuffer front to back: a table first, then what it points to.
struct FlatBufferWriter {
    private(set) var bytes: [UInt8] = [0, 0, 0, 0]

    /// A field of a table to write.
    enum Field {
        case none
        case byte(UInt8)
        case short(Int16)
        case int(Int32)
        case long(Int64)
        /// Something that is written behind the table.
        case later((inout FlatBufferWriter) -> Int)
    }

    /// Writes the root table.
    init(root fields: [Field]) {
        let start = table(fields)
        put(UInt32(start), at: 0)
        align(8)
    }

    /// Writes a table and what it points to.
    ///
    /// - Returns: Where it starts.
    mutating func table(_ fields: [Field]) -> Int {
        // Fields lie in order of size behind the distance to the list, so that all are aligned.
        var offsets = [Int](repeating: 0, count: fields.count)
        var next = 4
        for size in [8, 4, 2, 1] {
            for (index, field) in fields.enumerated() where field.size == size {
                next = (next + size - 1) / size * size
                offsets[index] = next
                next += size
            }
        }
        align(2)
        let list = bytes.count
        append(UInt16(4 + 2 * fields.count))
        append(UInt16(next))
        for offset in offsets { append(UInt16(offset)) }
        align(8)
        let start = bytes.count
        append(Int32(start - list))
        bytes += [UInt8](repeating: 0, count: next - 4)
        for (offset, field) in zip(offsets, fields) {
            switch field {
            case .none: break
            case .byte(let value): put(value, at: start + offset)
            case .short(let value): put(value, at: start + offset)
            case .int(let value): put(value, at: start + offset)
            case .long(let value): put(value, at: start + offset)
            case .later(let write):
                let target = write(&self)
                put(UInt32(target - start - offset), at: start + offset)
            }
        }
        return start
    }

    /// Writes a vector of tables.
    mutating func tables(_ list: [[Field]]) -> Int {
        align(4)
        let start = bytes.count
        append(UInt32(list.count))
        bytes += [UInt8](repeating: 0, count: 4 * list.count)
        for (index, fields) in list.enumerated() {
            let place = start + 4 + 4 * index
            put(UInt32(table(fields) - place), at: place)
        }
        return start
    }

    /// Writes a vector of pairs of 64-bit numbers.
    mutating func pairs(_ list: [(Int, Int)]) -> Int {
        while bytes.count % 8 != 4 { bytes.append(0) }
        let start = bytes.count
        append(UInt32(list.count))
        for (a, b) in list {
            append(Int64(a))
            append(Int64(b))
        }
        return start
    }

    /// Writes a text.
    mutating func text(_ text: String) -> Int {
        align(4)
        let start = bytes.count
        append(UInt32(text.utf8.count))
        bytes += Array(text.utf8) + [0]
        return start
    }

    private mutating func align(_ size: Int) {
        while bytes.count % size != 0 { bytes.append(0) }
    }

    private mutating func append<Value: FixedWidthInteger>(_ value: Value) {
        let start = bytes.count
        bytes += [UInt8](repeating: 0, count: Value.bitWidth / 8)
        put(value, at: start)
    }

    private mutating func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        for index in 0..<Value.bitWidth / 8 {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
        }
    }
}

extension FlatBufferWriter.Field {
    fileprivate var size: Int {
        switch self {
        case .none: 0
        case .byte: 1
        case .short: 2
        case .int, .later: 4
        case .long: 8
        }
    }
}
