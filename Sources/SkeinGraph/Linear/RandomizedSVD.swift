/// The leading singular vectors of a large operator, from products with a few random directions.
///
/// - Paper: Halko, Martinsson & Tropp 2011, "Finding structure with randomness", algorithm 4.4.
struct RandomizedSVD {
    /// Left vectors, one a column.
    var u: NodeMatrix
    /// Singular values, descending.
    var s: [Double]

    /// Decomposes an operator.
    ///
    /// - Parameters:
    ///   - rank: How many vectors.
    ///   - rows: The order of the operator.
    ///   - iterations: Power iterations; more for a slowly falling spectrum.
    ///   - seed: The seed of the random directions.
    ///   - compute: Where it runs.
    ///   - forward: A x.
    ///   - backward: Aᵀ x.
    init(
        rank: Int,
        rows: Int,
        iterations: Int,
        seed: SubgraphSeed,
        compute: GraphCompute,
        forward: (NodeMatrix) -> NodeMatrix,
        backward: (NodeMatrix) -> NodeMatrix
    ) {
        let width = min((rank + 10 + 7) / 8 * 8, max(rows, 1))
        let start = NodeMatrix(rows: rows, dimensions: width)
        compute.run(count: rows, size: 4096) { range in
            for row in range {
                var random = seed.random(.projection, at: row)
                for column in 0..<width { start[row, column] = random.normal() }
            }
        }
        var q = Self.orthonormal(forward(start), compute, rounds: 1)
        for _ in 0..<iterations {
            q = Self.orthonormal(backward(q), compute, rounds: 1)
            q = Self.orthonormal(forward(q), compute, rounds: 1)
        }
        q = Self.orthonormal(q, compute, rounds: 1)
        let b = backward(q)
        let inner = Self.spectrum(compute.gram(b, b), width, stride: b.stride)
        let kept = min(rank, width)
        var turn = [Double](repeating: 0, count: q.stride * kept)
        for column in 0..<kept {
            for row in 0..<width { turn[row * kept + column] = inner.v[column * width + row] }
        }
        let left = compute.multiply(q, turn, columns: kept)
        s = inner.s.prefix(kept).map { $0.squareRoot() }
        u = left
        guard kept < rank else { return }
        u = NodeMatrix(rows: rows, dimensions: rank)
        for row in 0..<rows {
            for column in 0..<kept { u[row, column] = left[row, column] }
        }
        s += .init(repeating: 0, count: rank - kept)
    }

    /// The vectors scaled by the roots of their values.
    func scaled() -> NodeMatrix {
        let z = u.copy()
        let roots = s.map { Float($0.squareRoot()) }
        for row in 0..<z.rows {
            for column in 0..<z.dimensions { z[row, column] *= roots[column] }
        }
        return z
    }

    /// The eigenvectors of the meant part of a padded Gram matrix.
    static func spectrum(_ gram: [Double], _ width: Int, stride: Int) -> JacobiSVD {
        var square = [Double](repeating: 0, count: width * width)
        for row in 0..<width {
            for column in 0..<width { square[row * width + column] = gram[row * stride + column] }
        }
        return JacobiSVD(square, count: width)
    }

    /// An orthonormal basis of the columns from their Gram matrix; a second round removes what rounding
    /// left of the first.
    static func orthonormal(
        _ y: NodeMatrix,
        _ compute: GraphCompute,
        rounds: Int = 2
    ) -> NodeMatrix {
        var q = y
        for _ in 0..<rounds {
            let width = q.dimensions
            let gram = compute.gram(q, q)
            var turn = [Double](repeating: 0, count: q.stride * width)
            if let inverse = inverseFactor(gram, width, stride: q.stride) {
                for row in 0..<width {
                    for column in row..<width {
                        turn[row * width + column] = inverse[row * width + column]
                    }
                }
            } else {
                let inner = spectrum(gram, width, stride: q.stride)
                let floor = inner.s[0] * 1e-12
                for column in 0..<width where inner.s[column] > floor {
                    let scale = 1 / inner.s[column].squareRoot()
                    for row in 0..<width {
                        turn[row * width + column] = inner.v[column * width + row] * scale
                    }
                }
            }
            q = compute.multiply(q, turn, columns: width)
        }
        return q
    }

    /// R⁻¹ for G = RᵀR, upper triangular and row-major; `nil` when G is nearly singular.
    private static func inverseFactor(_ gram: [Double], _ n: Int, stride: Int) -> [Double]? {
        var r = [Double](repeating: 0, count: n * n)
        for i in 0..<n {
            for j in i..<n {
                var sum = gram[i * stride + j]
                for k in 0..<i { sum -= r[k * n + i] * r[k * n + j] }
                if i == j {
                    guard sum > 1e-10 * gram[i * stride + i], sum > 0 else { return nil }
                    r[i * n + i] = sum.squareRoot()
                } else {
                    r[i * n + j] = sum / r[i * n + i]
                }
            }
        }
        var inverse = [Double](repeating: 0, count: n * n)
        for column in 0..<n {
            inverse[column * n + column] = 1 / r[column * n + column]
            for row in (0..<column).reversed() {
                var sum = 0.0
                for k in row + 1...column { sum -= r[row * n + k] * inverse[k * n + column] }
                inverse[row * n + column] = sum / r[row * n + row]
            }
        }
        return inverse
    }
}
