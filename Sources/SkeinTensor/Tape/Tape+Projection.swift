internal import CSkeinKernels

extension Processor {
    /// Records `y = prologue(x) · Wᵀ + bias (+ residual)`.
    func record(
        _ y: inout Tensor,
        project x: Tensor,
        after prologue: Prologue,
        through projection: Projection,
        addingTo residual: Int?
    ) {
        guard let tape else { return }
        let processor = unrecorded
        tape.record(&y) { dy, tape in
            tape.add(dy, to: residual, processor)
            let plain = prologue.isNone ? x : processor.apply(prologue, to: x)
            let gradient = processor.backward(dy, of: plain, through: projection)
            processor.backward(gradient, of: x, before: prologue, tape)
        }
    }

    /// Records `y = prologue(x)`.
    func record(_ y: inout Tensor, apply prologue: Prologue, to x: Tensor) {
        guard let tape else { return }
        let processor = unrecorded
        tape.record(&y) { dy, tape in processor.backward(dy, of: x, before: prologue, tape) }
    }

    /// Adds what a product contributes to its parameters.
    ///
    /// - Parameters:
    ///   - dy: The gradient of the product, `[rows, outputs]`.
    ///   - x: What entered it, `[rows, inputs]`.
    ///   - projection: Its weights; each stands on a parameter.
    ///   - transposed: What `packTransposed` gave for the weights, if they were packed before.
    /// - Returns: The gradient of `x`.
    func backward(
        _ dy: Tensor,
        of x: Tensor,
        through projection: Projection,
        transposed: Workspace? = nil
    ) -> Tensor {
        let inputs = projection.inputs
        let parameters = projection.parameters
        if !parameters.allSatisfy(\.isFrozen) {
            let columns = prepareColumns(dy, as: learningType)
            let across = packColumns(
                [(UnsafePointer(x.pointer), x.rows)],
                width: inputs,
                as: learningType
            )
            var first = 0
            for (part, parameter) in zip(projection.parts, parameters) {
                let range = first..<first + part.matrix.outputs
                first = range.upperBound
                guard !parameter.isFrozen else { continue }
                multiply(
                    columns,
                    range,
                    across,
                    outputs: inputs,
                    into: parameter.gradient,
                    isAdding: true
                )
            }
        }
        var first = 0
        for part in projection.parts {
            let range = first..<first + part.matrix.outputs
            first = range.upperBound
            if let bias = part.bias?.parameter, !bias.isFrozen {
                addColumnSums(dy, range, to: bias)
            }
        }
        let dx = Tensor(rows: x.rows, width: inputs, arena: arena)
        multiply(
            prepareRows(dy, as: learningType),
            0..<dy.rows,
            transposed ?? packTransposed(projection),
            outputs: inputs,
            into: dx.pointer,
            isAdding: false
        )
        return dx
    }

    /// The transpose of a projection's weights in tile order.
    func packTransposed(_ projection: Projection) -> Workspace {
        packColumns(
            projection.parameters.map { (UnsafePointer($0.pointer), $0.rows) },
            width: projection.inputs,
            as: learningType
        )
    }

    /// Adds the sums of some columns to a parameter.
    private func addColumnSums(_ x: Tensor, _ columns: Range<Int>, to parameter: Parameter) {
        let (rows, width, offset) = (x.rows, x.width, columns.lowerBound)
        pool.run(count: columns.count, grain: 256) { range in
            let target = parameter.gradient
            for row in 0..<rows {
                let source = x.pointer + row * width + offset
                for column in range { target[column] += source[column] }
            }
        }
    }

    /// Sends the gradient of `prologue(x)` to `x` and to the prologue's parameters.
    func backward(_ dy: consuming Tensor, of x: Tensor, before prologue: Prologue, _ tape: Tape) {
        switch prologue {
        case .none:
            tape.add(dy, to: x.node, self)
        case .rmsNorm(let weight, let epsilon):
            let gradient = dy
            backward(of: x, weight: weight, bias: nil, tape) { kernels, dx, sums, first, count in
                kernels.rms_norm_backward(
                    dx,
                    sums,
                    gradient.pointer + first * x.width,
                    x.pointer + first * x.width,
                    weight.pointer,
                    count,
                    x.width,
                    epsilon
                )
            }
        case .layerNorm(let weight, let bias, let epsilon):
            let gradient = dy
            backward(of: x, weight: weight, bias: bias, tape) { kernels, dx, sums, first, count in
                kernels.layer_norm_backward(
                    dx,
                    sums,
                    sums + x.width,
                    gradient.pointer + first * x.width,
                    x.pointer + first * x.width,
                    weight.pointer,
                    count,
                    x.width,
                    epsilon
                )
            }
        case .gatedSiLU:
            let (dx, gradient) = (Tensor(rows: x.rows, width: x.width, arena: arena), dy)
            let half = x.width / 2
            pool.run(count: x.rows, grain: max(1, 8192 / max(half, 1))) { [kernels] range in
                kernels.silu_gate_backward(
                    dx.pointer + range.lowerBound * 2 * half,
                    gradient.pointer + range.lowerBound * half,
                    x.pointer + range.lowerBound * 2 * half,
                    range.count,
                    half
                )
            }
            tape.add(dx, to: x.node, self)
        case .gelu(let isApproximate):
            let (dx, gradient) = (Tensor(rows: x.rows, width: x.width, arena: arena), dy)
            pool.run(count: x.count, grain: 8192) { [kernels] range in
                let gelu = isApproximate ? kernels.gelu_tanh_backward : kernels.gelu_erf_backward
                let first = range.lowerBound
                gelu(dx.pointer + first, gradient.pointer + first, x.pointer + first, range.count)
            }
            tape.add(dx, to: x.node, self)
        case .columns(let columns):
            var dx = tape.takeGradient(of: x, self)
            let target = dx.mutablePointer()
            for row in 0..<x.rows {
                let place = target + row * x.width + columns.lowerBound
                kernels.add(place, place, dy.pointer + row * columns.count, columns.count)
            }
            tape.putGradient(dx, of: x)
        }
    }

    /// Walks a norm's rows in blocks of a fixed height; each block has sums of its own, joined in order.
    private func backward(
        of x: Tensor,
        weight: Vector,
        bias: Vector?,
        _ tape: Tape,
        _ body:
            @escaping @Sendable (
                sk_kernels, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, Int, Int
            ) -> Void
    ) {
        var dx = tape.takeGradient(of: x, self)
        nonisolated(unsafe) let target = dx.mutablePointer(pool)
        let (height, rows, width) = (64, x.rows, x.width)
        let blocks = (rows + height - 1) / height
        let sums = zeros(rows: blocks, width: 2 * width)
        pool.run(tasks: blocks) { [kernels] block in
            let first = block * height
            body(
                kernels,
                target + first * width,
                sums.pointer + block * 2 * width,
                first,
                min(height, rows - first)
            )
        }
        for (offset, parameter) in [(0, weight.parameter), (width, bias?.parameter)] {
            guard let parameter else { continue }
            for block in 0..<blocks {
                let place = sums.pointer + block * 2 * width + offset
                kernels.add(parameter.gradient, parameter.gradient, place, width)
            }
        }
        tape.putGradient(dx, of: x)
    }
}

extension Projection {
    /// What the matrices stand on.
    ///
    /// - Precondition: Each stands on a parameter.
    fileprivate var parameters: [Parameter] {
        parts.map { part in
            guard let parameter = part.matrix.parameter else {
                preconditionFailure("a tape met weights that stand on no parameter")
            }
            return parameter
        }
    }
}
