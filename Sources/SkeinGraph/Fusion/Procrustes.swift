/// The rotation that brings one set of vectors nearest to another.
///
/// - Paper: Schönemann 1966, "A generalized solution of the orthogonal Procrustes problem".
public enum Procrustes {
    /// The rotation R that minimises ‖X R − Y‖, row-major, from paired rows.
    ///
    /// - Parameters:
    ///   - x: The vectors to turn.
    ///   - y: Where they should be; row `i` belongs to row `i` of `x`.
    ///   - compute: Where it runs.
    /// - Returns: `dimensions` times `dimensions` values.
    /// - Complexity: O(n d² + d³).
    public static func rotation(
        _ x: NodeMatrix,
        to y: NodeMatrix,
        _ compute: GraphCompute
    ) -> [Double] {
        precondition(x.rows == y.rows && x.dimensions == y.dimensions)
        let d = x.dimensions
        let gram = compute.gram(x, y)
        var square = [Double](repeating: 0, count: d * d)
        for row in 0..<d {
            for column in 0..<d { square[row * d + column] = gram[row * y.stride + column] }
        }
        return JacobiSVD(completed(square, d), count: d).rotation
    }

    /// Adds a little of the identity, so that directions without any pair are left where they are.
    private static func completed(_ square: [Double], _ d: Int) -> [Double] {
        let size = square.reduce(0) { $0 + $1 * $1 }.squareRoot()
        var result = square
        for index in 0..<d { result[index * d + index] += size * 1e-9 + 1e-30 }
        return result
    }

    /// x R.
    ///
    /// - Parameters:
    ///   - x: Vectors.
    ///   - rotation: `dimensions` times `dimensions` values, row-major.
    ///   - compute: Where it runs.
    /// - Returns: The turned vectors.
    public static func turned(
        _ x: NodeMatrix,
        _ rotation: [Double],
        _ compute: GraphCompute
    ) -> NodeMatrix {
        let d = x.dimensions
        var padded = [Double](repeating: 0, count: x.stride * d)
        for index in 0..<d * d { padded[index] = rotation[index] }
        return compute.multiply(x, padded, columns: d)
    }
}
