internal import CSkeinKernels
internal import SkeinCore

/// A weight matrix `[outputs, inputs]` in a level's tile order; immutable once packed, or packed anew
/// from a parameter whenever a product meets it.
public final class PackedMatrix: Sendable {
    /// How the packed weights are stored.
    public let format: WeightFormat
    /// N: the number of outputs.
    public let outputs: Int
    /// K: the number of inputs.
    public let inputs: Int
    /// The packed weights; for a parameter's matrix, its values in row order.
    private let storage: Storage
    /// The packed weights to lend, which are nobody's to take back.
    let own: Workspace
    let outliers: PackedOutliers?
    /// What it stands on while it learns.
    public let parameter: Parameter?

    /// The bytes that the packed weights occupy.
    public var byteCount: Int { storage.byteCount + (outliers?.byteCount ?? 0) }

    /// Stands on a parameter.
    ///
    /// - Precondition: The parameter is a matrix `[outputs, inputs]`.
    public init(_ parameter: Parameter) {
        precondition(
            parameter.shape.count == 2,
            "\(parameter.name) is no matrix: \(parameter.shape)"
        )
        format = .plain(.f32)
        outliers = nil
        outputs = parameter.shape[0]
        inputs = parameter.shape[1]
        storage = parameter.storage
        own = Workspace(storage)
        self.parameter = parameter
    }

    /// The weights in tile order, for as long as the result lives.
    func lend(_ processor: Processor) -> Workspace {
        guard let parameter else { return own }
        return processor.packRows(
            parameter.pointer,
            outputs: outputs,
            inputs: inputs,
            as: processor.learningType
        )
    }

    /// How the weights that a processor is lent are stored.
    func lentFormat(_ processor: Processor) -> WeightFormat {
        parameter == nil ? format : .plain(processor.learningType)
    }

    /// Packs a matrix from rows in their file layout, on all threads.
    ///
    /// - Parameters:
    ///   - source: The matrix's bytes, `outputs` rows of `inputs` values.
    ///   - dtype: The type of those bytes; the packed type too.
    ///   - outputs: N.
    ///   - inputs: K.
    ///   - processor: Whose tile order to use.
    ///   - prepare: Called by each task with the range of source bytes that it is about to read.
    ///   - release: Called after each chunk with the range of source bytes that are done with.
    /// - Throws: `SkeinError.Code.unsupported` when no kernel multiplies by this type and shape, and
    ///   `.corruptFile` when the source is too short.
    public init(
        packing source: UnsafeRawBufferPointer,
        dtype: DType,
        outputs: Int,
        inputs: Int,
        processor: Processor,
        prepare: @escaping @Sendable (Range<Int>) -> Void = { _ in },
        release: (Range<Int>) -> Void = { _ in }
    ) throws {
        let kernels = processor.kernels
        let size = kernels.packed_bytes(dtype.rawValue, outputs, inputs)
        guard size > 0, let rowBytes = dtype.bytes(for: inputs) else {
            throw SkeinError(
                .unsupported,
                "no matrix product for \(dtype.name) with \(inputs) inputs; rows must fill whole blocks"
                    + " of \(dtype.blockValues)"
            )
        }
        guard source.count >= rowBytes * outputs, let base = source.baseAddress else {
            throw SkeinError(
                .corruptFile,
                "a \(dtype.name) matrix [\(outputs), \(inputs)] needs \(rowBytes * outputs) bytes, got"
                    + " \(source.count)"
            )
        }
        format = .plain(dtype)
        outliers = nil
        parameter = nil
        self.outputs = outputs
        self.inputs = inputs
        let storage = processor.slabs.take(size)
        self.storage = storage
        own = Workspace(storage)
        nonisolated(unsafe) let from = base
        Self.pack(
            outputs,
            into: storage,
            processor.pool,
            rowBytes: rowBytes,
            abreast: kernels.tiles_abreast,
            release: release
        ) { rows in
            prepare(rows.lowerBound * rowBytes..<rows.upperBound * rowBytes)
            kernels.pack(
                dtype.rawValue,
                storage.base,
                from + rows.lowerBound * rowBytes,
                rowBytes,
                rows.lowerBound,
                rows.upperBound,
                outputs,
                inputs
            )
        }
    }

