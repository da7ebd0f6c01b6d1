internal import CSkeinKernels

/// Rows made ready for a product with weights of a float type: each as long as the product's K.
struct PreparedRows {
    let workspace: Workspace
    let dtype: DType
    let rows: Int
    let k: Int
}

extension Processor {
    /// The type that products with a parameter's weights compute in.
    var learningType: DType { learningRule?.precision.dtype ?? .f32 }

    /// Rows of a product, as they are.
    func prepareRows(_ x: Tensor, as dtype: DType) -> PreparedRows {
        let (k, stride) = (x.width, kernels.activation_bytes(dtype.rawValue, x.width))
        let workspace = Workspace(stride * x.rows, arena)
        pool.run(count: x.rows, grain: max(1, 1 << 15 / max(k, 1))) { [kernels] range in
            kernels.prepare(
                dtype.rawValue,
                workspace.storage.base + range.lowerBound * stride,
                x.pointer + range.lowerBound * k,
                k,
                range.count,
                k
            )
        }
        return PreparedRows(workspace: workspace, dtype: dtype, rows: x.rows, k: k)
    }

    /// The columns of `x` as rows of a product.
    func prepareColumns(_ x: Tensor, as dtype: DType) -> PreparedRows {
        let (k, width) = (x.rows, x.width)
        let stride = kernels.activation_bytes(dtype.rawValue, k)
        let workspace = Workspace(stride * width, arena)
        if dtype == .f32 {
            let pitch = stride / MemoryLayout<Float>.stride
            let target = workspace.storage.base.assumingMemoryBound(to: Float.self)
            transpose(x, into: target, pitch: pitch)
            for column in 0..<width { target[column * pitch + k] = 0 }
        } else {
            prepareNarrowColumns(x, workspace, dtype, stride)
        }
        return PreparedRows(workspace: workspace, dtype: dtype, rows: width, k: k)
    }

    /// A few columns at a time: what is transposed stays in a second-level cache until it is narrowed.
    private func prepareNarrowColumns(
        _ x: Tensor,
        _ workspace: Workspace,
        _ dtype: DType,
        _ stride: Int
    ) {
        let (k, width, together) = (x.rows, x.width, 16)
        pool.run(count: (width + together - 1) / together, grain: 1) { [kernels, arena] range in
            let columns = Workspace(together * k * MemoryLayout<Float>.stride, arena)
            let across = columns.storage.base.assumingMemoryBound(to: Float.self)
            for first in range.map({ $0 * together }) {
                let count = min(together, width - first)
                kernels.transpose(across, k, x.pointer + first, width, k, count)
                let target = workspace.storage.base + first * stride
                kernels.prepare(dtype.rawValue, target, across, k, count, k)
            }
        }
    }

    /// Writes the transpose of `x`, rows `pitch` values apart.
    func transpose(_ x: Tensor, into target: UnsafeMutablePointer<Float>, pitch: Int) {
        let (rows, width, block) = (x.rows, x.width, 128)
        nonisolated(unsafe) let target = target
        pool.run(count: (width + block - 1) / block, grain: 1) { [kernels] range in
            let first = range.lowerBound * block
            let count = min(range.upperBound * block, width) - first
            // Short runs of rows keep what is written in the first cache.
            for row in stride(from: 0, to: rows, by: 64) {
                kernels.transpose(
                    target + first * pitch + row,
                    pitch,
                    x.pointer + row * width + first,
                    width,
                    min(64, rows - row),
                    count
                )
            }
        }
    }

