import SkeinCore
import SkeinTensor
import Testing

/// Memory that matrices share, and work that runs ahead.
@Suite struct StorageTests {
    @Test func `parts of shared blocks keep apart and outlive the allocator`() {
        var parts: [Storage] = []
        do {
            let slabs = Slabs()
            // More than one block of 64 MiB, sizes that are no multiple of a line.
            for size in [1, 63, 64, 4097, 15 << 20, 16 << 20, 12 << 20, 14 << 20, 13 << 20, 100] {
                parts.append(slabs.take(size))
            }
        }
        for (index, part) in parts.enumerated() {
            #expect(Int(bitPattern: part.base) % 64 == 0)
            part.base.initializeMemory(
                as: UInt8.self,
                repeating: UInt8(index + 1),
                count: part.byteCount
            )
        }
        for (index, part) in parts.enumerated() {
            let bytes = part.bytes(at: 0, count: part.byteCount)
            #expect(bytes.allSatisfy { $0 == UInt8(index + 1) })
        }
    }

    @Test func `large and empty matrices have memory of their own`() {
        let slabs = Slabs()
        #expect(slabs.take((16 << 20) + 1).byteCount == (16 << 20) + 1)
        #expect(slabs.take(0).byteCount == 0)
    }

    @Test func `work ahead hands over its value or its error, to any number of askers`() throws {
        let value = Ahead { 42 }
        #expect(try value.value() == 42)
        #expect(try value.value() == 42)
        let failure = Ahead<Int> { throw SkeinError(.notFound, "nothing here") }
        #expect(throws: SkeinError.self) { try failure.value() }
        #expect(throws: SkeinError.self) { try failure.value() }
    }
}
