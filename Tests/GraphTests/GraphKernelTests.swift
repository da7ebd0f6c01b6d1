import CSkeinKernels
import Foundation
import SkeinGraph
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct GraphKernelTests {
    /// Sums of a few hundred products in single precision, in another order.
    static let tolerance: Float = 2e-4

    @Test func `a step is the gradient of the loss`() throws {
        let width = 16
        let table = try #require(sk_kernels_for(0))
        var random = SplitMix64(seed: 1)
        let input = random.normals(2 * width)
        let output = random.normals(4 * width)
        let outputs: [Int32] = [2, 0, 3]
        func loss(_ u: [Double], _ v: [Double]) -> Double {
            outputs.enumerated().reduce(0) { sum, item in
                let row = Int(item.element) * width
                let dot = (0..<width).reduce(0.0) { $0 + u[width + $1] * v[row + $1] }
                return sum + log1p(exp(item.offset == 0 ? -dot : dot))
            }
        }
        let (u, v) = (input.map { Double($0) }, output.map { Double($0) })
        var (moved, others) = (input, output)
        let rate: Float = 0.5
        table.pointee.skipgram(&moved, &others, width, [1], 1, outputs, 3, rate)
        let h = 1e-5
        for index in 0..<2 * width {
            var (up, down) = (u, u)
            up[index] += h
            down[index] -= h
            let slope = (loss(up, v) - loss(down, v)) / (2 * h)
            #expect(abs(Double(moved[index] - input[index]) + 0.5 * slope) < 1e-5)
        }
        for index in 0..<4 * width {
            var (up, down) = (v, v)
            up[index] += h
            down[index] -= h
            let slope = (loss(u, up) - loss(u, down)) / (2 * h)
            #expect(abs(Double(others[index] - output[index]) + 0.5 * slope) < 1e-5)
        }
    }

    @Test(arguments: InstructionSet.available, [8, 16, 24, 72, 136])
    func `levels agree with the portable kernels`(level: InstructionSet, width: Int) throws {
        let reference = try #require(sk_kernels_for(0))
        let table = try #require(sk_kernels_for(level.rawValue))
        var random = SplitMix64(seed: UInt64(width))
        let rows = 37
        let x = random.normals(rows * width, deviation: 0.3)
        let z = random.normals(rows * width, deviation: 0.3)
        for count in [1, 2, 3, 4, 5, 6, 7, 8, 9, 20] {
            let outputs = (0..<count).map { Int32($0 * 5 % rows) }
            let contexts: [Int32] = [3, 36, 3, 0]
            var (a, b, c, d) = (x, z, x, z)
            reference.pointee.skipgram(&a, &b, width, contexts, 4, outputs, count, 0.1)
            table.pointee.skipgram(&c, &d, width, contexts, 4, outputs, count, 0.1)
            #expect(Self.distance(a, c) < Self.tolerance)
            #expect(Self.distance(b, d) < Self.tolerance)
        }
        var (g, h) = (
            [Double](repeating: 0, count: width * 8), [Double](repeating: 0, count: width * 8)
        )
        let narrow = Array(z[..<(rows * 8)])
        reference.pointee.gram(&g, x, width, narrow, 8, rows)
        table.pointee.gram(&h, x, width, narrow, 8, rows)
        #expect(Self.distance(g.map { Float($0) }, h.map { Float($0) }) < Self.tolerance)
        var (s, t) = (
            [Double](repeating: 0, count: width * width),
            [Double](repeating: 0, count: width * width)
        )
        x.withUnsafeBufferPointer { x in
            guard let base = x.baseAddress else { return }
            reference.pointee.gram(&s, base, width, base, width, rows)
            table.pointee.gram(&t, base, width, base, width, rows)
        }
        #expect(Self.distance(s.map { Float($0) }, t.map { Float($0) }) < Self.tolerance)
        let small = random.normals(width * 24)
        var (p, q) = (
            [Float](repeating: 0, count: rows * 24), [Float](repeating: 0, count: rows * 24)
        )
        reference.pointee.tall_times_small(&p, x, width, small, 24, rows)
        table.pointee.tall_times_small(&q, x, width, small, 24, rows)
        #expect(Self.distance(p, q) < Self.tolerance)
    }

    @Test(arguments: InstructionSet.available, [8, 16, 24, 64, 72, 80, 144])
    func `sparse products and their terms agree with sums in doubles`(
        level: InstructionSet,
        width: Int
    ) throws {
        let table = try #require(sk_kernels_for(level.rawValue))
        var random = SplitMix64(seed: UInt64(width))
        let rows = 37
        let offsets: [Int64] = (0...rows).map { Int64($0 * ($0 - 1) / 2) }
        let targets = (0..<Int(offsets[rows])).map { Int32($0 * 7 % rows) }
        func matrix(_ rows: Int, _ columns: Int) -> NodeMatrix {
            let matrix = NodeMatrix(rows: rows, dimensions: columns)
            for row in 0..<rows { matrix[row] = random.normals(columns, deviation: 0.3) }
            return matrix
        }
        let values = matrix(1, targets.count)
        let (scale, own) = (matrix(1, rows), matrix(1, rows))
        let (x, first, start) = (matrix(rows, width), matrix(rows, width), matrix(rows, width))
        var rounded = [UInt16](repeating: 0, count: rows * width)
        table.pointee.narrow(sk_type(SK_F16), &rounded, x.base, rounded.count)
        for isHalf in [false, true] {
            // The second term is the result's own matrix, as in a recurrence.
            let (y, sum) = (start.copy(), start.copy())
            var halves = rounded
            offsets.withUnsafeBufferPointer { offsets in
                targets.withUnsafeBufferPointer { targets in
                    rounded.withUnsafeBufferPointer { rounded in
                        halves.withUnsafeMutableBufferPointer { halves in
                            guard let offsets = offsets.baseAddress,
                                let targets = targets.baseAddress
                            else { return }
                            var args = sk_sparse(
                                offsets: offsets,
                                targets: targets,
                                values: values.base,
                                x: x.base,
                                halves: isHalf ? rounded.baseAddress : nil,
                                width: width,
                                y: y.base,
                                y_halves: halves.baseAddress,
                                scale: scale.base,
                                own: own.base,
                                first: first.base,
                                second: y.base,
                                sum: sum.base,
                                first_factor: -2,
                                second_factor: -1,
                                sum_factor: 0.5
                            )
                            table.pointee.sparse_times_dense(&args, 0, rows)
                        }
                    }
                }
            }
            for row in 0..<rows {
                for column in 0..<width {
                    var product = 0.0
                    for entry in Int(offsets[row])..<Int(offsets[row + 1]) {
                        let other = Int(targets[entry])
                        let half = Float(Float16(bitPattern: rounded[other * width + column]))
                        product +=
                            Double(values[0, entry]) * Double(isHalf ? half : x[other, column])
                    }
                    product *= Double(scale[0, row])
                    product += Double(own[0, row]) * Double(x[row, column])
                    product -= 2 * Double(first[row, column]) + Double(start[row, column])
                    let value = y[row, column]
                    #expect(abs(Double(value) - product) < Double(Self.tolerance))
                    let added = Double(sum[row, column] - start[row, column])
                    #expect(abs(added - product / 2) < Double(Self.tolerance))
                    #expect(halves[row * width + column] == Float16(value).bitPattern)
                }
            }
        }
    }

    private static func distance(_ a: [Float], _ b: [Float]) -> Float {
        zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }
}
