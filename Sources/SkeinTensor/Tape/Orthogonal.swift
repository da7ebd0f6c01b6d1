internal import CSkeinKernels

extension Processor {
    /// `a · b` of row-major tensors.
    func product(_ a: Tensor, _ b: Tensor) -> Tensor {
        let columns = [(start: UnsafePointer(b.pointer), rows: b.rows)]
        return product(a, packColumns(columns, width: b.width, as: .f32), b.width)
    }

    /// `a · bᵀ` of row-major tensors.
    func product(_ a: Tensor, transposed b: Tensor) -> Tensor {
        product(a, packRows(b.pointer, outputs: b.rows, inputs: b.width, as: .f32), b.rows)
    }

    private func product(_ a: Tensor, _ weights: Workspace, _ outputs: Int) -> Tensor {
        let y = Tensor(rows: a.rows, width: outputs, arena: arena)
        let rows = prepareRows(a, as: .f32)
        multiply(rows, 0..<a.rows, weights, outputs: outputs, into: y.pointer, isAdding: false)
        return y
    }

    /// The transpose.
    func transposed(_ x: Tensor) -> Tensor {
        let y = Tensor(rows: x.width, width: x.rows, arena: arena)
        transpose(x, into: y.pointer, pitch: x.rows)
        return y
    }

    /// A matrix with the same singular vectors and singular values near one, by Newton and Schulz's
    /// iteration with the quintic 3.4445, −4.7750, 2.0315.
    ///
    /// - Parameters:
    ///   - matrix: `[outputs, inputs]`.
    ///   - steps: How many iterations.
    /// - Returns: `[outputs, inputs]`.
    /// - Paper: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
    public func orthogonalized(_ matrix: Tensor, steps: Int = 5) -> Tensor {
        let isTall = matrix.rows > matrix.width
        var x = isTall ? transposed(matrix) : matrix
        let norm = Float(squaredNorm(x.pointer, x.count).squareRoot())
        x = combined(x, 1 / (norm + 1e-7), x, 0)
        let (a, b, c): (Float, Float, Float) = (3.4445, -4.7750, 2.0315)
        for _ in 0..<steps {
            let square = product(x, transposed: x)
            let mixed = combined(square, b, product(square, transposed: square), c)
            x = combined(x, a, product(mixed, x), 1)
        }
        return isTall ? transposed(x) : x
    }

    /// `x · a + y · b`.
    private func combined(_ x: Tensor, _ a: Float, _ y: Tensor, _ b: Float) -> Tensor {
        let result = Tensor(rows: x.rows, width: x.width, arena: arena)
        pool.run(count: x.count, grain: 1 << 14) { range in
            let (target, left, right) = (result.pointer, x.pointer, y.pointer)
            for index in range { target[index] = left[index] * a + right[index] * b }
        }
        return result
    }
}
