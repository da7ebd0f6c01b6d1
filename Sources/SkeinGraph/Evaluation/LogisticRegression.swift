internal import Foundation

/// L2-regularised logistic regression with a free intercept, by Newton steps solved with conjugate
/// gradients.
///
/// - Paper: Lin, Weng & Keerthi 2008, "Trust region Newton method for logistic regression", with a
///   line search in the place of the region.
package struct LogisticRegression: Sendable {
    /// The weights, padded like the rows they meet.
    package var weights: [Float]
    /// The intercept.
    package var intercept: Float

    /// Fits the sum of ½‖w‖² and C times the logistic losses.
    ///
    /// - Parameters:
    ///   - x: One row an example.
    ///   - rows: The examples that are used.
    ///   - isPositive: Whether the example of that row is positive; same length as `rows`.
    ///   - c: The weight of the losses.
    package init(_ x: NodeMatrix, rows: [Int], isPositive: [Bool], c: Double = 1) {
        let width = x.stride
        var w = [Float](repeating: 0, count: width + 8)
        let signs = isPositive.map { $0 ? Float(1) : -1 }
        var objective = Self.objective(x, rows, signs, w, c)
        for _ in 0..<30 {
            // Gradient and curvature at w.
            var gradient = [Double](repeating: 0, count: width + 8)
            var curvature = [Float](repeating: 0, count: rows.count)
            var pull = curvature
            let z = Self.scores(x, rows, w)
            for index in rows.indices {
                let probability = 1 / (1 + exp(-signs[index] * z[index]))
                curvature[index] = Float(c) * probability * (1 - probability)
                pull[index] = Float(c) * (probability - 1) * signs[index]
            }
            let losses = Self.transposed(x, rows, pull)
            for index in gradient.indices {
                gradient[index] = Double(losses[index]) + (index < width ? Double(w[index]) : 0)
            }
            let size = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
            guard size > 1e-4 * Double(max(rows.count, 1)).squareRoot() else { break }
            let step = Self.solve(x, rows, curvature, gradient, size)
            var scale: Float = 1
            var isBetter = false
            for _ in 0..<20 {
                let trial = w.indices.map { w[$0] - scale * Float(step[$0]) }
                let value = Self.objective(x, rows, signs, trial, c)
                if value < objective {
                    isBetter = objective - value > 1e-7 * abs(objective)
                    objective = value
                    w = trial
                    break
                }
                scale /= 2
            }
            guard isBetter else { break }
        }
        weights = Array(w[..<width])
        intercept = w[width]
    }

    /// The score of a row; positive means the positive class.
    package func score(_ x: NodeMatrix, _ row: Int) -> Float {
        weights.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return intercept }
            return intercept + NodeMatrix.dot(x.base + row * x.stride, base, count: x.stride)
        }
    }

    private static func scores(_ x: NodeMatrix, _ rows: [Int], _ w: [Float]) -> [Float] {
        w.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return [] }
            return rows.map {
                NodeMatrix.dot(x.base + $0 * x.stride, base, count: x.stride) + w[x.stride]
            }
        }
    }

    /// Σ factorᵢ (xᵢ, 1).
    private static func transposed(_ x: NodeMatrix, _ rows: [Int], _ factors: [Float]) -> [Float] {
        let width = x.stride
        var sum = [Float](repeating: 0, count: width + 8)
        var total = 0.0
        sum.withUnsafeMutableBytes { sum in
            for (index, row) in rows.enumerated() where factors[index] != 0 {
                let values = UnsafeRawPointer(x.base + row * width)
                let factor = factors[index]
                total += Double(factor)
                for offset in Swift.stride(from: 0, to: width * 4, by: 32) {
                    let old = sum.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                    let value = values.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                    sum.storeBytes(
                        of: old + factor * value,
                        toByteOffset: offset,
                        as: SIMD8<Float>.self
                    )
                }
            }
        }
        sum[width] = Float(total)
        return sum
    }

    private static func objective(
        _ x: NodeMatrix,
        _ rows: [Int],
        _ signs: [Float],
        _ w: [Float],
        _ c: Double
    ) -> Double {
        var sum = 0.0
        for (z, sign) in zip(scores(x, rows, w), signs) {
            let margin = Double(z * sign)
            sum += margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin
        }
        return c * sum + w[..<x.stride].reduce(0) { $0 + Double($1) * Double($1) } / 2
    }

    /// The Newton step: (I + Xᵀ D X)⁻¹ g, to a tenth.
    private static func solve(
        _ x: NodeMatrix,
        _ rows: [Int],
        _ curvature: [Float],
        _ gradient: [Double],
        _ size: Double
    ) -> [Double] {
        var step = [Double](repeating: 0, count: gradient.count)
        var residual = gradient
        var direction = residual
        var error = size * size
        for _ in 0..<60 where error.squareRoot() > 0.1 * size {
            var z = scores(x, rows, direction.map { Float($0) })
            for index in z.indices { z[index] *= curvature[index] }
            var product = transposed(x, rows, z).map { Double($0) }
            for index in 0..<x.stride { product[index] += direction[index] }
            let bend = zip(direction, product).reduce(0) { $0 + $1.0 * $1.1 }
            guard bend > 0 else { break }
            let length = error / bend
            for index in step.indices {
                step[index] += length * direction[index]
                residual[index] -= length * product[index]
            }
            let next = residual.reduce(0) { $0 + $1 * $1 }
            for index in direction.indices {
                direction[index] = residual[index] + next / error * direction[index]
            }
            error = next
        }
        return step
    }
}
