internal import CSkeinKernels

/// What happens to each row before it meets a weight matrix, fused with the product's own preparation.
public enum Prologue: Sendable {
    /// Nothing.
    case none
    /// `x / sqrt(mean(x²) + ε) · weight`.
    case rmsNorm(weight: Vector, epsilon: Float)
    /// `(x − mean) / sqrt(variance + ε) · weight + bias`.
    case layerNorm(weight: Vector, bias: Vector?, epsilon: Float)
    /// `silu(gate) · up` of rows that hold `[gate | up]`.
    case gatedSiLU
    /// `gelu(x)`, with the error function or its tanh approximation.
    case gelu(isApproximate: Bool)
    /// Some columns alone.
    case columns(Range<Int>)

    /// The width that leaves the prologue for rows that enter with `width`.
    func outputWidth(_ width: Int) -> Int {
        switch self {
        case .gatedSiLU: width / 2
        case .columns(let columns): columns.count
        default: width
        }
    }

    var isNone: Bool {
        if case .none = self { true } else { false }
    }

    /// Applies the prologue to rows.
    func apply(
        _ kernels: sk_kernels,
        _ y: UnsafeMutablePointer<Float>,
        _ x: UnsafePointer<Float>,
        rows: Int,
        width: Int
    ) {
        switch self {
        case .none:
            y.update(from: x, count: rows * width)
        case .rmsNorm(let weight, let epsilon):
            kernels.rms_norm(y, width, x, width, weight.pointer, rows, width, epsilon)
        case .layerNorm(let weight, let bias, let epsilon):
            kernels.layer_norm(
                y,
                width,
                x,
                width,
                weight.pointer,
                bias?.pointer,
                rows,
                width,
                epsilon
            )
        case .gatedSiLU:
            kernels.silu_gate(y, width / 2, x, width, rows, width / 2)
        case .gelu(let isApproximate):
            let gelu = isApproximate ? kernels.gelu_tanh : kernels.gelu_erf
            gelu(y, x, rows * width)
        case .columns(let columns):
            for row in 0..<rows {
                (y + row * columns.count)
                    .update(from: x + row * width + columns.lowerBound, count: columns.count)
            }
        }
    }
}

extension Processor {
    /// The prologue's result as a tensor of its own.
    public func apply(_ prologue: Prologue, to x: Tensor) -> Tensor {
        var y = Tensor(rows: x.rows, width: prologue.outputWidth(x.width), arena: arena)
        let (rows, width) = (x.rows, x.width)
        pool.run(count: rows, grain: max(1, 16384 / max(width, 1))) { [kernels, y] range in
            prologue.apply(
                kernels,
                y.pointer + range.lowerBound * y.width,
                x.pointer + range.lowerBound * width,
                rows: range.count,
                width: width
            )
        }
        record(&y, apply: prologue, to: x)
        return y
    }
}
