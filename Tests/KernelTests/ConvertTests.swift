import CSkeinKernels
import Foundation
import SkeinTestSupport
import Testing

struct GoldenBlock: Decodable {
    var type: Int32
    var name: String
    var bytes: [UInt8]
    var bits: [UInt32]
}

@Suite struct ConvertTests {
    @Test(arguments: Level.all)
    func `dequantised golden blocks have the reference's bits`(level: Level) throws {
        let data = try Data(contentsOf: Files.golden("kernels/dequantize.json"))
        let cases = try JSONDecoder().decode([GoldenBlock].self, from: data)
        #expect(cases.count == 10)
        for block in cases {
            var values = [Float](repeating: .nan, count: block.bits.count)
            level.kernels.dequantize(block.type, &values, block.bytes, block.bits.count)
            #expect(values.map(\.bitPattern) == block.bits, "\(block.name)")
        }
    }

    @Test(arguments: Level.all)
    func `every half survives widening and narrowing`(level: Level) {
        let halves = (0...UInt16.max).map { $0 }
        var wide = [Float](repeating: 0, count: halves.count)
        var back = [UInt16](repeating: 0, count: halves.count)
        level.kernels.dequantize(Kind.f16, &wide, halves, halves.count)
        level.kernels.narrow(Kind.f16, &back, wide, halves.count)
        for (half, (value, result)) in zip(halves, zip(wide, back)) {
            let isNaN = half & 0x7fff > 0x7c00
            #expect(isNaN ? value.isNaN && result & 0x7fff > 0x7c00 : result == half)
            #if arch(arm64)
            #expect(isNaN || value == Float(Float16(bitPattern: half)))
            #endif
        }
    }

    @Test(arguments: Level.all, [Kind.f16, Kind.bf16])
    func `narrowing agrees with the portable level on any bits`(level: Level, type: Int32) {
        var random = SplitMix64(seed: 3)
        for count in [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 576, 20_000] {
            let values = (0..<count).map { _ in
                Float(bitPattern: UInt32.random(in: 0...(.max), using: &random))
            }
            var expected = [UInt16](repeating: 0, count: count)
            var found = expected
            Level.portable.narrow(type, &expected, values, count)
            level.kernels.narrow(type, &found, values, count)
            #expect(found == expected)
        }
    }

    @Test(arguments: Level.all)
    func `narrowing rounds ties to even and keeps the special values`(level: Level) {
        let values: [Float] = [
            1 + 0x1p-11, 1 + 0x3p-11, 65_504, 65_519.9, 65_520, .infinity, -.infinity, .nan,
            0x1p-25,
            0x1.8p-25, -0.0,
        ]
        var halves = [UInt16](repeating: 0, count: values.count)
        level.kernels.narrow(Kind.f16, &halves, values, values.count)
        #expect(halves[0..<7] == [0x3c00, 0x3c02, 0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00])
        #expect(halves[7] & 0x7fff > 0x7c00)
        #expect(halves[8...] == [0, 1, 0x8000])
        var brains = [UInt16](repeating: 0, count: 5)
        level.kernels.narrow(
            Kind.bf16,
            &brains,
            [1 + 0x1p-8, 1 + 0x3p-8, .infinity, .nan, 3.4e38],
            5
        )
        #expect(brains[0..<3] == [0x3f80, 0x3f82, 0x7f80])
        #expect(brains[3] & 0x7fff > 0x7f80)
        #expect(brains[4] == 0x7f80)
    }
}
