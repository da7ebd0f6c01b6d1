public import SkeinTensor

/// Lion: steps of one size in the direction of the sign.
///
/// - Paper: Chen et al. 2023, arXiv:2302.06675, algorithm 2.
public struct Lion: UpdateRule {
    /// The share of the moment in the direction.
    public var beta1: Float
    /// The decay of the moment.
    public var beta2: Float

    /// Creates the rule.
    public init(beta1: Float = 0.9, beta2: Float = 0.99) {
        self.beta1 = beta1
        self.beta2 = beta2
    }

    /// One moment.
    public var momentCount: Int { 1 }

    /// Moves a parameter one step.
    public func update(
        _ parameter: Parameter,
        _ moments: inout [Tensor],
        _ step: UpdateStep,
        _ processor: Processor
    ) {
        let (beta1, beta2) = (beta1, beta2)
        processor.update(parameter, &moments[0]) { value, moment, gradient in
            let slope = gradient * step.gradientScale
            let way = beta1 * moment + (1 - beta1) * slope
            let sign: Float = way > 0 ? 1 : way < 0 ? -1 : 0
            let kept = value * (1 - step.learningRate * step.weightDecay)
            return (kept - step.learningRate * sign, beta2 * moment + (1 - beta2) * slope)
        }
    }
}
