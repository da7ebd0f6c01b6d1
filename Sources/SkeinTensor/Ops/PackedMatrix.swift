internal import CSkeinKernels
internal import SkeinCore

/// A weight matrix `[outputs, inputs]` in a level's tile order; immutable once packed.
public final class PackedMatrix: Sendable {
    /// The type of the packed weights.
    public let dtype: DType
    /// N: the number of outputs.
    public let outputs: Int
    /// K: the number of inputs.
    public let inputs: Int
    let storage: Storage

    /// The bytes that the packed weights occupy.
    public var byteCount: Int { storage.byteCount }

    /// Packs a matrix from rows in their file layout, on all threads.
    ///
    /// - Parameters:
    ///   - source: The matrix's bytes, `outputs` rows of `inputs` values.
    ///   - dtype: The type of those bytes; the packed type too.
    ///   - outputs: N.
    ///   - inputs: K.
    ///   - processor: Whose tile order to use.
    ///   - release: Called after each chunk with the range of source bytes that are done with.
    /// - Throws: `SkeinError.Code.unsupported` when no kernel multiplies by this type and shape, and
    ///   `.corruptFile` when the source is too short.
    public init(
        packing source: UnsafeRawBufferPointer,
        dtype: DType,
        outputs: Int,
        inputs: Int,
        processor: Processor,
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
        self.dtype = dtype
        self.outputs = outputs
        self.inputs = inputs
        let storage = Storage(byteCount: size)
        self.storage = storage
        let tile = Int(SK_TILE_N)
        let tiles = (outputs + tile - 1) / tile
        let tilesPerTask = max(1, (256 << 10) / max(rowBytes * tile, 1))
        let tasksPerChunk = max(
            processor.pool.threads,
            (8 << 20) / max(tilesPerTask * tile * rowBytes, 1)
        )
        nonisolated(unsafe) let from = base
        var first = 0
        while first < tiles {
            let start = first
            let end = min(tiles, start + tasksPerChunk * tilesPerTask)
            processor.pool.run(tasks: (end - start + tilesPerTask - 1) / tilesPerTask) { task in
                let begin = (start + task * tilesPerTask) * tile
                let stop = min(min(end, start + (task + 1) * tilesPerTask) * tile, outputs)
                kernels.pack(
                    dtype.rawValue,
                    storage.base,
                    from + begin * rowBytes,
                    rowBytes,
                    begin,
                    stop,
                    outputs,
                    inputs
                )
            }
            release(start * tile * rowBytes..<min(end * tile, outputs) * rowBytes)
            first = end
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
