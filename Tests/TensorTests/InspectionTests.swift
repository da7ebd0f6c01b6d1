import Foundation
import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct InspectionTests {
    @Test func `a GGUF file is summarised`() throws {
        let inspection = try Inspection(path: golden("types.gguf"))
        #expect(inspection.format == "gguf")
        #expect(inspection.tensors.count == 12)
        #expect(inspection.parameters == 6 + 16 + 2 + 3 + 8 * 512)
        let json = inspection.json
        #expect(json["metadata"]?["v.int64"]?.int == .min)
        #expect(json["metadata"]?["v.float32"]?.double == 0.1)
        #expect(json["metadata"]?["a.integers"]?.array?.compactMap(\.int) == [1, -2, 3])
        #expect(json["tensors"]?.array?.count == 12)
        let table = inspection.table
        #expect(table.contains("v.string              héllo\\n世界\n"))
        #expect(table.contains("Q6_K    Q6_K  2 × 256"))
        #expect(table.contains("  Q8_0: 1 tensors, 544 bytes\n"))
        #expect(table.hasSuffix("total: 12 tensors, 4123 values, \(inspection.bytes) bytes\n"))
    }

    @Test func `directories and single files of safetensors`() throws {
        let sharded = try Inspection(path: golden("sharded"))
        #expect(sharded.tensors.map(\.name) == ["a", "b", "c"])
        #expect(sharded.tensors.last?.place.file == "model-00002-of-00002.safetensors")
        let index = try Inspection(path: golden("sharded/model.safetensors.index.json"))
        #expect(index.bytes == 20)
        let single = try Inspection(path: golden("types.safetensors"))
        #expect(single.metadata.first?.value == .string("pt"))
        #expect(single.table.contains("naïve \"quoted\"\\n"))
    }

    @Test func `unreadable types are marked`() throws {
        let folder = try TemporaryFolder()
        let bytes = HeaderBytes.gguf(tensors: 1, values: 0)
            .tensor("t", [256], type: 10, offset: 0).data(84)
        let inspection = try Inspection(path: folder.write("a.gguf", bytes))
        #expect(inspection.table.contains("t       Q2_K (not readable)  256"))
        #expect(inspection.tensors.first?.bytes == 84)
        #expect(inspection.json["tensors"]?.array?.first?["readable"]?.bool == false)
    }

    @Test func `other files are refused`() throws {
        let folder = try TemporaryFolder()
        let text = try folder.write("notes.txt", Array("some text here".utf8))
        expectFailure(.unsupported, "neither GGUF nor safetensors") {
            _ = try Inspection(path: text)
        }
        expectFailure(.notFound, "cannot open") { _ = try Inspection(path: folder.path("absent")) }
        expectFailure(.notFound, "model.safetensors.index.json") {
            _ = try Inspection(path: folder.url.path)
        }
        let damaged = try folder.write("a.safetensors", [1, 2, 3])
        expectFailure(.corruptFile, "the header's length") { _ = try Inspection(path: damaged) }
    }
}
