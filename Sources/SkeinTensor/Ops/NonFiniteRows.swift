internal import CSkeinKernels
internal import SkeinCore

extension Processor {
    /// The first output of a packed matrix whose weights are not all finite.
    ///
    /// A product with zeros is zero wherever a weight is finite and NaN wherever one is not, whatever the
    /// type and the tile order; so nothing needs to be unpacked.
    ///
    /// - Parameter matrix: The packed weights.
    /// - Returns: The output's number, or `nil` when every weight is finite.
    public func firstNonFiniteRow(of matrix: PackedMatrix) -> Int? {
        let zeros = Tensor(
            [Float](repeating: 0, count: matrix.inputs),
            rows: 1,
            width: matrix.inputs,
            arena: arena
        )
        let product = project(zeros, through: Projection([.init(matrix: matrix)]))
        return isFinite(product) ? nil : product.values.firstIndex { !$0.isFinite }
    }

    /// The first row of a table in its file layout whose values are not all finite.
    ///
    /// - Parameter table: `[V, C]` of any type.
    /// - Returns: The row's number, or `nil` when every value is finite.
    /// - Throws: As `lookUp`.
    public func firstNonFiniteRow(of table: WeightTable) throws -> Int? {
        let rows = table.rows
        for start in stride(from: 0, to: rows, by: 64) {
            let ids = (start..<min(start + 64, rows)).map { Int32($0) }
            let values = try lookUp(table, ids: ids)
            guard !isFinite(values), let bad = values.values.firstIndex(where: { !$0.isFinite })
            else {
                continue
            }
            return start + bad / table.width
        }
        return nil
    }
}
