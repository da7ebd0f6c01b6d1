/// Writes a table as Arrow's stream format, for relations that the client brings along.
package enum ArrowWriter {
    /// A stream of a schema and one batch.
    package static func stream(_ table: SparkTable) -> [UInt8] {
        var stream: [UInt8] = []
        append(&stream, type: 1, schema(table), body: [])
        var body = Body()
        for column in table.columns { body.add(column) }
        append(
            &stream,
            type: 3,
            [
                .long(Int64(table.rowCount)),
                .later { $0.pairs(body.nodes) },
                .later { $0.pairs(body.buffers) },
            ],
            body: body.bytes
        )
        return stream + [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]
    }

    private static func append(
        _ stream: inout [UInt8],
        type: UInt8,
        _ header: [FlatBufferWriter.Field],
        body: [UInt8]
    ) {
        // Version 4 is written as metadata version V5.
        let message = FlatBufferWriter(root: [
            .short(4), .byte(type), .later { $0.table(header) }, .long(Int64(body.count)),
        ])
        stream += [0xff, 0xff, 0xff, 0xff]
        let size = UInt32(message.bytes.count)
        for shift in [0, 8, 16, 24] { stream.append(UInt8(truncatingIfNeeded: size >> shift)) }
        stream += message.bytes + body
    }

    private static func schema(_ table: SparkTable) -> [FlatBufferWriter.Field] {
        [.none, .later { $0.tables(table.columns.map(field)) }]
    }

    private static func field(_ column: SparkColumn) -> [FlatBufferWriter.Field] {
        let (type, fields, children) = kind(column.values)
        return [
            .later { $0.text(column.name) }, .byte(1), .byte(type), .later { $0.table(fields) },
            .none, .later { $0.tables(children.map(field)) },
        ]
    }

    private static func kind(
        _ values: SparkValues
    ) -> (UInt8, [FlatBufferWriter.Field], [SparkColumn]) {
        switch values {
        case .booleans: (6, [], [])
        case .integers: (2, [.int(64), .byte(1)], [])
        case .floats: (3, [.short(1)], [])
        case .doubles: (3, [.short(2)], [])
        case .strings: (5, [], [])
        case .bytes: (4, [], [])
        case .lists(_, let elements): (12, [], [elements])
        case .structs(_, let columns): (13, [], columns)
        }
    }
}

/// The buffers of all columns, one after another.
private struct Body {
    var bytes: [UInt8] = []
    var nodes: [(Int, Int)] = []
    var buffers: [(Int, Int)] = []

    mutating func add(_ column: SparkColumn) {
        let count = column.values.count
        let nullCount = column.nulls?.count { $0 } ?? 0
        nodes.append((count, nullCount))
        add(bits: nullCount > 0 ? (column.nulls ?? []).map { !$0 } : [])
        switch column.values {
        case .booleans(let values): add(bits: values)
        case .integers(let values): add(numbers: values)
        case .floats(let values): add(numbers: values)
        case .doubles(let values): add(numbers: values)
        case .strings(let values): add(pieces: values.map { Array($0.utf8) })
        case .bytes(let values): add(pieces: values)
        case .lists(let ends, let elements):
            add(numbers: [0] + ends.map { Int32($0) })
            add(elements)
        case .structs(_, let columns): for column in columns { add(column) }
        }
    }

    private mutating func add(pieces: [[UInt8]]) {
        var ends: [Int32] = [0]
        var data: [UInt8] = []
        for piece in pieces {
            data += piece
            ends.append(Int32(data.count))
        }
        add(numbers: ends)
        add(buffer: data)
    }

    private mutating func add(bits: [Bool]) {
        var packed = [UInt8](repeating: 0, count: (bits.count + 7) / 8)
        for (index, bit) in bits.enumerated() where bit { packed[index / 8] |= 1 << (index % 8) }
        add(buffer: packed)
    }

    private mutating func add<Value: BitwiseCopyable>(numbers: [Value]) {
        add(buffer: numbers.withUnsafeBytes { Array($0) })
    }

    private mutating func add(buffer: [UInt8]) {
        buffers.append((bytes.count, buffer.count))
        bytes += buffer
        while bytes.count % 8 != 0 { bytes.append(0) }
    }
}
