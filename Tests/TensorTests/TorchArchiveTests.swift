import Foundation
import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

/// Files of `torch.save`: tensors are read, anything else is refused unexecuted.
@Suite struct TorchArchiveTests {
    /// An archive with one stored file, as `torch.save` lays it out.
    static func archive(pickle: [UInt8], method: UInt16 = 0) -> [UInt8] {
        let name = Array("a/data.pkl".utf8)
        func little(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        let sizes = little(pickle.count, 4) + little(pickle.count, 4)
        let local =
            [0x50, 0x4b, 3, 4] + little(0, 4) + little(Int(method), 2) + little(0, 8) + sizes
            + little(name.count, 2) + little(0, 2) + name + pickle
        let entry =
            [0x50, 0x4b, 1, 2] + little(0, 6) + little(Int(method), 2) + little(0, 8) + sizes
            + little(name.count, 2) + little(0, 12) + little(0, 4) + name
        let end =
            [0x50, 0x4b, 5, 6] + little(0, 4) + little(1, 2) + little(1, 2)
            + little(entry.count, 4) + little(local.count, 4) + little(0, 2)
        return local + entry + end
    }

    private static func read(_ pickle: [UInt8]) throws -> [String] {
        try TorchArchive(parsing: MappedFile(bytes: archive(pickle: pickle))).names
    }

    @Test func `names, types and values equal those of safetensors`() throws {
        let pickled = try TorchArchive(
            contentsOf: Files.golden("models/mamba-original/pytorch_model.bin").path
        )
        let plain = try Safetensors(
            contentsOf: Files.golden("models/mamba/model.safetensors").path
        )
        #expect(pickled.names.count == plain.names.count + 1)
        for (name, record) in plain.tensors {
            let old = name.replacing("embeddings", with: "embedding")
            let other = try pickled.tensor(named: old)
            #expect(other.shape == record.shape && other.dtype == record.dtype)
            #expect(try other.floats() == record.floats())
        }
    }

    @Test func `a call of anything but a tensor's maker is refused by name`() throws {
        // os.system("true"), in text and in binary spelling.
        let text = Array("cos\nsystem\n(X\u{4}\0\0\0truetR.".utf8)
        let binary: [UInt8] =
            [0x80, 4, 0x8c, 2] + Array("os".utf8) + [0x8c, 6] + Array("system".utf8)
            + [0x93, 0x8c, 4] + Array("true".utf8) + [0x85, 0x52, 0x2e]
        for pickle in [text, binary] {
            let error = try #require(throws: SkeinError.self) { try Self.read(pickle) }
            #expect(error.code == .unsupported)
            #expect(error.message.contains("os.system"))
        }
    }

    @Test func `a pickle of nothing, without an end, or of other values is refused`() throws {
        for pickle: [UInt8] in [
            [], [0x2e], [0x4e, 0x2e], Array("}".utf8), [0x28, 0x2e], [0x52, 0x2e], [0x71, 0],
            [0x68, 9, 0x2e], [0x80, 9, 0x2e],
        ] {
            #expect(throws: SkeinError.self) { try Self.read(pickle) }
        }
        #expect(try Self.read(Array("}.".utf8)).isEmpty)
    }

    @Test func `tuples within tuples exhaust no stack`() throws {
        let pickle = [UInt8](repeating: 0x4e, count: 1) + [UInt8](repeating: 0x85, count: 2_000_000)
        #expect(throws: SkeinError.self) { try Self.read(pickle + [0x2e]) }
    }

    @Test func `compressed archives are refused`() throws {
        let bytes = Self.archive(pickle: Array("}.".utf8), method: 8)
        #expect(throws: SkeinError.self) { try TorchArchive(parsing: MappedFile(bytes: bytes)) }
    }
}
