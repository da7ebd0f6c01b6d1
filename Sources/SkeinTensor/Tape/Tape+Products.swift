internal import CSkeinKernels

/// Rows made ready for a product of floats: each as long as the product's K.
struct PreparedRows {
    let workspace: Workspace
    let rows: Int
    let k: Int
}

extension Processor {
    /// Rows of a product, as they are.
    func prepareRows(_ x: Tensor) -> PreparedRows {
        let (k, stride) = (x.width, kernels.activation_bytes(DType.f32.rawValue, x.width))
        let workspace = Workspace(stride * x.rows, arena)
        pool.run(count: x.rows, grain: max(1, 1 << 15 / max(k, 1))) { [kernels] range in
            kernels.prepare(
                DType.f32.rawValue,
                workspace.storage.base + range.lowerBound * stride,
                x.pointer + range.lowerBound * k,
                k,
                range.count,
                k
            )
        }
        return PreparedRows(workspace: workspace, rows: x.rows, k: k)
    }

    /// The columns of `x` as rows of a product.
    func prepareColumns(_ x: Tensor) -> PreparedRows {
        let (k, width) = (x.rows, x.width)
        let pitch = kernels.activation_bytes(DType.f32.rawValue, k) / MemoryLayout<Float>.stride
        let workspace = Workspace(pitch * MemoryLayout<Float>.stride * width, arena)
        let target = workspace.storage.base.assumingMemoryBound(to: Float.self)
        transpose(x, into: target, pitch: pitch)
        for column in 0..<width { target[column * pitch + k] = 0 }
        return PreparedRows(workspace: workspace, rows: width, k: k)
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

    /// Rows of f32 weights in tile order: each tile is the transpose of its rows.
    func packRows(_ rows: UnsafePointer<Float>, outputs: Int, inputs: Int) -> Workspace {
        let type = DType.f32.rawValue
        let packed = Workspace(kernels.packed_bytes(type, outputs, inputs), arena)
        let tile = Int(SK_TILE_N)
        nonisolated(unsafe) let source = rows
        pool.run(count: (outputs + tile - 1) / tile, grain: 4) { [kernels] range in
            let target = packed.storage.base.assumingMemoryBound(to: Float.self)
            for first in range.map({ $0 * tile }) {
                let place = target + first * inputs
                let count = min(tile, outputs - first)
                if count < tile { place.update(repeating: 0, count: tile * inputs) }
                kernels.transpose(place, tile, source + first * inputs, inputs, count, inputs)
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
    /// - Returns: The packed weights, `[width, rows of all blocks]`.
    func packColumns(_ blocks: [(start: UnsafePointer<Float>, rows: Int)], width: Int) -> Workspace
    {
        let k = blocks.reduce(0) { $0 + $1.rows }
        let packed = Workspace(kernels.packed_bytes(DType.f32.rawValue, width, k), arena)
        let target = packed.storage.base.assumingMemoryBound(to: Float.self)
        var first = 0
        for block in blocks {
            nonisolated(unsafe) let source = block.start
            nonisolated(unsafe) let target = target
            let (base, rows) = (first, block.rows)
            pool.run(count: (rows + 15) / 16, grain: max(1, 2048 / max(width, 1))) {
                [kernels] range in
                let begin = range.lowerBound * 16
                let end = min(range.upperBound * 16, rows)
                kernels.pack_columns(
                    target,
                    source + begin * width,
                    width,
                    0,
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
    ///   - weights: Packed `[outputs, rows.k]`.
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
        let offset = range.lowerBound * kernels.activation_bytes(DType.f32.rawValue, rows.k)
        // Whole runs of the tiles that kernels take at once, where that leaves every thread some.
        let run = [4, 2].first { tiles >= $0 * pool.threads * 2 } ?? 1
        let runs = (tiles + run - 1) / run
        let steps = max(1, min(runs, pool.threads * 4))
        nonisolated(unsafe) let target = y
        pool.run(tasks: steps) { [kernels] step in
            let begin = runs * step / steps * run * tile
            var arguments = sk_matmul(
                type: DType.f32.rawValue,
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
