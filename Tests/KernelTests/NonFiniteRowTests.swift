import CSkeinKernels
import SkeinTensor
import SkeinTestSupport
import Testing

/// A weight that is not finite is found in its row, whatever its type and the tile order.
@Suite struct NonFiniteRowTests {
    static let types: [DType] = [
        .f32, .f16, .bf16, .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K,
    ]
    static let rows = 19
    static let columns = 512

    /// Where the first float of a block lies, and its bits for NaN and infinity.
    static func damage(_ type: DType) -> (offset: Int, bits: [[UInt8]]) {
        switch type {
        case .f32: (0, [[0, 0, 0xc0, 0x7f], [0, 0, 0x80, 0xff]])
        case .bf16: (0, [[0xc0, 0x7f], [0x80, 0xff]])
        case .q6_K: (208, [[0, 0x7e], [0, 0xfc]])
        default: (0, [[0, 0x7e], [0, 0xfc]])
        }
    }

    /// Random codes under scales of 1.
    static func bytes(_ type: DType) -> [UInt8] {
        var random = SplitMix64(seed: 11)
        let blocks = rows * columns / type.blockValues
        return (0..<blocks).flatMap { _ -> [UInt8] in
            var block = (0..<type.blockBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
            let offset = damage(type).offset
            let last = type == .f32 ? offset + 3 : offset + 1
            block[last] = 0x3c
            if [.q4_1, .q5_1, .q4_K, .q5_K].contains(type) { block[3] = 0x3c }
            return block
        }
    }

    static func found(_ bytes: [UInt8], _ type: DType, _ processor: Processor) throws -> Int? {
        let matrix = try bytes.withUnsafeBytes {
            try PackedMatrix(
                packing: $0,
                dtype: type,
                outputs: rows,
                inputs: columns,
                processor: processor
            )
        }
        return processor.firstNonFiniteRow(of: matrix)
    }

    @Test(arguments: types, Level.all)
    func `one bad number is found in its row`(_ type: DType, _ level: Level) throws {
        let isa = try #require(InstructionSet(rawValue: level.isa))
        let processor = try Processor(threads: 2, instructionSet: isa)
        let healthy = Self.bytes(type)
        #expect(try Self.found(healthy, type, processor) == nil)
        let blocks = Self.columns / type.blockValues
        let (offset, bits) = Self.damage(type)
        for row in [0, 15, 16, 18] {
            for value in bits {
                var bytes = healthy
                let place = (row * blocks + blocks / 2) * type.blockBytes + offset
                bytes.replaceSubrange(place..<place + value.count, with: value)
                #expect(try Self.found(bytes, type, processor) == row)
            }
        }
    }
}
