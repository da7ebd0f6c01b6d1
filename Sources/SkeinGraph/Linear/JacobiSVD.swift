/// The singular value decomposition of a small square matrix, by one-sided rotations.
///
/// - Paper: Hestenes 1958, "Inversion of matrices by biorthogonalization and related results".
struct JacobiSVD {
    /// The order of the matrix.
    let count: Int
    /// Left vectors, one a column, stored column after column.
    var u: [Double]
    /// Singular values, descending.
    var s: [Double]
    /// Right vectors, one a column, stored column after column.
    var v: [Double]

    /// Decomposes a row-major matrix.
    ///
    /// - Complexity: O(n³) for each of about ten sweeps.
    init(_ matrix: [Double], count n: Int) {
        precondition(matrix.count == n * n)
        var a = [Double](repeating: 0, count: n * n)
        var v = a
        for row in 0..<n {
            v[row * n + row] = 1
            for column in 0..<n { a[column * n + row] = matrix[row * n + column] }
        }
        a.withUnsafeMutableBufferPointer { a in
            v.withUnsafeMutableBufferPointer { v in
                for _ in 0..<40 where Self.sweep(&a, &v, n) == 0 { break }
            }
        }
        let lengths = (0..<n).map { column in
            a[column * n..<(column + 1) * n].reduce(0) { $0 + $1 * $1 }.squareRoot()
        }
        let order = (0..<n).sorted { (lengths[$1], $0) < (lengths[$0], $1) }
        count = n
        s = order.map { lengths[$0] }
        self.v = order.flatMap { v[$0 * n..<($0 + 1) * n] }
        u = order.flatMap { column -> [Double] in
            let scale = lengths[column] > 0 ? 1 / lengths[column] : 0
            return a[column * n..<(column + 1) * n].map { $0 * scale }
        }
    }

    /// Makes every pair of columns orthogonal once; the number of rotations that were needed.
    private static func sweep(
        _ a: inout UnsafeMutableBufferPointer<Double>,
        _ v: inout UnsafeMutableBufferPointer<Double>,
        _ n: Int
    ) -> Int {
        var rotations = 0
        for i in 0..<n {
            for j in i + 1..<max(n, i + 1) {
                var (alpha, beta, gamma) = (
                    SIMD4<Double>.zero, SIMD4<Double>.zero, SIMD4<Double>.zero
                )
                let (left, right) = (i * n, j * n)
                var k = 0
                while k + 4 <= n {
                    let x = SIMD4(a[left + k], a[left + k + 1], a[left + k + 2], a[left + k + 3])
                    let y = SIMD4(
                        a[right + k],
                        a[right + k + 1],
                        a[right + k + 2],
                        a[right + k + 3]
                    )
                    alpha += x * x
                    beta += y * y
                    gamma += x * y
                    k += 4
                }
                var (aa, bb, ab) = (alpha.sum(), beta.sum(), gamma.sum())
                while k < n {
                    aa += a[left + k] * a[left + k]
                    bb += a[right + k] * a[right + k]
                    ab += a[left + k] * a[right + k]
                    k += 1
                }
                guard abs(ab) > 1e-14 * (aa * bb).squareRoot(), ab != 0 else { continue }
                rotations += 1
                let zeta = (bb - aa) / (2 * ab)
                let t = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
                let c = 1 / (1 + t * t).squareRoot()
                rotate(&a, left, right, n, c, c * t)
                rotate(&v, left, right, n, c, c * t)
            }
        }
        return rotations
    }

    private static func rotate(
        _ a: inout UnsafeMutableBufferPointer<Double>,
        _ left: Int,
        _ right: Int,
        _ n: Int,
        _ c: Double,
        _ s: Double
    ) {
        for k in 0..<n {
            let (x, y) = (a[left + k], a[right + k])
            a[left + k] = c * x - s * y
            a[right + k] = s * x + c * y
        }
    }

    /// The nearest orthogonal matrix U Vᵀ, row-major.
    var rotation: [Double] {
        var product = [Double](repeating: 0, count: count * count)
        for k in 0..<count {
            for row in 0..<count {
                let value = u[k * count + row]
                guard value != 0 else { continue }
                for column in 0..<count {
                    product[row * count + column] += value * v[k * count + column]
                }
            }
        }
        return product
    }
}
