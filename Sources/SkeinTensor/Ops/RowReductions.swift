internal import CSkeinKernels

extension Processor {
    private func row(_ x: Tensor, _ row: Int) -> UnsafePointer<Float> {
        precondition((0..<x.rows).contains(row), "row \(row) of \(x.rows)")
        return UnsafePointer(x.pointer + row * x.width)
    }

    /// The first of the largest values of a row, or `nil` when none is a number.
    public func argmax(_ x: Tensor, row: Int) -> Int? {
        let index = kernels.argmax(self.row(x, row), x.width)
        return index < 0 ? nil : index
    }

    /// The places of the largest values of a row, from the largest down; the earlier of equals comes first.
    ///
    /// - Parameters:
    ///   - count: How many; all of a shorter row.
    ///   - x: The rows, without not-a-number.
    ///   - row: Which row.
    /// - Returns: Their places.
    public func largest(_ count: Int, of x: Tensor, row: Int) -> [Int] {
        let (values, width) = (self.row(x, row), x.width)
        let keep = min(count, width)
        guard keep > 0 else { return [] }
        var places = [Int32](repeating: 0, count: keep)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: keep) { kept in
            guard let kept = kept.baseAddress else { return }
            kernels.select_largest(&places, kept, keep, values, width)
        }
        return places.map(Int.init)
    }

    /// The logarithm of the sum of all exponentials of a row.
    public func logSumExp(_ x: Tensor, row: Int) -> Float {
        kernels.log_sum_exp(self.row(x, row), x.width)
    }

    /// Whether every value of a row is a finite number.
    public func isFinite(_ x: Tensor, row: Int) -> Bool {
        kernels.all_finite(self.row(x, row), x.width) != 0
    }
}
