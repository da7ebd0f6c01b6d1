public import SkeinTensor

/// Adam with decoupled weight decay.
///
/// - Paper: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2.
public struct AdamW: UpdateRule {
    /// The decay of the first moment.
    public var beta1: Float
    /// The decay of the second moment.
    public var beta2: Float
    /// ε beside the root.
    public var epsilon: Float

    /// Creates the rule.
    public init(beta1: Float = 0.9, beta2: Float = 0.95, epsilon: Float = 1e-8) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
    }

    /// Two moments.
    public var momentCount: Int { 2 }

    /// Moves a parameter one step.
    public func update(
        _ parameter: Parameter,
        _ moments: inout [Tensor],
        _ step: UpdateStep,
        _ processor: Processor
    ) {
        let rule = AdamWStep(
            learningRate: step.learningRate,
            weightDecay: step.weightDecay,
            beta1: beta1,
            beta2: beta2,
            epsilon: epsilon,
            number: step.number,
            gradientScale: step.gradientScale
        )
        var second = moments.removeLast()
        processor.adamW(parameter, first: &moments[0], second: &second, rule)
        moments.append(second)
    }
}
