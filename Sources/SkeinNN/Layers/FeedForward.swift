public import SkeinTensor

/// A feed-forward layer: one projection out, a non-linearity, one projection back.
public struct FeedForward: Sendable {
    /// To the hidden width; for gated layers `[gate | up]` side by side.
    public var up: Projection
    /// The non-linearity between.
    public var activation: Prologue
    /// Back to the model's width.
    public var down: Projection

    /// Joins the parts of a layer.
    public init(up: Projection, activation: Prologue, down: Projection) {
        self.up = up
        self.activation = activation
        self.down = down
    }

    /// Returns `x + down(activation(up(prologue(x))))`.
    ///
    /// - Parameters:
    ///   - x: The residual stream, `[rows, C]`.
    ///   - prologue: The norm before the layer.
    ///   - layer: The layer's number, for the draws of dropout.
    ///   - processor: Where it runs.
    /// - Returns: The residual stream.
    public func callAsFunction(
        _ x: consuming Tensor,
        after prologue: Prologue,
        layer: Int,
        _ processor: Processor
    ) -> Tensor {
        let hidden = processor.project(x, after: prologue, through: up)
        return processor.project(
            hidden,
            after: activation,
            through: down,
            addingTo: x,
            dropoutSite: 2 * layer + 1
        )
    }
}
