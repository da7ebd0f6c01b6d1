import Foundation
import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

/// Damaged files are read or refused with a `SkeinError`; nothing else may happen.
@Suite struct FileFuzzTests {
    /// Thousands in every run; `SKEIN_FUZZ_ITERATIONS=100000` for a long one.
    static let iterations =
        ProcessInfo.processInfo.environment["SKEIN_FUZZ_ITERATIONS"].flatMap(Int.init) ?? 4000

    private func survive(_ bytes: [UInt8], seed: UInt64, _ read: (MappedFile) throws -> Void) throws
    {
        var mutation = Mutation(seed: seed)
        var refused = 0
        for _ in 0..<Self.iterations {
            let damaged = mutation.damaged(bytes)
            do {
                try read(MappedFile(bytes: damaged))
            } catch is SkeinError {
                refused += 1
            }
        }
        #expect(refused > Self.iterations / 4, "the damage must reach the checks")
    }

    @Test func `safetensors survives damage`() throws {
        try survive(goldenBytes("types.safetensors"), seed: 11) { file in
            let model = try Safetensors(parsing: file, allowsUnknownTypes: true)
            for tensor in model.tensors.values { _ = try tensor.floats() }
        }
    }

    @Test func `GGUF survives damage`() throws {
        try survive(goldenBytes("types.gguf"), seed: 12) { file in
            let model = try GGUF(parsing: file, allowsUnknownTypes: true)
            for value in model.metadata.values {
                _ = try value.array?.values()
                _ = try value.array?.strings()
                _ = value.array?.integers()
            }
            for tensor in model.tensors.values where !tensor.dtype.isQuantized {
                _ = try tensor.floats()
            }
        }
    }

    @Test func `llama2.c files survive damage`() throws {
        var bytes = HeaderBytes()
        for value: Int32 in [8, 12, 1, 2, 1, 16, 4] { bytes = bytes.number(value) }
        let floats = 16 * 8 + 8 + 64 + 32 + 32 + 64 + 8 + 96 * 3 + 8 + 16
        try survive(bytes.bytes + [UInt8](repeating: 0, count: floats * 4), seed: 13) { file in
            for tensor in try Llama2C(parsing: file).tensors.values { _ = try tensor.floats() }
        }
    }

    @Test func `files of torch survive damage`() throws {
        let path = Files.golden("models/mamba-original/pytorch_model.bin").path
        let whole = try MappedFile(path: path)
        try survive(whole.prefix(whole.count), seed: 14) { file in
            for tensor in try TorchArchive(parsing: file).tensors.values { _ = try tensor.floats() }
        }
        // Damage that falls on the pickle alone, which is a hundredth of the file.
        let bytes = whole.prefix(whole.count)
        var mutation = Mutation(seed: 15)
        var refused = 0
        for _ in 0..<Self.iterations {
            let damaged = mutation.damaged(Array(bytes[64..<3200]))
            let file = Array(bytes[..<64]) + damaged.prefix(3136)
            let rest = bytes[min(file.count, 3200)...]
            do {
                _ = try TorchArchive(parsing: MappedFile(bytes: file + rest))
            } catch is SkeinError {
                refused += 1
            }
        }
        #expect(refused > Self.iterations / 4)
    }
}