    /// Packs grouped codes, on all threads.
    ///
    /// - Parameters:
    ///   - record: The codes, scales and outliers.
    ///   - processor: Whose tile order to use.
    /// - Throws: `SkeinError.Code.unsupported` when no kernel multiplies by this format.
    public init(packing record: GroupedRecord, processor: Processor) throws {
        let kernels = processor.kernels
        let code = record.format.code
        let (outputs, inputs) = (record.outputs, record.inputs)
        let size = kernels.packed_bytes(code, outputs, inputs)
        guard size > 0 || outputs * inputs == 0 else {
            throw SkeinError(.unsupported, "no matrix product for \(record.format.name)")
        }
        format = .grouped(record.format)
        self.outputs = outputs
        self.inputs = inputs
        let storage = processor.slabs.take(size)
        self.storage = storage
        own = Workspace(storage)
        parameter = nil
        outliers = record.outliers == 0 ? nil : PackedOutliers(record)
        let rowBytes = record.format.codeBytes(inputs: inputs)
        let scaleBytes = record.format.groups(inputs: inputs) * 2
        let expanded = record.expandedScales()
        record.withBytes(.codes) { codes in
            record.withScales(expanded) { scales in
                record.withBytes(.minimums) { minimums in
                    guard let codes = codes.baseAddress, let scales = scales.baseAddress else {
                        return
                    }
                    nonisolated(unsafe) let sources = (codes, scales, minimums.baseAddress)
                    Self.pack(outputs, into: storage, processor.pool, rowBytes: rowBytes) { rows in
                        let scale = rows.lowerBound * scaleBytes
                        var from = sk_grouped_rows(
                            codes: (sources.0 + rows.lowerBound * rowBytes).assumingMemoryBound(
                                to: UInt8.self
                            ),
                            scales: (sources.1 + scale).assumingMemoryBound(to: UInt8.self),
                            minimums: sources.2.map {
                                ($0 + scale).assumingMemoryBound(to: UInt8.self)
                            }
                        )
                        kernels.pack_grouped(
                            code,
                            storage.base,
                            &from,
                            rows.lowerBound,
                            rows.upperBound,
                            outputs,
                            inputs
                        )
                    }
                }
            }
        }
        record.release()
    }

    /// Runs a closure over all rows, a few tiles a call.
    private static func pack(
        _ outputs: Int,
        into storage: Storage,
        _ pool: ThreadPool,
        rowBytes: Int,
        abreast: Int = 1,
        release: (Range<Int>) -> Void = { _ in },
        _ body: @escaping @Sendable (Range<Int>) -> Void
    ) {
        let size = storage.byteCount
        let tile = Int(SK_TILE_N)
        let tiles = (outputs + tile - 1) / tile
        // A task fills the tiles that begin in one huge page, and those abreast of them, so that no
        // two threads meet at a fresh page: both would clear it, and one in vain.
        let tileBytes = max(size / max(tiles, 1), 1)
        let pages = (size + Storage.hugePage - 1) / Storage.hugePage
        @Sendable func firstTile(_ page: Int) -> Int {
            let first = (page * Storage.hugePage + tileBytes - 1) / tileBytes
            return min(tiles, (first + abreast - 1) / abreast * abreast)
        }
        let pagesPerChunk = 4 * pool.threads
        for start in stride(from: 0, to: pages, by: pagesPerChunk) {
            let end = min(pages, start + pagesPerChunk)
            pool.run(tasks: end - start) { task in
                let begin = firstTile(start + task) * tile
                let stop = min(firstTile(start + task + 1) * tile, outputs)
                if begin < stop { body(begin..<stop) }
            }
            let done = min(firstTile(end) * tile, outputs)
            release(min(firstTile(start) * tile, outputs) * rowBytes..<done * rowBytes)
        }
    }
}

extension Processor {
    /// Packs floats as a float type.
    ///
    /// - Parameters:
    ///   - values: `outputs · inputs` values, row by row.
    ///   - dtype: f32, f16 or bf16.
    ///   - outputs: N.
    ///   - inputs: K.
    /// - Returns: The packed matrix.
    /// - Throws: As `PackedMatrix`'s initialiser.
    public func packed(
        _ values: [Float],
        as dtype: DType,
        outputs: Int,
        inputs: Int
    ) throws -> PackedMatrix {
        let narrow = Storage(byteCount: values.count * dtype.blockBytes)
        values.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            kernels.narrow(dtype.rawValue, narrow.base, base, source.count)
        }
        return try PackedMatrix(
            packing: UnsafeRawBufferPointer(start: narrow.base, count: narrow.byteCount),
            dtype: dtype,
            outputs: outputs,
            inputs: inputs,
            processor: self
        )
    }
}
