public import SkeinTensor

/// Muon: the momentum of a matrix, made orthogonal.
///
/// For the matrices of hidden layers only.
///
/// - Paper: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; the scale that
///   lets AdamW's rate and decay serve is Liu et al. 2025, arXiv:2502.16982, eq. 4.
public struct Muon: UpdateRule {
    /// What remains of the last direction.
    public var momentum: Float
    /// Whether the gradient is taken as if at the next place.
    public var isNesterov: Bool
    /// Iterations of Newton and Schulz.
    public var iterations: Int

    /// Creates the rule.
    public init(momentum: Float = 0.95, isNesterov: Bool = true, iterations: Int = 5) {
        self.momentum = momentum
        self.isNesterov = isNesterov
        self.iterations = iterations
    }

    /// One moment.
    public var momentCount: Int { 1 }

    /// Moves a parameter one step.
    ///
    /// - Precondition: The parameter is a matrix.
    public func update(
        _ parameter: Parameter,
        _ moments: inout [Tensor],
        _ step: UpdateStep,
        _ processor: Processor
    ) {
        precondition(parameter.shape.count == 2, "Muon moves matrices, not \(parameter.shape)")
        let direction = processor.direction(
            parameter,
            &moments[0],
            momentum: momentum,
            gradientScale: step.gradientScale,
            isNesterov: isNesterov
        )
        let way = processor.orthogonalized(direction, steps: iterations)
        let scale = 0.2 * Float(max(parameter.rows, parameter.width)).squareRoot()
        processor.move(
            parameter,
            along: way,
            by: -step.learningRate * scale,
            keep: 1 - step.learningRate * step.weightDecay
        )
    }
}
