/// The leading singular vectors of a large operator, from products with a few random directions.
///
/// - Paper: Halko, Martinsson & Tropp 2011, "Finding structure with randomness", algorithm 4.4.
/// - Deviation: directions are uniform instead of normal, and the basis is made orthonormal after
///   every second product, which spans the same space in single precision.
struct RandomizedSVD {
    /// Singular values, descending.
    var s: [Double]
    /// An orthonormal basis of the range, and the left vectors in it, row-major.
    private let basis: NodeMatrix
    private let turn: [Double]
    private let rank: Int
    private let compute: GraphCompute

    /// Decomposes an operator.
    ///
    /// - Parameters:
    ///   - rank: How many vectors.
    ///   - rows: The order of the operator.
    ///   - iterations: Power iterations; more for a slowly falling spectrum.
    ///   - seed: The seed of the random directions.
    ///   - compute: Where it runs.
    ///   - forward: Writes A x.
    ///   - backward: Writes Aᵀ x.
    init(
        rank: Int,
        rows: Int,
        iterations: Int,
        seed: SubgraphSeed,
        compute: GraphCompute,
        forward: (_ x: NodeMatrix, _ y: NodeMatrix) -> Void,
        backward: (_ x: NodeMatrix, _ y: NodeMatrix) -> Void
    ) {
        let width = min((rank + 10 + 7) / 8 * 8, max(rows, 1))
        var q = NodeMatrix(rows: rows, dimensions: width)
        var y = NodeMatrix(rows: rows, dimensions: width)
        compute.run(count: rows, size: 4096) { [q] range in
            for row in range {
                var random = seed.random(.projection, at: row)
                for column in 0..<width { q[row, column] = 2 * random.unit() - 1 }
            }
        }
        forward(q, y)
        Self.orthonormalize(y, into: q, compute)
        for _ in 0..<iterations {
            backward(q, y)
            forward(y, q)
            Self.orthonormalize(q, into: y, compute)
            swap(&q, &y)
        }
        Self.orthonormalize(q, into: y, compute)
        swap(&q, &y)
        backward(q, y)
        let inner = Self.spectrum(compute.gram(y, y), width, stride: y.stride)
        let kept = min(rank, width)
        var turn = [Double](repeating: 0, count: q.stride * rank)
        for column in 0..<kept {
            for row in 0..<width { turn[row * rank + column] = inner.v[column * width + row] }
        }
        s = inner.s.prefix(kept).map { $0.squareRoot() }
        s += .init(repeating: 0, count: rank - kept)
        basis = q
        self.turn = turn
        self.rank = rank
        self.compute = compute
    }

    /// The left vectors scaled by the roots of their values.
    func scaled() -> NodeMatrix {
        var scaled = turn
        for index in scaled.indices { scaled[index] *= s[index % rank].squareRoot() }
        return compute.multiply(basis, scaled, columns: rank)
    }

    /// The eigenvectors of the meant part of a padded Gram matrix.
    static func spectrum(_ gram: [Double], _ width: Int, stride: Int) -> JacobiSVD {
        var square = [Double](repeating: 0, count: width * width)
        for row in 0..<width {
            for column in 0..<width { square[row * width + column] = gram[row * stride + column] }
        }
        return JacobiSVD(square, count: width)
    }

    /// Writes an orthonormal basis of the columns, from their Gram matrix.
    ///
    /// A second turn takes away what rounding left.
    static func orthonormalize(_ y: NodeMatrix, into q: NodeMatrix, _ compute: GraphCompute) {
        let width = y.dimensions
        let gram = compute.gram(y, y)
        var turn = [Double](repeating: 0, count: y.stride * width)
        if let inverse = inverseFactor(gram, width, stride: y.stride) {
            for row in 0..<width {
                for column in row..<width {
                    turn[row * width + column] = inverse[row * width + column]
                }
            }
        } else {
            let inner = spectrum(gram, width, stride: y.stride)
            let floor = inner.s[0] * 1e-12
            for column in 0..<width where inner.s[column] > floor {
                let scale = 1 / inner.s[column].squareRoot()
                for row in 0..<width {
                    turn[row * width + column] = inner.v[column * width + row] * scale
                }
            }
        }
        compute.multiply(y, turn, into: q)
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
