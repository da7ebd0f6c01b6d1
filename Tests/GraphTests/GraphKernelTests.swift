import CSkeinKernels
import Foundation
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
        let offsets: [Int64] = (0...rows).map { Int64($0 * ($0 - 1) / 2) }
        let targets = (0..<Int(offsets[rows])).map { Int32($0 * 7 % rows) }
        let values = random.normals(targets.count)
        var (y, w) = (x, z)
        for weights in [nil, values] {
            reference.pointee.sparse_times_dense(&y, offsets, targets, weights, x, width, 0, rows)
            table.pointee.sparse_times_dense(&w, offsets, targets, weights, x, width, 0, rows)
            #expect(Self.distance(y, w) < Self.tolerance)
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

    private static func distance(_ a: [Float], _ b: [Float]) -> Float {
        zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }
}
