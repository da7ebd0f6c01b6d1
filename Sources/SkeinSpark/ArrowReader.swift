internal import SkeinCore

/// Reads Arrow's stream format, as far as Spark sends it without being asked for more.
///
/// A message is a marker, the size of its metadata, the metadata as a FlatBuffer, and a body that holds
/// the buffers of all columns. Dictionaries, compression and views are not read.
package struct ArrowReader {
    private var fields: [Field] = []

    /// What a column holds.
    struct Field {
        var name: String
        var kind: Kind
        var children: [Field]
    }

    /// How a column's buffers are read.
    enum Kind {
        case boolean
        case integer(bytes: Int, isSigned: Bool)
        case float, double
        case text, binary
        case list
        case structure
        case null
    }

    /// The tables of a stream.
    package static func tables(_ stream: [UInt8]) throws -> [SparkTable] {
        var reader = ArrowReader()
        var tables: [SparkTable] = []
        var position = 0
        while position + 8 <= stream.count {
            guard stream[position..<position + 4].allSatisfy({ $0 == 0xff }) else {
                throw SkeinError.arrow("no marker at byte \(position)")
            }
            let size = Int(
                try FlatBuffer(bytes: Array(stream[position + 4..<position + 8])).unsigned32(0)
            )
            guard size > 0 else { break }
            position += 8
            guard size <= stream.count - position else {
                throw SkeinError.arrow(
                    "\(size) bytes of metadata where \(stream.count - position) are left"
                )
            }
            let metadata = FlatBuffer(bytes: Array(stream[position..<position + size]))
            position += size
            let message = try metadata.root()
            let length = try message.number(3, default: Int64(0))
            guard length >= 0, length <= stream.count - position else {
                throw SkeinError.arrow(
                    "a body of \(length) bytes where \(stream.count - position) are left"
                )
            }
            let body = stream[position..<position + Int(length)]
            position += Int(length)
            let header = try message.table(2)
            switch (try message.number(1, default: UInt8(0)), header) {
            case (1, let schema?):
                var budget = Self.maximumFields
                reader.fields = try schema.tables(1).map { try Self.field($0, 0, &budget) }
            case (3, let batch?):
                tables.append(try reader.batch(batch, body))
            case (let type, _):
                throw SkeinError.arrow("a message of type \(type)")
            }
        }
        return tables
    }

    /// Tables may point at one table many times, so depth alone does not bound the work.
    private static let maximumFields = 4096

    private static func field(
        _ table: FlatBuffer.Table,
        _ depth: Int,
        _ budget: inout Int
    ) throws -> Field {
        budget -= 1
        guard depth < 16, budget >= 0 else {
            throw SkeinError.arrow("more than \(maximumFields) columns, or 16 inside each other")
        }
        let type = try table.table(3)
        let name = try table.text(0)
        let kind: Kind
        switch try table.number(2, default: UInt8(0)) {
        case 1: kind = .null
        case 2:
            let width = try type?.number(0, default: Int32(0)) ?? 0
            let isSigned = try type?.number(1, default: UInt8(0)) ?? 0
            guard [8, 16, 32, 64].contains(width) else {
                throw SkeinError.arrow("integers of \(width) bits in column \(name)")
            }
            kind = .integer(bytes: Int(width) / 8, isSigned: isSigned != 0)
        case 3:
            let precision = try type?.number(0, default: Int16(0)) ?? 0
            guard precision > 0 else { throw SkeinError.arrow("half floats in column \(name)") }
            kind = precision == 1 ? .float : .double
        case 4: kind = .binary
        case 5: kind = .text
        case 6: kind = .boolean
        case 12: kind = .list
        case 13: kind = .structure
        case let other:
            throw SkeinError(
                .sparkResult,
                "column \(name) has Arrow type \(other), which is not read here",
                hint: "cast it in the query to a number, a text, binary, an array or a struct"
            )
        }
        let children = try table.tables(5).map { try field($0, depth + 1, &budget) }
        if case .list = kind, children.count != 1 {
            throw SkeinError.arrow("a list of \(children.count) kinds in column \(name)")
        }
        return Field(name: name, kind: kind, children: children)
    }

    private func batch(_ table: FlatBuffer.Table, _ body: ArraySlice<UInt8>) throws -> SparkTable {
        guard try table.table(3) == nil else { throw SkeinError.arrow("a compressed batch") }
        let rows = try table.number(0, default: Int64(0))
        let (nodes, nodeCount) = try table.vector(1, size: 16)
        let (buffers, bufferCount) = try table.vector(2, size: 16)
        var cursor = Cursor(body: body)
        for index in 0..<nodeCount {
            cursor.nodes.append(
                (
                    Int(try table.buffer.integer(nodes + 16 * index, as: Int64.self)),
                    Int(try table.buffer.integer(nodes + 16 * index + 8, as: Int64.self))
                )
            )
        }
        for index in 0..<bufferCount {
            let offset = try table.buffer.integer(buffers + 16 * index, as: Int64.self)
            let length = try table.buffer.integer(buffers + 16 * index + 8, as: Int64.self)
            guard offset >= 0, length >= 0, offset <= body.count, length <= body.count - Int(offset)
            else { throw SkeinError.arrow("a buffer outside a body of \(body.count) bytes") }
            let start = body.startIndex + Int(offset)
            cursor.buffers.append(body[start..<start + Int(length)])
        }
        let columns = try fields.map { try cursor.column($0) }
        guard columns.allSatisfy({ $0.values.count == Int(rows) }) else {
            throw SkeinError.arrow("columns of other lengths than the \(rows) rows of their batch")
        }
        return SparkTable(columns)
    }
}