    /// Rows of f32 weights in tile order: each tile is the transpose of its rows, its steps as far
    /// apart as tiles lie abreast.
    func packRows(
        _ rows: UnsafePointer<Float>,
        outputs: Int,
        inputs: Int,
        as dtype: DType
    ) -> Workspace {
        let packed = Workspace(kernels.packed_bytes(dtype.rawValue, outputs, inputs), arena)
        let tile = Int(SK_TILE_N)
        let tiles = (outputs + tile - 1) / tile
        let most = kernels.tiles_abreast
        nonisolated(unsafe) let source = rows
        let size = MemoryLayout<Float>.stride
        // Of bf16, a pair moves as one float does.
        let units = dtype == .bf16 ? (inputs + 1) / 2 : inputs
        pool.run(count: tiles, grain: 4) { [kernels, arena] range in
            let target = packed.storage.base.assumingMemoryBound(to: Float.self)
            let narrow = dtype == .bf16 ? Workspace(tile * units * size, arena) : nil
            for index in range {
                let abreast = index < tiles / most * most ? most : 1
                let lane = index % abreast
                let place = target + ((index - lane) * units + lane) * tile
                let pitch = abreast * tile
                let first = index * tile
                let count = min(tile, outputs - first)
                if count < tile {
                    for unit in 0..<units {
                        (place + unit * pitch).update(repeating: 0, count: tile)
                    }
                }
                var from = source + first * inputs
                if let narrow = narrow?.storage.base {
                    for row in 0..<count {
                        let line = narrow + row * units * size
                        if inputs % 2 != 0 {
                            (line + (units - 1) * size).storeBytes(of: 0, as: UInt32.self)
                        }
                        kernels.narrow(dtype.rawValue, line, from + row * inputs, inputs)
                    }
                    from = UnsafePointer(narrow.assumingMemoryBound(to: Float.self))
                }
                kernels.transpose(place, pitch, from, units, count, units)
            }
        }
        return packed
    }

    /// Rows that lie one below the other in several places, packed as the columns of weights: the
    /// transpose of what they make together.
    ///
    /// - Parameters:
    ///   - blocks: Where each block starts and how many rows it has.
    ///   - width: The values in a row: the outputs of the weights.
    ///   - dtype: The type of the weights: f32 or bf16.
    /// - Returns: The packed weights, `[width, rows of all blocks]`.
    func packColumns(
        _ blocks: [(start: UnsafePointer<Float>, rows: Int)],
        width: Int,
        as dtype: DType
    ) -> Workspace {
        let k = blocks.reduce(0) { $0 + $1.rows }
        let packed = Workspace(kernels.packed_bytes(dtype.rawValue, width, k), arena)
        var first = 0
        for block in blocks {
            nonisolated(unsafe) let source = block.start
            let (base, rows) = (first, block.rows)
            pool.run(count: (rows + 15) / 16, grain: max(1, 2048 / max(width, 1))) {
                [kernels] range in
                let begin = range.lowerBound * 16
                let end = min(range.upperBound * 16, rows)
                kernels.pack_columns(
                    dtype.rawValue,
                    packed.storage.base,
                    source + begin * width,
                    width,
                    width,
                    base + begin,
                    base + end,
                    k
                )
            }
            first += block.rows
        }
        return packed
    }

    /// `y = rows · weightsᵀ`, or that added to y.
    ///
    /// - Parameters:
    ///   - rows: The rows.
    ///   - range: Which of them the product uses.
    ///   - weights: Packed `[outputs, rows.k]`, of the type that the rows were prepared for.
    ///   - outputs: N.
    ///   - y: `[range.count, outputs]`, contiguous.
    ///   - isAdding: Whether y keeps what it holds.
    func multiply(
        _ rows: PreparedRows,
        _ range: Range<Int>,
        _ weights: Workspace,
        outputs: Int,
        into y: UnsafeMutablePointer<Float>,
        isAdding: Bool
    ) {
        guard !range.isEmpty, outputs > 0 else { return }
        let tile = Int(SK_TILE_N)
        let tiles = (outputs + tile - 1) / tile
        let type = rows.dtype.rawValue
        let offset = range.lowerBound * kernels.activation_bytes(type, rows.k)
        // Whole runs of the tiles that kernels take at once, where that leaves every thread some.
        let run = [4, 2].first { tiles >= $0 * pool.threads * 2 } ?? 1
        let runs = (tiles + run - 1) / run
        let steps = max(1, min(runs, pool.threads * 4))
        nonisolated(unsafe) let target = y
        pool.run(tasks: steps) { [kernels] step in
            let begin = runs * step / steps * run * tile
            var arguments = sk_matmul(
                type: type,
                weights: weights.storage.base,
                activations: rows.workspace.storage.base + offset,
                y: target,
                ldy: outputs,
                rows: range.count,
                n: outputs,
                k: rows.k,
                n_begin: begin,
                n_end: min(runs * (step + 1) / steps * run * tile, outputs),
                bias: nil,
                accumulate: isAdding ? 1 : 0,
                outliers: nil
            )
            kernels.matmul(&arguments)
        }
    }
}
