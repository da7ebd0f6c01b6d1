import Foundation
import SkeinCore
import SkeinTestSupport
import Testing

import SkeinSpark

@Suite struct ArrowTests {
    private func golden() throws -> [UInt8] {
        Array(try Data(contentsOf: Files.golden("arrow/types.arrows")))
    }

    @Test func `reads what pyarrow wrote`() throws {
        let tables = try ArrowReader.tables(try golden())
        #expect(tables.map(\.rowCount) == [4, 0, 2])
        let expected = try Data(contentsOf: Files.golden("arrow/types.json"))
            .withUnsafeBytes { try JSON(parsing: $0) }
        let rows = (expected["rows"]?.array ?? []).compactMap(\.array)
        let first = try #require(tables.first)
        #expect(first.columns.count == 12)
        for (index, column) in first.columns.enumerated() {
            for (row, values) in rows.enumerated() {
                let value = values[index]
                #expect(column.isNull(row) == (value == .null), "\(column.name) \(row)")
                guard value != .null else { continue }
                switch column.values {
                case .booleans(let list): #expect(.bool(list[row]) == value)
                case .integers(let list): #expect(value == .int(Int(list[row])))
                case .floats(let list): #expect(value.double.map { Float($0) } == list[row])
                case .doubles(let list): #expect(value.double == list[row])
                case .strings(let list): #expect(value == .string(list[row]))
                case .bytes(let list):
                    #expect(value.array?.compactMap(\.int) == list[row].map { Int($0) })
                case .lists(let ends, let elements):
                    let start = row == 0 ? 0 : ends[row - 1]
                    guard case .floats(let all) = elements.values else {
                        Issue.record("a list of \(elements)")
                        continue
                    }
                    #expect(
                        value.array?.compactMap { $0.double.map { Float($0) } }
                            == Array(all[start..<ends[row]])
                    )
                case .structs(_, let columns):
                    guard case .integers(let a) = columns[0].values,
                        case .strings(let b) = columns[1].values
                    else {
                        Issue.record("a struct of \(columns)")
                        continue
                    }
                    #expect(value["a"]?.int == Int(a[row]) && value["b"] == .string(b[row]))
                }
            }
        }
        // The third batch repeats the last two rows.
        #expect(try tables[2].columns[4] == first.columns[4].suffix(2))
    }

    @Test func `writes what it reads`() throws {
        let table = SparkTable([
            SparkColumn("id", .integers([1, -2, .max]), nulls: [false, true, false]),
            SparkColumn("w", .floats([0.5, -0.0, .infinity])),
            SparkColumn("d", .doubles([1e-300, 2, 3])),
            SparkColumn("t", .strings(["", "tür", "x\ty"])),
            SparkColumn("b", .bytes([[], [0, 255], [1]])),
            SparkColumn("f", .booleans([true, false, true])),
            SparkColumn(
                "v",
                .lists(ends: [2, 2, 3], elements: SparkColumn("element", .floats([1, 2, 3])))
            ),
            SparkColumn("s", .structs(count: 3, [SparkColumn("a", .integers([7, 8, 9]))])),
        ])
        #expect(try ArrowReader.tables(ArrowWriter.stream(table)) == [table])
        let empty = SparkTable([SparkColumn("id", .integers([])), SparkColumn("t", .strings([]))])
        #expect(try ArrowReader.tables(ArrowWriter.stream(empty)) == [empty])
    }

    @Test func `says what it cannot read`() throws {
        let stream = try golden()
        #expect(throws: SkeinError.self) { try ArrowReader.tables(Array(stream.prefix(100))) }
        #expect(throws: SkeinError.self) { try ArrowReader.tables([1, 2, 3, 4, 5, 6, 7, 8]) }
        let table = SparkTable([SparkColumn("id", .integers([1]), nulls: [true])])
        let error = #expect(throws: SkeinError.self) { try table.integers("id") }
        #expect(error?.message == "column id, row 0: found null, expected a whole number")
        let missing = #expect(throws: SkeinError.self) { try table.floats("x") }
        #expect(missing?.message == "found columns [\"id\"], expected x")
    }

    @Test func `fuzz of damaged streams ends in an error or a table`() throws {
        let stream = try golden()
        var mutation = Mutation(seed: 11)
        var errors = 0
        let rounds =
            ProcessInfo.processInfo.environment["SKEIN_FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 4000
        for _ in 0..<rounds {
            do {
                for table in try ArrowReader.tables(mutation.damaged(stream)) {
                    #expect(table.columns.allSatisfy { $0.values.count == table.rowCount })
                }
            } catch {
                errors += 1
                #expect(error is SkeinError)
            }
        }
        #expect(errors > rounds / 4)
    }

    @Test func `checksums agree with zlib`() {
        #expect(CRC32.checksum(Array("123456789".utf8)) == 0xcbf4_3926)
        #expect(CRC32.checksum([UInt8]()) == 0)
    }
}

extension SparkColumn {
    /// The last rows of a column of whole numbers.
    fileprivate func suffix(_ count: Int) throws -> SparkColumn {
        guard case .integers(let list) = values else { return self }
        return SparkColumn(name, .integers(Array(list.suffix(count))))
    }
}
