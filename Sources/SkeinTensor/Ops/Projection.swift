internal import CSkeinKernels

/// Weight matrices that share their input, side by side: one fused product with one fork-join.
public struct Projection: Sendable {
    /// One matrix and the bias of its outputs.
    public struct Part: Sendable {
        /// The packed weights.
        public var matrix: PackedMatrix
        /// One value an output.
        public var bias: Vector?

        /// Joins weights and bias.
        public init(matrix: PackedMatrix, bias: Vector? = nil) {
            self.matrix = matrix
            self.bias = bias
        }
    }

    /// The matrices, in the order of their outputs.
    public let parts: [Part]
    /// K: the width of a row that enters the product.
    public let inputs: Int
    /// The sum of the parts' outputs.
    public let outputs: Int

    /// Puts matrices side by side.
    ///
    /// - Precondition: There is at least one part, and all have the same number of inputs.
    public init(_ parts: [Part]) {
        precondition(!parts.isEmpty, "a projection needs at least one matrix")
        inputs = parts[0].matrix.inputs
        for part in parts {
            precondition(
                part.matrix.inputs == parts[0].matrix.inputs,
                "inputs differ between parts"
            )
        }
        self.parts = parts
        outputs = parts.reduce(0) { $0 + $1.matrix.outputs }
    }

    /// The bytes of all packed weights.
    public var byteCount: Int { parts.reduce(0) { $0 + $1.matrix.byteCount } }
}

extension Processor {
    /// `prologue(x) · Wᵀ + bias`, or the same added to a residual.
    ///
    /// A row's result has the same bits whatever other rows the tensor holds.
    ///
    /// - Parameters:
    ///   - x: `[rows, width]`; the prologue turns the width into the projection's inputs.
    ///   - prologue: What is done to each row first.
    ///   - projection: The weights.
    ///   - residual: When given, the product is added to it: `[rows, outputs]`.
    /// - Returns: `[rows, outputs]`.
    public func project(
        _ x: Tensor,
        after prologue: Prologue = .none,
        through projection: Projection,
        addingTo residual: consuming Tensor? = nil
    ) -> Tensor {
        let weights = x.rows == 0 ? [] : projection.parts.map { $0.matrix.lend(self) }
        return project(x, after: prologue, through: projection, weights, addingTo: residual)
    }

    /// The same with weights that were lent before.
    func project(
        _ x: Tensor,
        after prologue: Prologue = .none,
        through projection: Projection,
        _ weights: [Workspace],
        addingTo residual: consuming Tensor? = nil
    ) -> Tensor {
        let before = residual?.node
        let k = projection.inputs
        precondition(prologue.outputWidth(x.width) == k, "rows of \(x.width) for \(k) inputs")
        let rows = x.rows
        let accumulates = residual != nil
        var y = residual ?? Tensor(rows: rows, width: projection.outputs, arena: arena)
        precondition(y.rows == rows && y.width == projection.outputs, "residual is misshapen")
        guard rows > 0 else { return y }
        nonisolated(unsafe) let target = y.mutablePointer(pool)
        let prepared = prepare(x, prologue, k, formats: projection.parts.map(\.matrix.format))
        let pieces = Piece.plan(projection, rows: rows, threads: pool.threads)
        let stride = projection.outputs
        pool.run(tasks: pieces.count) { [kernels] index in
            let piece = pieces[index]
            let part = projection.parts[piece.part]
            guard let activations = prepared[part.matrix.format.preparedCode] else { return }
            var arguments = sk_matmul(
                type: part.matrix.format.code,
                weights: weights[piece.part].storage.base,
                activations: activations.storage.base,
                y: target + piece.column,
                ldy: stride,
                rows: rows,
                n: part.matrix.outputs,
                k: k,
                n_begin: piece.outputs.lowerBound,
                n_end: piece.outputs.upperBound,
                bias: part.bias?.pointer,
                accumulate: accumulates ? 1 : 0,
                outliers: nil
            )
            guard let outliers = part.matrix.outliers else { return kernels.matmul(&arguments) }
            withUnsafePointer(to: outliers.table) { table in
                arguments.outliers = table
                kernels.matmul(&arguments)
            }
        }
        record(&y, project: x, after: prologue, through: projection, addingTo: before)
        return y
    }

    /// Rows as the product's kernels want them, once for each type of weights.
    private func prepare(
        _ x: Tensor,
        _ prologue: Prologue,
        _ k: Int,
        formats: [WeightFormat]
    ) -> [Int32: Workspace] {
        var prepared: [Int32: Workspace] = [:]
        for type in formats.map(\.preparedCode) where prepared[type] == nil {
            let bytes = kernels.activation_bytes(type, k) * x.rows
            prepared[type] = Workspace(bytes, arena)
        }
        let plain = prologue.isNone ? x : Tensor(rows: x.rows, width: k, arena: arena)
        let targets = prepared
        pool.run(count: x.rows, grain: max(1, 8192 / max(k, 1))) { [kernels] range in
            let rows = plain.pointer + range.lowerBound * k
            if !prologue.isNone {
                prologue.apply(
                    kernels,
                    rows,
                    x.pointer + range.lowerBound * x.width,
                    rows: range.count,
                    width: x.width
                )
            }
            for (type, workspace) in targets {
                let offset = range.lowerBound * kernels.activation_bytes(type, k)
                kernels.prepare(
                    type,
                    workspace.storage.base + offset,
                    rows,
                    k,
                    range.count,
                    k
                )
            }
        }
        return prepared
    }
}

/// Bytes borrowed from an arena for the length of an operation.
final class Workspace: Sendable {
    let storage: Storage
    private let arena: Arena?

    init(_ byteCount: Int, _ arena: Arena) {
        storage = arena.take(byteCount)
        self.arena = arena
    }

    /// Wraps memory that is nobody's to take back.
    init(_ storage: Storage) {
        self.storage = storage
        arena = nil
    }

    deinit { arena?.give(storage) }
}

/// Outputs of one part that one task computes.
private struct Piece: Sendable {
    var part: Int
    /// Where the part's first output lies in a row of the result.
    var column: Int
    var outputs: Range<Int>

    /// Splits all parts into pieces of whole tiles, large enough to be worth a claim.
    ///
    /// A part's pieces differ by one step at most and a part of more than one step has as many for
    /// each thread, so that no thread waits for another's last piece.
    static func plan(_ projection: Projection, rows: Int, threads: Int) -> [Piece] {
        let tile = Int(SK_TILE_N)
        let tiles = (projection.outputs + tile - 1) / tile
        let work = tile * projection.inputs * rows
        // Kernels for very few rows take several tiles at once.
        let step = rows == 1 ? 4 : rows < 4 ? 2 : 1
        let smallest = max(step, smallestWork / max(work, 1))
        let wanted = min(max(smallest, tiles / (threads * 8)), 64)
        var pieces: [Piece] = []
        var column = 0
        for (index, part) in projection.parts.enumerated() {
            let n = part.matrix.outputs
            let steps = ((n + tile - 1) / tile + step - 1) / step
            let needed = (steps * step + wanted - 1) / wanted
            let even = (needed + threads - 1) / threads * threads
            let count = threads == 1 ? 1 : needed == 1 ? 1 : min(even, steps)
            for number in 0..<count {
                let first = steps * number / count * step * tile
                let last = min(steps * (number + 1) / count * step * tile, n)
                pieces.append(Piece(part: index, column: column, outputs: first..<last))
            }
            column += n
        }
        return pieces
    }

    /// Products of one claim: about 2 µs.
    private static let smallestWork = 1 << 17
}
