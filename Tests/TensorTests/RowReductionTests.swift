import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct RowReductionTests {
    @Test func `the largest values of a row are those of a sorted row`() throws {
        let processor = try Processor(threads: 1)
        var random = SplitMix64(seed: 5)
        for width in [1, 2, 15, 16, 17, 31, 32, 33, 100, 1000] {
            for kinds in [3, 1 << 20] {
                // Few kinds of values make many equals, of which the earlier comes first.
                let values = (0..<2 * width).map { _ in
                    Float(Int.random(in: -kinds...kinds, using: &random))
                }
                let x = Tensor(values, rows: 2, width: width, arena: processor.arena)
                for row in 0..<2 {
                    let line = Array(values[row * width..<(row + 1) * width])
                    let sorted = line.indices.sorted { (line[$1], $0) < (line[$0], $1) }
                    for count in [0, 1, 2, 13, width, width + 3] {
                        #expect(
                            processor.largest(count, of: x, row: row) == Array(sorted.prefix(count))
                        )
                    }
                }
            }
        }
    }

    @Test func `infinite values have their place`() throws {
        let processor = try Processor(threads: 1)
        var values = [Float](repeating: -.infinity, count: 40)
        (values[3], values[39]) = (1, .infinity)
        let x = Tensor(values, rows: 1, width: 40, arena: processor.arena)
        #expect(processor.largest(4, of: x, row: 0) == [39, 3, 0, 1])
    }
}
