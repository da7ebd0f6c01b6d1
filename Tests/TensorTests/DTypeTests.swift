import SkeinTensor
import Testing

@Suite struct DTypeTests {
    @Test func `bytes follow the block layout`() {
        #expect(DType.q8_0.bytes(for: 64) == 68)
        #expect(DType.q4_K.bytes(for: 256) == 144)
        #expect(DType.q4_K.bytes(for: 255) == nil)
        #expect(DType.f32.bytes(for: .max) == nil)
        #expect(DType.q6_K.name == "Q6_K")
    }
}
