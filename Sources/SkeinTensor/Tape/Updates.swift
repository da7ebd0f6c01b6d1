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
    /// One step of AdamW on a parameter and its two moments.
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

    /// Rewrites a parameter and one moment, value by value.
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
            }
        }
    }

    /// Adds `factor` times a direction to a parameter's values after multiplying them by `keep`.
    public func move(_ parameter: Parameter, along direction: Tensor, by factor: Float, keep: Float)
    {
        precondition(direction.count == parameter.count, "a direction of \(direction.count) values")
        pool.run(count: parameter.count, grain: 1 << 14) { range in
            for index in range {
                let value = parameter.pointer[index] * keep
                parameter.pointer[index] = value + factor * direction.pointer[index]
            }
        }
    }

    /// The sum of the squares of a parameter's gradient, the same with any number of threads.
    public func squaredGradientNorm(_ parameter: Parameter) -> Double {
        let block = 1 << 14
        let blocks = (parameter.count + block - 1) / block
        let sums = Storage(byteCount: blocks * MemoryLayout<Double>.stride)
        pool.run(count: blocks, grain: 1) { range in
            let target = sums.base.assumingMemoryBound(to: Double.self)
            for index in range {
                let end = min((index + 1) * block, parameter.count)
                var lanes = SIMD8<Float>.zero
                var sum = 0.0
                var at = index * block
                while at + 8 <= end {
                    let values = UnsafeRawPointer(parameter.gradient + at)
                        .loadUnaligned(as: SIMD8<Float>.self)
                    lanes += values * values
                    at += 8
                }
                while at < end {
                    sum += Double(parameter.gradient[at]) * Double(parameter.gradient[at])
                    at += 1
                }
                target[index] = sum + Double(lanes.sum())
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
    /// `momentum · moment + (1 − momentum) · gradient`: Nesterov's look ahead.
    public func nesterov(
        _ parameter: Parameter,
        _ moment: Tensor,
        _ momentum: Float,
        _ gradientScale: Float
    ) -> Tensor {
        let result = Tensor(rows: moment.rows, width: moment.width, arena: arena)
        let share = (1 - momentum) * gradientScale
        pool.run(count: moment.count, grain: 1 << 14) { range in
            for index in range {
                let slope = share * parameter.gradient[index]
                result.pointer[index] = momentum * moment.pointer[index] + slope
            }
        }
        return result
    }
}
