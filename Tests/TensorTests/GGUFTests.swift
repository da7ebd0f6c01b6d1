import Foundation
import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct GGUFTests {
    @Test func `every metadata type is read as Python wrote it`() throws {
        let file = try GGUF(contentsOf: golden("types.gguf"))
        #expect(file.version == 3)
        #expect(file.keys.first == "general.architecture")
        #expect(file.metadata["v.uint8"]?.int == 255)
        #expect(file.metadata["v.int8"]?.int == -128)
        #expect(file.metadata["v.uint16"]?.int == 65_535)
        #expect(file.metadata["v.int16"]?.int == -32_768)
        #expect(file.metadata["v.uint32"]?.int == 4_294_967_295)
        #expect(file.metadata["v.int32"]?.int == -2_147_483_648)
        #expect(file.metadata["v.float32"]?.double == Double(Float(0.1)))
        #expect(file.metadata["v.bool"]?.bool == true)
        #expect(file.metadata["v.string"]?.string == "héllo\n世界")
        #expect(file.metadata["v.uint64"]?.int == nil)
        #expect(file.metadata["v.uint64"]?.double == 0x1p64)
        #expect(file.metadata["v.int64"]?.int == .min)
        #expect(file.metadata["v.float64"]?.double == 0.1)
        let strings = try #require(try file.metadata["a.strings"]?.array?.strings())
        #expect(
            strings.map { Array($0.utf8) } == ["", "▁the", "é", "e\u{301}"].map { Array($0.utf8) }
        )
        #expect(file.metadata["a.integers"]?.array?.integers() == [1, -2, 3])
        #expect(file.metadata["a.floats"]?.array?.doubles() == [0.5, -1.25])
        #expect(file.metadata["a.booleans"]?.array?.booleans() == [true, false])
        #expect(file.metadata["a.floats"]?.array?.integers() == nil)
        #expect(try file.metadata["a.floats"]?.array?.strings() == nil)
    }

    @Test func `plain tensors are read as Python wrote them`() throws {
        let file = try GGUF(contentsOf: golden("types.gguf"))
        let expected = try Safetensors(contentsOf: golden("types.gguf.safetensors"))
        #expect(Set(file.names) == Set(expected.names))
        for name in file.names {
            let tensor = try file.tensor(named: name)
            #expect(tensor.shape == expected.tensors[name]?.shape)
            guard !tensor.dtype.isQuantized else {
                #expect(tensor.dtype.name == name)
                continue
            }
            #expect(try tensor.floats() == expected.tensors[name]?.floats(), "\(name)")
        }
    }

    @Test(arguments: 1...3) func `splits are merged whichever is named`(number: Int) throws {
        let model = try GGUF(contentsOf: golden("split-0000\(number)-of-00003.gguf"))
        #expect(model.names == ["t0", "t1", "t2", "t3", "t4"])
        #expect(try model.tensor(named: "t3").floats() == [3, 3.5])
        #expect(model.files.count == 3)
        #expect(model.metadata["general.architecture"]?.string == "test")
    }

    @Test func `splits with other names or missing siblings are refused`() throws {
        let folder = try TemporaryFolder()
        let bytes = try goldenBytes("split-00001-of-00003.gguf")
        let other = try folder.write("other.gguf", bytes)
        expectFailure(.corruptFile, "does not end in -00001-of-00003.gguf") {
            _ = try GGUF(contentsOf: other)
        }
        let alone = try folder.write("x-00001-of-00003.gguf", bytes)
        expectFailure(.notFound, "x-00002-of-00003.gguf") { _ = try GGUF(contentsOf: alone) }
        _ = try folder.write("x-00002-of-00003.gguf", bytes)
        expectFailure(.corruptFile, "is not split 2 of 3") { _ = try GGUF(contentsOf: alone) }
    }

    static let head = HeaderBytes.gguf(tensors: 1, values: 0)
    static let pair = HeaderBytes.gguf(tensors: 0, values: 1)
    static let broken: [(String, [UInt8])] = [
        ("the magic number needs 4 bytes", [0x47]),
        ("begins with 0x3020100, expected 'GGUF'", [0, 1, 2, 3, 4]),
        ("the number of tensors needs 8", Array(head.bytes.prefix(12))),
        ("claims 18446744073709551615 tensors", HeaderBytes.gguf(tensors: .max, values: 0).bytes),
        ("claims 1000 metadata values", HeaderBytes.gguf(tensors: 0, values: 1000).data(64)),
        ("a metadata key at byte 24 claims 65536", pair.number(UInt64(65_536)).data(99_999)),
        ("a metadata key needs 60000", pair.number(UInt64(60_000)).data(99)),
        (
            "a metadata key at byte 24 is not valid UTF-8",
            pair.number(UInt64(1)).raw([0xff]).data(9)
        ),
        ("the type of k at byte 33 is 13", pair.text("k").number(UInt32(13)).data(9)),
        (
            "k at byte 37 is not valid UTF-8",
            pair.text("k").number(UInt32(8)).number(UInt64(1)).raw([0xc0]).bytes
        ),
        (
            "k needs 4611686018427387904 bytes",
            pair.text("k").number(UInt32(8)).number(UInt64(1) << 62).bytes
        ),
        (
            "claims 18446744073709551615 elements",
            pair.text("k").number(UInt32(9)).number(UInt32(8)).number(UInt64.max).data(64)
        ),
        (
            "a string of k needs 18446744073709551615",
            pair.text("k").number(UInt32(9)).number(UInt32(8)).number(UInt64(1)).number(UInt64.max)
                .data(64)
        ),
        ("arrays nest deeper than 4", nested()),
        (
            "key k appears twice",
            HeaderBytes.gguf(tensors: 0, values: 2).text("k").number(UInt32(0)).raw([1]).text("k")
                .number(UInt32(0)).raw([1]).data(0)
        ),
        (
            "general.alignment is uint32(48)",
            pair.text("general.alignment").number(UInt32(4)).number(UInt32(48)).data(0)
        ),
        (
            "general.alignment is uint32(0)",
            pair.text("general.alignment").number(UInt32(4)).number(UInt32(0)).data(0)
        ),
        ("tensor t has 5 axes", head.text("t").number(UInt32(5)).data(64)),
        ("has an axis of 9223372036854775808", head.tensor("t", [1 << 63], offset: 0).data(64)),
        ("whose product overflows", head.tensor("t", [1 << 40, 1 << 40], offset: 0).data(64)),
        ("whose bytes overflow", head.tensor("t", [1 << 62], offset: 0).data(64)),
        ("rows of 31 values, but Q8_0", head.tensor("t", [31], type: 8, offset: 0).data(64)),
        (
            "byte 7 of the data, which is not a multiple of the alignment 32",
            head.tensor("t", [1], offset: 7).data(64)
        ),
        (
            "takes 40 bytes at byte 0 of the data, which has 39",
            head.tensor("t", [10], offset: 0).data(39)
        ),
        ("takes 4 bytes at byte 64", head.tensor("t", [1], offset: 64).data(64)),
        ("lies at byte 18446744073709551615", head.tensor("t", [1], offset: .max).data(64)),
        (
            "t at byte 0 of the data overlaps",
            HeaderBytes.gguf(tensors: 2, values: 0).tensor("s", [1], offset: 0).tensor(
                "t",
                [1],
                offset: 0
            ).data(64)
        ),
        (
            "t at byte 32 of the data overlaps s, which ends at byte 36",
            HeaderBytes.gguf(tensors: 2, values: 0).tensor("t", [1], offset: 32).tensor(
                "s",
                [9],
                offset: 0
            ).data(64)
        ),
        (
            "tensor t appears twice",
            HeaderBytes.gguf(tensors: 2, values: 0).tensor("t", [1], offset: 0).tensor(
                "t",
                [1],
                offset: 32
            ).data(64)
        ),
    ]

    private static func nested() -> [UInt8] {
        var bytes = pair.text("k").number(UInt32(9))
        for _ in 0..<6 { bytes = bytes.number(UInt32(9)).number(UInt64(1)) }
        return bytes.data(64)
    }

    @Test(arguments: broken) func `broken files say what is wrong`(text: String, bytes: [UInt8]) {
        expectFailure(.corruptFile, text) { _ = try GGUF(parsing: MappedFile(bytes: bytes)) }
    }

    static let refused: [(String, [UInt8])] = [
        (
            "GGUF version 1; versions 2 and 3",
            HeaderBytes.gguf(version: 1, tensors: 0, values: 0).bytes
        ),
        ("GGUF version 4", HeaderBytes.gguf(version: 4, tensors: 0, values: 0).bytes),
        ("big-endian", HeaderBytes.gguf(version: 3 << 24, tensors: 0, values: 0).bytes),
        ("tensor t has type Q2_K", head.tensor("t", [256], type: 10, offset: 0).data(84)),
        ("tensor t has type number 99", head.tensor("t", [7], type: 99, offset: 0).data(84)),
        ("tensor t has type number 1024", head.tensor("t", [7], type: 1024, offset: 0).data(84)),
    ]

    @Test(arguments: refused) func `other kinds are refused by name`(text: String, bytes: [UInt8]) {
        expectFailure(.unsupported, text) { _ = try GGUF(parsing: MappedFile(bytes: bytes)) }
    }

    @Test func `unknown types are listed on request`() throws {
        let bytes = HeaderBytes.gguf(tensors: 2, values: 0)
            .tensor("t", [7, 3], type: 99, offset: 0).tensor("u", [2], offset: 32).data(64)
        let file = try GGUF(parsing: MappedFile(bytes: bytes), allowsUnknownTypes: true)
        #expect(file.names == ["u"])
        #expect(file.entries.map(\.typeName) == ["number 99", "F32"])
        #expect(file.entries.map(\.shape) == [[3, 7], [2]])
    }

    @Test func `inner arrays are values`() throws {
        let bytes = Self.pair.text("k").number(UInt32(9)).number(UInt32(9)).number(UInt64(2))
            .number(UInt32(0)).number(UInt64(2)).raw([7, 8])
            .number(UInt32(8)).number(UInt64(1)).text("x").data(0)
        let array = try #require(try GGUF(parsing: MappedFile(bytes: bytes)).metadata["k"]?.array)
        let values = try array.values()
        #expect(values.first?.array?.integers() == [7, 8])
        #expect(try values.last?.array?.strings() == ["x"])
    }

    @Test func `version 2, no tensors and no padding is a vocabulary`() throws {
        let bytes = HeaderBytes.gguf(version: 2, tensors: 0, values: 1).text("k").number(UInt32(0))
            .raw([1])
        let file = try GGUF(parsing: MappedFile(bytes: bytes.bytes))
        #expect(file.version == 2 && file.names.isEmpty && file.metadata["k"]?.int == 1)
    }

    /// The bound of the format's design: 128 000 tokens and 280 000 merges below 0.1 s.
    @Test func `a large vocabulary opens at once`() throws {
        var bytes = HeaderBytes.gguf(tensors: 0, values: 2).bytes
        for (key, count) in [("tokens", 128_000), ("merges", 280_000)] {
            bytes +=
                HeaderBytes().text(key).number(UInt32(9)).number(UInt32(8)).number(UInt64(count))
                .bytes
            for index in 0..<count { bytes += HeaderBytes().text("token \(index)").bytes }
        }
        let mapped = MappedFile(bytes: bytes)
        let clock = ContinuousClock()
        var file: GGUF?
        let time = try clock.measure { file = try GGUF(parsing: mapped) }
        #expect(time < .milliseconds(100))
        let tokens = try #require(try file?.metadata["tokens"]?.array?.strings())
        #expect(tokens.count == 128_000 && tokens.last == "token 127999")
    }

    @Test func `a bad string of an array is found when it is read`() throws {
        let bytes = Self.pair.text("k").number(UInt32(9)).number(UInt32(8)).number(UInt64(1))
            .number(UInt64(1)).raw([0xff])
        let array = try GGUF(parsing: MappedFile(bytes: bytes.bytes)).metadata["k"]?.array
        expectFailure(.corruptFile, "string 0 of a metadata array is not valid UTF-8") {
            _ = try array?.strings()
        }
    }
}
