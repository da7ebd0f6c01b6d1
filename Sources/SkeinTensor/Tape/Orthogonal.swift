internal import CSkeinKernels

extension Processor {
    /// `a · b` of row-major tensors.
    func product(_ a: Tensor, _ b: Tensor) -> Tensor {
        let y = Tensor(rows: a.rows, width: b.width, arena: arena)
        let weights = packColumns([(UnsafePointer(b.pointer), b.rows)], width: b.width)
        multiply(
            prepareRows(a),
            0..<a.rows,
            weights,
            outputs: b.width,
            into: y.pointer,
            isAdding: false
        )
        return y
    }

    /// The transpose.
    func transposed(_ x: Tensor) -> Tensor {
        let y = Tensor(rows: x.width, width: x.rows, arena: arena)
        kernels.transpose(y.pointer, x.rows, x.pointer, x.width, x.rows, x.width)
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
        let norm = Float(x.values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
        x = combined(x, 1 / (norm + 1e-7))
        let (a, b, c): (Float, Float, Float) = (3.4445, -4.7750, 2.0315)
        for _ in 0..<steps {
            let square = product(x, transposed(x))
            let mixed = combined(square, b, product(square, square), c)
            x = combined(x, a, product(mixed, x), 1)
        }
        return isTall ? transposed(x) : x
    }

    /// `x · a + y · b`.
    private func combined(_ x: Tensor, _ a: Float, _ y: Tensor? = nil, _ b: Float = 0) -> Tensor {
        let result = Tensor(rows: x.rows, width: x.width, arena: arena)
        pool.run(count: x.count, grain: 1 << 14) { range in
            for index in range {
                let other = y.map { $0.pointer[index] * b } ?? 0
                result.pointer[index] = x.pointer[index] * a + other
            }
        }
        return result
    }
}
