internal import CSkeinKernels
internal import SkeinCore

extension Processor {
    /// Chosen rows of a tensor, in the order given.
    ///
    /// - Parameters:
    ///   - x: `[rows, width]`.
    ///   - rows: Row numbers within `x`.
    /// - Returns: `[rows.count, width]`.
    public func gather(_ x: Tensor, rows: [Int32]) -> Tensor {
        if rows.count == x.rows, rows.enumerated().allSatisfy({ $0.offset == Int($0.element) }) {
            return x
        }
        var y = Tensor(rows: rows.count, width: x.width, arena: arena)
        for (place, row) in rows.enumerated() {
            precondition((0..<x.rows).contains(Int(row)), "row \(row) of \(x.rows)")
            (y.pointer + place * x.width).update(
                from: x.pointer + Int(row) * x.width,
                count: x.width
            )
        }
        record(&y, gather: x, rows)
        return y
    }

    /// Rows of a table in its file layout, as floats.
    ///
    /// - Parameters:
    ///   - table: `[V, C]` of any type.
    ///   - ids: Row numbers.
    ///   - y: When given, the rows are added to it instead.
    /// - Returns: `[ids.count, C]`.
    /// - Throws: `SkeinError.Code.invalidArgument` for an id outside the table.
    public func lookUp(
        _ table: WeightTable,
        ids: [Int32],
        addingTo y: consuming Tensor? = nil
    ) throws -> Tensor {
        let width = table.width
        let count = table.rows
        if case .plain(let record) = table, record.dtype.bytes(for: width) == nil || width == 0 {
            throw SkeinError(
                .unsupported,
                "\(record.name): rows of \(width) \(record.dtype.name) values"
            )
        }
        try Self.check(ids, rows: count, of: table.name)
        let adds = y != nil
        var result = y ?? Tensor(rows: ids.count, width: width, arena: arena)
        precondition(result.rows == ids.count && result.width == width, "sum is misshapen")
        nonisolated(unsafe) let target = result.mutablePointer()
        pool.run(count: ids.count, grain: 64) { [kernels, arena] range in
            var scratch = Tensor(rows: 1, width: width, arena: arena)
            for row in range {
                let place = target + row * width
                let to = adds ? scratch.mutablePointer() : place
                switch table {
                case .grouped(let record): record.read(Int(ids[row]), into: to)
                case .plain(let record):
                    let rowBytes = record.byteRange.count / count
                    record.withUnsafeBytes { bytes in
                        guard let base = bytes.baseAddress else { return }
                        let source = base + Int(ids[row]) * rowBytes
                        kernels.dequantize(record.dtype.rawValue, to, source, width)
                    }
                }
                if adds { kernels.add(place, place, to, width) }
            }
        }
        return result
    }

    /// Refuses row numbers outside a table.
    static func check(_ ids: [Int32], rows count: Int, of name: String) throws {
        guard let bad = ids.first(where: { $0 < 0 || Int($0) >= count }) else { return }
        throw SkeinError(
            .invalidArgument,
            "\(name) has \(count) rows, but row \(bad) was asked for",
            hint: "the tokenizer and the model come from different places"
        )
    }

    /// Whether every value is a finite number.
    public func isFinite(_ x: Tensor) -> Bool { kernels.all_finite(x.pointer, x.count) != 0 }
}

extension Processor {
    /// Packs a matrix of a checkpoint, dropping its pages as they are done with.
    ///
    /// - Parameter record: A tensor `[outputs, inputs]`.
    /// - Returns: The packed matrix.
    /// - Throws: As `PackedMatrix`'s initialiser, and `SkeinError.Code.shapeMismatch` for a tensor that
    ///   is no matrix.
    public func packed(_ record: TensorRecord) throws -> PackedMatrix {
        guard record.shape.count == 2 else {
            throw SkeinError(
                .shapeMismatch,
                "\(record.name) has shape \(record.shape), expected a matrix [outputs, inputs]"
            )
        }
        let start = record.byteRange.lowerBound
        let file = record.file
        do {
            return try record.withUnsafeBytes { bytes in
                try PackedMatrix(
                    packing: bytes,
                    dtype: record.dtype,
                    outputs: record.shape[0],
                    inputs: record.shape[1],
                    processor: self,
                    prepare: { next in
                        file.advise(.now, range: start + next.lowerBound..<start + next.upperBound)
                    },
                    release: { done in
                        file.release(range: start + done.lowerBound..<start + done.upperBound)
                    }
                )
            }
        } catch let error as SkeinError {
            throw SkeinError(error.code, "\(record.name): \(error.message)", hint: error.hint)
        }
    }
}
