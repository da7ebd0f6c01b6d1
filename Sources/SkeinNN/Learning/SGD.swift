public import SkeinTensor

/// Stochastic gradient descent with momentum.
///
/// - Paper: Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning".
public struct SGD: UpdateRule {
    /// What remains of the last direction.
    public var momentum: Float
    /// Whether the gradient is taken as if at the next place.
    public var isNesterov: Bool

    /// Creates the rule.
    public init(momentum: Float = 0.9, isNesterov: Bool = false) {
        self.momentum = momentum
        self.isNesterov = isNesterov
    }

    /// One moment.
    public var momentCount: Int { 1 }

    /// Moves a parameter one step; the decay is added to the gradient.
    public func update(
        _ parameter: Parameter,
        _ moments: inout [Tensor],
        _ step: UpdateStep,
        _ processor: Processor
    ) {
        let (momentum, isNesterov) = (momentum, isNesterov)
        processor.update(parameter, &moments[0]) { value, moment, gradient in
            let slope = gradient * step.gradientScale + step.weightDecay * value
            let direction = momentum * moment + slope
            let way = isNesterov ? slope + momentum * direction : direction
            return (value - step.learningRate * way, direction)
        }
    }
}
