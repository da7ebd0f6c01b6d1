internal import CSkeinKernels
internal import SkeinCore

extension Processor {
    /// Rows of a tensor in its file as floats, read on all threads.
    ///
    /// - Parameters:
    ///   - record: A tensor of floats or blocks.
    ///   - rows: Rows of its innermost axis.
    /// - Returns: The values, row by row.
    /// - Throws: `SkeinError.Code.unsupported` for integers.
    public func floats(_ record: TensorRecord, rows: Range<Int>) throws -> [Float] {
        let width = record.rowCount
        guard let rowBytes = record.dtype.bytes(for: width),
            sk_block_values(record.dtype.rawValue) > 0
        else {
            throw SkeinError(.unsupported, "\(record.name): \(record.dtype.name) holds no floats")
        }
        precondition(rows.upperBound * rowBytes <= record.byteRange.count, "rows of \(record.name)")
        return [Float](unsafeUninitializedCapacity: rows.count * width) { out, initialized in
            record.withUnsafeBytes { bytes in
                guard let source = bytes.baseAddress, let base = out.baseAddress else { return }
                nonisolated(unsafe) let (from, to) = (source + rows.lowerBound * rowBytes, base)
                pool.run(count: rows.count, grain: max(1, 65_536 / max(width, 1))) {
                    [kernels] part in
                    for row in part {
                        kernels.dequantize(
                            record.dtype.rawValue,
                            to + row * width,
                            from + row * rowBytes,
                            width
                        )
                    }
                }
            }
            initialized = rows.count * width
        }
    }
}
