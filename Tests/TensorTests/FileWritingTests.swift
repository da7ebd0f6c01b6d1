import Foundation
import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct FileWritingTests {
    /// Copies a golden file tensor by tensor.
    private func copy(_ source: Safetensors, to path: String) throws {
        let plans = try source.tensors.values.map {
            try TensorPlan(name: $0.name, dtype: $0.dtype, shape: $0.shape)
        }
        let writer = try SafetensorsWriter(path: path, tensors: plans, metadata: source.metadata)
        for plan in writer.plans {
            try source.tensor(named: plan.name).withUnsafeBytes { try writer.write(plan.name, $0) }
        }
        try writer.finish()
    }

    @Test func `safetensors bytes are those of the Python package`() throws {
        let folder = try TemporaryFolder()
        try copy(Safetensors(contentsOf: golden("types.safetensors")), to: folder.path("copy"))
        let written = Array(try Data(contentsOf: folder.url.appending(path: "copy")))
        #expect(written == (try goldenBytes("types.safetensors")))
        #expect(try folder.contents == ["copy"])
    }

    @Test func `GGUF bytes are those of the Python package`() throws {
        let folder = try TemporaryFolder()
        let source = try GGUF(contentsOf: golden("types.gguf"))
        let plans = try source.names.map { name in
            let tensor = try source.tensor(named: name)
            return try TensorPlan(name: name, dtype: tensor.dtype, shape: tensor.shape)
        }
        let metadata: [(key: String, value: GGUFWriter.Value)] = [
            ("general.architecture", .string("test")), ("v.uint8", .uint8(255)),
            ("v.int8", .int8(-128)), ("v.uint16", .uint16(65_535)), ("v.int16", .int16(-32_768)),
            ("v.uint32", .uint32(.max)), ("v.int32", .int32(.min)), ("v.float32", .float32(0.1)),
            ("v.bool", .bool(true)), ("v.string", .string("héllo\n世界")),
            ("v.uint64", .uint64(.max)), ("v.int64", .int64(.min)), ("v.float64", .float64(0.1)),
            ("a.strings", .strings(["", "▁the", "é", "e\u{301}"])),
            ("a.integers", .integers([1, -2, 3])), ("a.floats", .floats([0.5, -1.25])),
            ("a.booleans", .booleans([true, false])),
        ]
        let writer = try GGUFWriter(path: folder.path("copy"), metadata: metadata, tensors: plans)
        for name in source.names {
            try source.tensor(named: name).withUnsafeBytes { try writer.write(name, $0) }
        }
        try writer.finish()
        let written = Array(try Data(contentsOf: folder.url.appending(path: "copy")))
        #expect(written == (try goldenBytes("types.gguf")))
    }

    /// Writes what `Scripts/check_formats.py` reads, into `SKEIN_WRITTEN` when that is set.
    @Test func `what is written is read again`() throws {
        let folder = try TemporaryFolder()
        let target = ProcessInfo.processInfo.environment["SKEIN_WRITTEN"] ?? folder.url.path
        var generator = SplitMix64(seed: 5)
        let x = generator.normals(4 * 256)
        let plain = try SafetensorsWriter(
            path: "\(target)/written.safetensors",
            tensors: [
                TensorPlan(name: "flag", dtype: .bool, shape: [2]),
                TensorPlan(name: "empty", dtype: .f16, shape: [0, 3]),
                TensorPlan(name: "x", dtype: .f32, shape: [4, 256]),
            ],
            metadata: ["note": "é", "format": "pt"]
        )
        #expect(plain.plans.map(\.name) == ["x", "empty", "flag"])
        try x.withUnsafeBytes { try plain.write("x", $0) }
        try plain.write("empty", UnsafeRawBufferPointer(start: nil, count: 0))
        try [1, 0].map { UInt8($0) }.withUnsafeBytes { try plain.write("flag", $0) }
        try plain.finish()
        let types: [DType] = [
            .f32, .f16, .bf16, .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K,
        ]
        let blocks = try GGUFWriter(
            path: "\(target)/written.gguf",
            metadata: [
                ("general.architecture", .string("test")), ("s", .strings(["a", "é"])),
                ("n", .int64(-3)),
            ],
            tensors: types.map { try TensorPlan(name: $0.name, dtype: $0, shape: [4, 256]) },
            alignment: 64
        )
        for type in types {
            try BlockEncoder.encode(x, as: type).withUnsafeBytes { try blocks.write(type.name, $0) }
        }
        try blocks.finish()

        let again = try Safetensors(contentsOf: "\(target)/written.safetensors")
        #expect(try again.tensor(named: "x").floats() == x)
        #expect(again.metadata == ["note": "é", "format": "pt"])
        let model = try GGUF(contentsOf: "\(target)/written.gguf")
        #expect(model.names == types.map(\.name))
        #expect(model.metadata["general.alignment"]?.int == 64)
        #expect(try model.tensor(named: "F32").floats() == x)
        for type in types {
            let bytes = try model.tensor(named: type.name).withUnsafeBytes { Array($0) }
            #expect(bytes == (try BlockEncoder.encode(x, as: type)), "\(type)")
        }
    }

    @Test func `an unfinished file leaves nothing behind`() throws {
        let folder = try TemporaryFolder()
        let plans = [try TensorPlan(name: "a", dtype: .f32, shape: [2])]
        do {
            let writer = try SafetensorsWriter(path: folder.path("a"), tensors: plans)
            expectFailure(.invalidArgument, "only 0 of 1 tensors were written; a is next") {
                try writer.finish()
            }
            #expect(try folder.contents.count == 1)
        }
        #expect(try folder.contents == [])
    }

    @Test func `a full disk is reported and the temporary file removed`() throws {
        let folder = try TemporaryFolder()
        let temporary = try folder.write("a.partial", [])
        let full = try FileHandle(forWritingTo: URL(filePath: "/dev/full"))
        do {
            let file = AtomicFile(
                path: folder.path("a"),
                temporary: temporary,
                descriptor: dup(full.fileDescriptor)
            )
            expectFailure(.ioFailure, "a after 3 bytes: No space left on device") {
                try [1, 2, 3].map { UInt8($0) }.withUnsafeBytes { try file.write($0) }
                try file.commit()
            }
        }
        #expect(try folder.contents == [])
    }

    @Test func `a folder that is absent is reported`() throws {
        let folder = try TemporaryFolder()
        expectFailure(.notFound, "cannot create") {
            _ = try SafetensorsWriter(path: folder.path("absent/a"), tensors: [])
        }
    }

    @Test func `plans and turns are checked`() throws {
        let folder = try TemporaryFolder()
        let plan = try TensorPlan(name: "a", dtype: .f32, shape: [2])
        expectFailure(.invalidArgument, "does not fill whole Q8_0 blocks of 32") {
            _ = try TensorPlan(name: "q", dtype: .q8_0, shape: [32, 31])
        }
        expectFailure(.invalidArgument, "tensor a is planned twice") {
            _ = try GGUFWriter(path: folder.path("a"), metadata: [], tensors: [plan, plan])
        }
        expectFailure(.invalidArgument, "the alignment is 48") {
            _ = try GGUFWriter(path: folder.path("a"), metadata: [], tensors: [], alignment: 48)
        }
        expectFailure(.invalidArgument, "metadata key k is given twice") {
            let pairs: [(key: String, value: GGUFWriter.Value)] = [
                ("k", .bool(true)), ("k", .int8(1)),
            ]
            _ = try GGUFWriter(path: folder.path("a"), metadata: pairs, tensors: [])
        }
        expectFailure(.invalidArgument, "type Q8_0, which safetensors lacks") {
            let block = try TensorPlan(name: "q", dtype: .q8_0, shape: [32])
            _ = try SafetensorsWriter(path: folder.path("a"), tensors: [block])
        }
        expectFailure(.invalidArgument, "at most four axes") {
            let deep = try TensorPlan(name: "d", dtype: .f32, shape: [1, 1, 1, 1, 1])
            _ = try GGUFWriter(path: folder.path("a"), metadata: [], tensors: [deep])
        }
        let writer = try SafetensorsWriter(path: folder.path("a"), tensors: [plan])
        expectFailure(.invalidArgument, "tensor b is out of turn; expected a") {
            try writer.write("b", UnsafeRawBufferPointer(start: nil, count: 0))
        }
        expectFailure(.invalidArgument, "was given 0 bytes; F32 of shape [2] needs 8") {
            try writer.write("a", UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }
}
