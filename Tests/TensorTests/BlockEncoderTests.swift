import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct BlockEncoderTests {
    @Test(arguments: [DType.q8_0, .q4_0, .q4_1, .q5_0, .q5_1])
    func `small blocks have the bytes of the reference encoder`(type: DType) throws {
        let file = try Safetensors(contentsOf: golden("encodings.safetensors"))
        let x = try file.tensor(named: "x").floats()
        let expected = try file.tensor(named: type.name).withUnsafeBytes { Array($0) }
        #expect(try BlockEncoder.encode(x, as: type) == expected)
    }

    @Test func `half floats follow the hardware's rounding`() {
        for bits in UInt16.min ... .max {
            let value = HalfFloat.float(bits)
            #expect(value.isNaN || HalfFloat.bits(value) == bits)
        }
        #expect(HalfFloat.float(1) == 0x1p-24)
        #expect(HalfFloat.float(0x7bff) == 65_504)
        #expect(HalfFloat.bits(65_519.9) == 0x7bff)
        #expect(HalfFloat.bits(65_520) == 0x7c00)
        #expect(HalfFloat.bits(0x1p-25) == 0)
        #expect(HalfFloat.bits(0x1.8p-25) == 1)
        #expect(HalfFloat.bits(1 + 0x1p-11) == 0x3c00)
        #expect(HalfFloat.bits(1 + 0x1.8p-10) == 0x3c02)
        #expect(HalfFloat.float(HalfFloat.bits(.nan)).isNaN)
        #expect(HalfFloat.bits(-.infinity) == 0xfc00)
        #expect(HalfFloat.brainBits(1 + 0x1p-8) == 0x3f80)
        #expect(HalfFloat.brainBits(1 + 0x1.8p-7) == 0x3f82)
        #expect(HalfFloat.brainBits(.greatestFiniteMagnitude) == 0x7f80)
    }

    @Test(arguments: DType.allCases.filter(\.isQuantized))
    func `odd inputs are encoded or refused`(type: DType) throws {
        let count = type.blockValues
        let zeros = [Float](repeating: 0, count: count)
        #expect(try BlockEncoder.encode(zeros, as: type).count == type.blockBytes)
        #expect(try BlockEncoder.encode([], as: type) == [])
        var tiny = zeros
        tiny[0] = .leastNonzeroMagnitude
        #expect(try BlockEncoder.encode(tiny, as: type).count == type.blockBytes)
        expectFailure(.invalidArgument, "do not fill whole \(type.name) blocks") {
            _ = try BlockEncoder.encode(Array(zeros.dropLast()), as: type)
        }
        for bad in [Float.nan, .infinity, -.infinity] {
            var values = zeros
            values[3] = bad
            expectFailure(.notFinite, "value 3 is") {
                _ = try BlockEncoder.encode(values, as: type)
            }
        }
        let huge = [Float](repeating: .greatestFiniteMagnitude, count: count)
        expectFailure(.notFinite, "beyond the scales") {
            _ = try BlockEncoder.encode(huge, as: type)
        }
    }

    @Test func `integer types are refused`() {
        expectFailure(.invalidArgument, "not encoded as I8") {
            _ = try BlockEncoder.encode([1], as: .i8)
        }
    }
}
