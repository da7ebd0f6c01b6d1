internal import CSkeinKernels

/// The numbers of one AdamW step.
public struct AdamWStep: Sendable, Hashable {
    /// η, what the step is multiplied by.
    public var learningRate: Float
    /// λ, the share of a value that decays, times η.
    public var weightDecay: Float
    /// The decay of the first moment.
    public var beta1: Float
    /// The decay of the second moment.
    public var beta2: Float
    /// ε beside the root.
    public var epsilon: Float
    /// The step's number, from 1.
    public var number: Int
    /// What gradients are multiplied by first.
    public var gradientScale: Float

    /// Joins the numbers.
    public init(
        learningRate: Float,
        weightDecay: Float,
        beta1: Float,
        beta2: Float,
        epsilon: Float,
        number: Int,
        gradientScale: Float
    ) {
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.number = number
        self.gradientScale = gradientScale
    }
}

extension Processor {
    /// One step of AdamW on a parameter and its two moments; the gradient becomes zeros.
    public func adamW(
        _ parameter: Parameter,
        first: inout Tensor,
        second: inout Tensor,
        _ step: AdamWStep
    ) {
        precondition(
            first.count == parameter.count && second.count == parameter.count,
            "moments of \(first.count) and \(second.count) values for \(parameter.count)"
        )
        nonisolated(unsafe) let (m, v) = (first.mutablePointer(), second.mutablePointer())
        let rule = sk_adamw(
            rate: step.learningRate,
            beta1: step.beta1,
            beta2: step.beta2,
            epsilon: step.epsilon,
            decay: step.weightDecay,
            correction1: Self.correction(step.beta1, step.number),
            correction2: Self.correction(step.beta2, step.number),
            gradient_scale: step.gradientScale
        )
        pool.run(count: parameter.count, grain: 1 << 14) { [kernels] range in
            var rule = rule
            let at = range.lowerBound
            kernels.adamw(
                parameter.pointer + at,
                m + at,
                v + at,
                parameter.gradient + at,
                range.count,
                &rule
            )
        }
    }

    /// 1 − βⁿ.
    private static func correction(_ beta: Float, _ number: Int) -> Float {
        var (power, base, left) = (1.0, Double(beta), number)
        while left > 0 {
            if left & 1 == 1 { power *= base }
            base *= base
            left >>= 1
        }
        return Float(1 - power)
    }

    /// Rewrites a parameter and one moment, value by value; the gradient becomes zeros.
    ///
    /// - Parameters:
    ///   - parameter: The parameter.
    ///   - moment: As many values.
    ///   - body: From value, moment and gradient to the new value and moment.
    public func update(
        _ parameter: Parameter,
        _ moment: inout Tensor,
        _ body: @escaping @Sendable (Float, Float, Float) -> (value: Float, moment: Float)
    ) {
        precondition(moment.count == parameter.count, "a moment of \(moment.count) values")
        nonisolated(unsafe) let target = moment.mutablePointer()
        pool.run(count: parameter.count, grain: 1 << 14) { range in
            for index in range {
                let value = parameter.pointer + index
                let new = body(value.pointee, target[index], parameter.gradient[index])
                value.pointee = new.value
                target[index] = new.moment
                parameter.gradient[index] = 0
            }
        }
    }

    /// Adds `factor` times a direction to a parameter's values after multiplying them by `keep`.
    public func move(_ parameter: Parameter, along direction: Tensor, by factor: Float, keep: Float)
    {
        precondition(direction.count == parameter.count, "a direction of \(direction.count) values")
        pool.run(count: parameter.count, grain: 1 << 14) { range in
            let (values, way) = (parameter.pointer, direction.pointer)
            for index in range { values[index] = values[index] * keep + factor * way[index] }
        }
    }

    /// Sets a parameter's gradient to zeros.
    public func clearGradient(_ parameter: Parameter) {
        pool.run(count: parameter.count, grain: 1 << 16) { range in
            (parameter.gradient + range.lowerBound).update(repeating: 0, count: range.count)
        }
    }

    /// The sum of the squares of a parameter's gradient, the same with any number of threads.
    public func squaredGradientNorm(_ parameter: Parameter) -> Double {
        squaredNorm(parameter.gradient, parameter.count)
    }

    /// The sum of the squares of values, in blocks of a fixed length.
    func squaredNorm(_ values: UnsafePointer<Float>, _ count: Int) -> Double {
        let block = 1 << 14
        let blocks = (count + block - 1) / block
        let sums = Storage(byteCount: blocks * MemoryLayout<Double>.stride)
        nonisolated(unsafe) let values = values
        pool.run(count: blocks, grain: 1) { range in
            let target = sums.base.assumingMemoryBound(to: Double.self)
            for index in range {
                let end = min((index + 1) * block, count)
                var lanes = (SIMD8<Float>.zero, SIMD8<Float>.zero)
                var sum = 0.0
                var at = index * block
                while at + 16 <= end {
                    let eight = UnsafeRawPointer(values + at).loadUnaligned(as: SIMD8<Float>.self)
                    let next = UnsafeRawPointer(values + at + 8)
                        .loadUnaligned(as: SIMD8<Float>.self)
                    lanes.0 += eight * eight
                    lanes.1 += next * next
                    at += 16
                }
                while at < end {
                    sum += Double(values[at]) * Double(values[at])
                    at += 1
                }
                target[index] = sum + Double((lanes.0 + lanes.1).sum())
            }
        }
        let results = sums.base.assumingMemoryBound(to: Double.self)
        return (0..<blocks).reduce(0) { $0 + results[$1] }
    }

    /// A tensor of zeros, as large as a parameter.
    public func moment(of parameter: Parameter) -> Tensor {
        zeros(rows: parameter.rows, width: parameter.width)
    }
}

extension Processor {
    /// Takes a gradient into its moving average and clears it.
    ///
    /// - Parameters:
    ///   - parameter: The parameter.
    ///   - moment: The average, which becomes `momentum · moment + (1 − momentum) · gradient`.
    ///   - momentum: What remains of the average.
    ///   - gradientScale: What the gradient is multiplied by first.
    ///   - isNesterov: Whether the direction looks one step ahead.
    /// - Returns: The direction: the average, or the average of the average and the gradient.
    public func direction(
        _ parameter: Parameter,
        _ moment: inout Tensor,
        momentum: Float,
        gradientScale: Float,
        isNesterov: Bool
    ) -> Tensor {
        precondition(moment.count == parameter.count, "a moment of \(moment.count) values")
        let result = Tensor(rows: moment.rows, width: moment.width, arena: arena)
        nonisolated(unsafe) let average = moment.mutablePointer()
        let share = (1 - momentum) * gradientScale
        let (ahead, now): (Float, Float) = isNesterov ? (momentum, share) : (1, 0)
        pool.run(count: parameter.count, grain: 1 << 14) { range in
            let (gradient, target) = (parameter.gradient, result.pointer)
            for index in range {
                let slope = gradient[index]
                let new = momentum * average[index] + share * slope
                average[index] = new
                target[index] = ahead * new + now * slope
                gradient[index] = 0
            }
        }
        return result
    }
}