/// What of a batch is still to be read.
private struct Cursor {
    let body: ArraySlice<UInt8>
    var nodes: [(count: Int, nulls: Int)] = []
    var buffers: [ArraySlice<UInt8>] = []
    private var node = 0
    private var buffer = 0

    init(body: ArraySlice<UInt8>) { self.body = body }

    private mutating func nextBuffer(atLeast size: Int) throws -> ArraySlice<UInt8> {
        guard buffer < buffers.count else { throw SkeinError.arrow("too few buffers") }
        defer { buffer += 1 }
        guard buffers[buffer].count >= size else {
            throw SkeinError.arrow("a buffer of \(buffers[buffer].count) bytes, expected \(size)")
        }
        return buffers[buffer]
    }

    private static func bits(_ bytes: ArraySlice<UInt8>, _ count: Int) -> [Bool] {
        (0..<count).map { bytes[bytes.startIndex + $0 / 8] >> ($0 % 8) & 1 == 1 }
    }

    private mutating func numbers<Value: BitwiseCopyable>(
        _ count: Int,
        as: Value.Type
    ) throws -> [Value] {
        let size = MemoryLayout<Value>.size
        let bytes = try nextBuffer(atLeast: count * size)
        return bytes.withUnsafeBytes { raw in
            (0..<count).map {
                raw.loadUnaligned(fromByteOffset: $0 * size, as: Value.self)
            }
        }
    }

    /// Where the values of variable length start and end; checked to ascend within `limit`.
    private mutating func ends(_ count: Int) throws -> [Int] {
        // An empty column may come without its single offset.
        guard count > 0 else {
            _ = try nextBuffer(atLeast: 0)
            return [0]
        }
        let offsets = try numbers(count + 1, as: Int32.self).map { Int($0) }
        guard offsets[0] >= 0, zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            throw SkeinError.arrow("offsets that descend")
        }
        return offsets
    }

    mutating func column(_ field: ArrowReader.Field) throws -> SparkColumn {
        guard node < nodes.count else { throw SkeinError.arrow("too few columns") }
        let (count, nullCount) = nodes[node]
        node += 1
        // A null takes no buffer, so only the body's size bounds the others.
        guard count >= 0, count <= max(body.count, 1) * 8 else {
            throw SkeinError.arrow("\(count) values in a body of \(body.count) bytes")
        }
        var nulls: [Bool]?
        if case .null = field.kind {
            let isNull = [Bool](repeating: true, count: count)
            return SparkColumn(field.name, .booleans(isNull), nulls: isNull)
        }
        let validity = try nextBuffer(atLeast: 0)
        if nullCount > 0 {
            guard validity.count * 8 >= count else {
                throw SkeinError.arrow("\(validity.count) bytes of validity for \(count) values")
            }
            nulls = Self.bits(validity, count).map { !$0 }
        }
        return SparkColumn(field.name, try values(field, count), nulls: nulls)
    }

    private mutating func values(_ field: ArrowReader.Field, _ count: Int) throws -> SparkValues {
        switch field.kind {
        case .boolean, .null:
            return .booleans(Self.bits(try nextBuffer(atLeast: (count + 7) / 8), count))
        case .integer(let bytes, let isSigned):
            let list: [Int64] =
                switch (bytes, isSigned) {
                case (1, true): try numbers(count, as: Int8.self).map { Int64($0) }
                case (1, false): try numbers(count, as: UInt8.self).map { Int64($0) }
                case (2, true): try numbers(count, as: Int16.self).map { Int64($0) }
                case (2, false): try numbers(count, as: UInt16.self).map { Int64($0) }
                case (4, true): try numbers(count, as: Int32.self).map { Int64($0) }
                case (4, false): try numbers(count, as: UInt32.self).map { Int64($0) }
                default: try numbers(count, as: Int64.self)
                }
            return .integers(list)
        case .float: return .floats(try numbers(count, as: Float.self))
        case .double: return .doubles(try numbers(count, as: Double.self))
        case .text, .binary:
            let ends = try ends(count)
            let data = try nextBuffer(atLeast: ends.last ?? 0)
            let slices = zip(ends, ends.dropFirst()).map {
                data[data.startIndex + $0..<data.startIndex + $1]
            }
            if case .binary = field.kind { return .bytes(slices.map { Array($0) }) }
            return .strings(slices.map { String(decoding: $0, as: UTF8.self) })
        case .list:
            let ends = try ends(count)
            let elements = try column(field.children[0])
            guard ends[0] == 0, ends[count] <= elements.values.count else {
                throw SkeinError.arrow("lists beyond their \(elements.values.count) elements")
            }
            return .lists(ends: Array(ends.dropFirst()), elements: elements)
        case .structure:
            let columns = try field.children.map { try column($0) }
            guard columns.allSatisfy({ $0.values.count == count }) else {
                throw SkeinError.arrow("a struct whose columns differ in length")
            }
            return .structs(count: count, columns)
        }
    }
}
