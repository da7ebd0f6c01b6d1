internal import SkeinTensor

/// The value and the gradient of a linear classifier's objective.
struct LinearProblem {
    let kind: ClassicKind
    let x: Tensor  // (n, D)
    let turned: PackedMatrix  // (D, n)
    let labels: [Int32]
    let outputs: Int
    let strength: Double
    let penalties: [Double]  // (D)
    /// How far the features were moved, in the scale of the weights; empty if the intercept is free.
    let offsets: [Double]  // (D)
    let team: PoolTeam

    func evaluate(_ point: [Double]) throws -> (value: Double, gradient: [Double]) {
        let (n, d) = (x.rows, x.width)
        var weights = [Float](repeating: 0, count: outputs * d)
        var biases = [Float](repeating: 0, count: outputs)
        for output in 0..<outputs {
            for column in 0..<d {
                weights[output * d + column] = Float(point[output * (d + 1) + column])
            }
            biases[output] = Float(point[output * (d + 1) + d])
        }
        let scores = try team.product(x, weights, outputs: outputs, bias: biases)
        let blame = Tensor(rows: outputs, width: n, arena: team.processor.arena)
        nonisolated(unsafe) let target = blame.pointer
        nonisolated(unsafe) let source = UnsafePointer(scores.pointer)
        let parts = team.workers
        var losses = [Double](repeating: 0, count: parts)
        losses.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let losses = buffer
            let (labels, kind, outputs) = (labels, kind, outputs)
            team.processor.pool.run(tasks: parts) { part in
                var sum = 0.0
                for row in n * part / parts..<n * (part + 1) / parts {
                    let label = Int(labels[row])
                    sum += lossOf(kind, source + row * outputs, outputs, label, target + row, n)
                }
                losses[part] = sum
            }
        }
        let product = team.processor.project(
            blame,
            through: Projection([Projection.Part(matrix: turned)])
        ).values
        var value = strength * losses.reduce(0, +)
        var gradient = [Double](repeating: 0, count: point.count)
        for output in 0..<outputs {
            for column in 0..<d {
                let weight = point[output * (d + 1) + column]
                value += 0.5 * penalties[column] * weight * weight
                gradient[output * (d + 1) + column] =
                    penalties[column] * weight + strength * Double(product[output * d + column])
            }
            var sum = 0.0
            for row in 0..<n { sum += Double(target[output * n + row]) }
            gradient[output * (d + 1) + d] = strength * sum
            guard !offsets.isEmpty else { continue }
            // The penalised intercept is that of the features as given.
            var intercept = point[output * (d + 1) + d]
            for column in 0..<d { intercept -= offsets[column] * point[output * (d + 1) + column] }
            value += 0.5 * intercept * intercept
            gradient[output * (d + 1) + d] += intercept
            for column in 0..<d {
                gradient[output * (d + 1) + column] -= offsets[column] * intercept
            }
        }
        return (value, gradient)
    }
}

/// One sample's loss; writes its derivative for every output, `stride` apart.
func lossOf(
    _ kind: ClassicKind,
    _ scores: UnsafePointer<Float>,
    _ outputs: Int,
    _ label: Int,
    _ blame: UnsafeMutablePointer<Float>,
    _ stride: Int
) -> Double {
    if kind == .linearSVM {
        var loss = 0.0
        for output in 0..<outputs {
            let sign: Double = (outputs == 1 ? label == 1 : label == output) ? 1 : -1
            let slack = max(0, 1 - sign * Double(scores[output]))
            loss += slack * slack
            blame[output * stride] = Float(-2 * sign * slack)
        }
        return loss
    }
    if outputs == 1 {
        let sign: Double = label == 1 ? 1 : -1
        let margin = sign * Double(scores[0])
        let power = Elementary.exp(-abs(margin))
        let miss = margin >= 0 ? power / (1 + power) : 1 / (1 + power)
        blame[0] = Float(-sign * miss)
        return max(0, -margin) + Elementary.log(1 + power)
    }
    var top = scores[0]
    for output in 1..<outputs { top = max(top, scores[output]) }
    var sum = 0.0
    for output in 0..<outputs {
        let power = Elementary.exp(Double(scores[output] - top))
        blame[output * stride] = Float(power)
        sum += power
    }
    for output in 0..<outputs {
        blame[output * stride] = blame[output * stride] / Float(sum) - (output == label ? 1 : 0)
    }
    return Elementary.log(sum) - Double(scores[label] - top)
}

/// Minimises a smooth convex function by L-BFGS with ten pairs and halving steps.
func minimise(
    from start: [Double],
    iterations: Int,
    tolerance: Double,
    _ evaluate: ([Double]) throws -> (value: Double, gradient: [Double])
) rethrows -> [Double] {
    func dot(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for index in 0..<a.count { sum += a[index] * b[index] }
        return sum
    }
    var point = start
    var (value, gradient) = try evaluate(point)
    var pairs: [(step: [Double], change: [Double], rho: Double)] = []
    for _ in 0..<iterations {
        if gradient.allSatisfy({ abs($0) <= tolerance }) { break }
        var direction = gradient.map { -$0 }
        var alphas: [Double] = []
        for pair in pairs.reversed() {
            let alpha = pair.rho * dot(pair.step, direction)
            alphas.append(alpha)
            for index in 0..<point.count { direction[index] -= alpha * pair.change[index] }
        }
        let scale =
            pairs.last.map { 1 / ($0.rho * dot($0.change, $0.change)) }
            ?? 1 / max(dot(gradient, gradient).squareRoot(), 1)
        for index in 0..<point.count { direction[index] *= scale }
        for (pair, alpha) in zip(pairs, alphas.reversed()) {
            let beta = pair.rho * dot(pair.change, direction)
            for index in 0..<point.count { direction[index] += (alpha - beta) * pair.step[index] }
        }
        let slope = dot(gradient, direction)
        var length = 1.0
        var isFound = false
        for _ in 0..<25 {
            var next = point
            for index in 0..<point.count { next[index] += length * direction[index] }
            let (nextValue, nextGradient) = try evaluate(next)
            if nextValue <= value + 1e-4 * length * slope {
                let step = direction.map { $0 * length }
                let change = zip(nextGradient, gradient).map { $0 - $1 }
                let curvature = dot(step, change)
                if curvature > 1e-12 {
                    pairs.append((step, change, 1 / curvature))
                    if pairs.count > 10 { pairs.removeFirst() }
                }
                (point, value, gradient, isFound) = (next, nextValue, nextGradient, true)
                break
            }
            length /= 2
        }
        if !isFound { break }
    }
    return point
}
