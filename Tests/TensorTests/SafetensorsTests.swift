import Foundation
import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct SafetensorsTests {
    @Test func `every type is read as Python wrote it`() throws {
        let file = try Safetensors(contentsOf: golden("types.safetensors"))
        let expected = try JSON(parsing: goldenBytes("types.safetensors.json"))
        let members = try #require(expected.object?.members)
        #expect(file.names.count == members.count)
        #expect(file.metadata == ["format": "pt"])
        for (name, value) in members {
            let tensor = try file.tensor(named: name)
            #expect(tensor.shape == value["shape"]?.array?.compactMap(\.int))
            let values = try #require(value["values"]?.array).compactMap(\.double).map { Float($0) }
            #expect(try tensor.floats() == values, "\(name)")
        }
    }

    @Test func `shards are merged by their index`() throws {
        let model = try SafetensorsDirectory(path: golden("sharded"))
        #expect(model.names == ["a", "b", "c"])
        #expect(try model.tensor(named: "b").floats() == [3, 4])
        #expect(try model.tensor(named: "c").floats() == [5])
        #expect(model.files.count == 2)
        expectFailure(.missingTensor, "no tensor d among the 3") {
            _ = try model.tensor(named: "d")
        }
    }

    static let broken: [(String, [UInt8])] = [
        ("the header's length needs 8 bytes at byte 0, but only 3", [1, 2, 3]),
        ("the header's length needs 8 bytes", []),
        ("claims 100000001 bytes; at most 100000000", HeaderBytes().number(100_000_001).bytes),
        ("claims 18446744073709551615 bytes", HeaderBytes().number(UInt64.max).bytes),
        (
            "the header needs 50 bytes at byte 8, but only 2",
            HeaderBytes().number(50).raw([1, 2]).bytes
        ),
        ("does not begin with '{'", HeaderBytes.safetensors(" {}")),
        ("header: JSON: expected a key", HeaderBytes.safetensors("{]")),
        ("not valid UTF-8", HeaderBytes().number(4).raw([0x7b, 0x22, 0xff, 0x22]).bytes),
        ("the key a at byte 8 appears twice", HeaderBytes.safetensors(#"{"a":{},"a":{}}"#)),
        ("at most 8 nested values", HeaderBytes.safetensors(#"{"a":[[[[[[[[[1]]]]]]]]]}"#)),
        ("__metadata__ is not an object", HeaderBytes.safetensors(#"{"__metadata__":1}"#)),
        ("__metadata__.a is not a string", HeaderBytes.safetensors(#"{"__metadata__":{"a":1}}"#)),
        ("tensor a has no dtype", HeaderBytes.safetensors(#"{"a":{}}"#)),
        ("has dtype X9", HeaderBytes.safetensors(#"{"a":{"dtype":"X9"}}"#)),
        ("has no shape", HeaderBytes.safetensors(#"{"a":{"dtype":"F32","shape":[-1]}}"#)),
        ("has no shape", HeaderBytes.safetensors(#"{"a":{"dtype":"F32","shape":[1.0]}}"#)),
        ("has no data_offsets", one(#""F32","shape":[1],"data_offsets":[0]"#, 4)),
        ("at bytes 4..<0", one(#""F32","shape":[1],"data_offsets":[4,0]"#, 4)),
        (
            "at bytes 0..<4 of the data, which has 3",
            one(#""F32","shape":[1],"data_offsets":[0,4]"#, 3)
        ),
        ("out of range", one(#""F32","shape":[9223372036854775807,2],"data_offsets":[0,4]"#, 4)),
        ("out of range", one(#""F32","shape":[4611686018427387904],"data_offsets":[0,4]"#, 4)),
        (
            "takes 4 bytes, but F32 of shape [2] needs 8",
            one(#""F32","shape":[2],"data_offsets":[0,4]"#, 4)
        ),
        ("it leaves a hole before it", one(#""F32","shape":[1],"data_offsets":[4,8]"#, 8)),
        ("end at byte", one(#""F32","shape":[1],"data_offsets":[0,4]"#, 8)),
        (
            "begins at byte 2 of the data, expected 4: it overlaps",
            HeaderBytes.safetensors(
                #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
                    + #""b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
                data: 4
            )
        ),
    ]

    private static func one(_ fields: String, _ data: Int) -> [UInt8] {
        HeaderBytes.safetensors(#"{"a":{"dtype":"# + fields + "}}", data: data)
    }

    @Test(arguments: broken) func `broken files say what is wrong`(text: String, bytes: [UInt8]) {
        expectFailure(.corruptFile, text) { _ = try Safetensors(parsing: MappedFile(bytes: bytes)) }
    }

    @Test func `eight-bit floats are refused but listed`() throws {
        let file = MappedFile(bytes: Self.one(#""F8_E4M3","shape":[3],"data_offsets":[0,3]"#, 3))
        expectFailure(.unsupported, "tensor a has type F8_E4M3") {
            _ = try Safetensors(parsing: file)
        }
        let listed = try Safetensors(parsing: file, allowsUnknownTypes: true)
        #expect(listed.names.isEmpty)
        #expect(listed.entries.map(\.typeName) == ["F8_E4M3"])
    }

    @Test func `an empty header holds nothing`() throws {
        let file = try Safetensors(parsing: MappedFile(bytes: HeaderBytes.safetensors("{}  ")))
        #expect(file.names.isEmpty && file.metadata.isEmpty)
    }

    static let brokenIndexes: [(String, SkeinError.Code, String)] = [
        ("{}", .corruptFile, "no object weight_map"),
        ("{", .corruptFile, "JSON: expected a key"),
        (#"{"weight_map":{"a":"../a.safetensors"}}"#, .corruptFile, "weight_map.a is not the name"),
        (#"{"weight_map":{"a":7}}"#, .corruptFile, "weight_map.a is not the name"),
        (#"{"weight_map":{"a":"absent.safetensors"}}"#, .notFound, "absent.safetensors"),
        (#"{"weight_map":{"a":"s"}}"#, .missingTensor, "places tensor a in s"),
    ]

    @Test(arguments: brokenIndexes)
    func `a broken index says what is wrong`(
        text: String,
        code: SkeinError.Code,
        message: String
    )
        throws
    {
        let folder = try TemporaryFolder()
        _ = try folder.write("s", HeaderBytes.safetensors("{}"))
        _ = try folder.write("model.safetensors.index.json", Array(text.utf8))
        expectFailure(code, message) { _ = try SafetensorsDirectory(path: folder.url.path) }
    }

    @Test func `mapping reports what the system says`() throws {
        let folder = try TemporaryFolder()
        expectFailure(.notFound, "No such file") { _ = try MappedFile(path: folder.path("absent")) }
        expectFailure(.ioFailure, "it is a directory") { _ = try MappedFile(path: folder.url.path) }
        let empty = try MappedFile(path: folder.write("empty", []))
        #expect(empty.count == 0)
        empty.release(range: 0..<10)
        #expect(empty.withUnsafeBytes { $0.isEmpty })
        let some = try MappedFile(path: folder.write("some", [1, 2, 3]))
        some.advise(.sequential)
        some.release(range: 0..<3)
        #expect(some.withUnsafeBytes { Array($0) } == [1, 2, 3])
    }
}
