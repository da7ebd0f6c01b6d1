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
    /// The types that rows are prepared for, each once, unless a part stands on a parameter.
    private let fixedCodes: [sk_type]?
    /// The packed weights, unless a part stands on a parameter that changes.
    private let fixedWeights: [Workspace]?

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
        let isFixed = parts.allSatisfy { $0.matrix.parameter == nil }
        fixedWeights = isFixed ? parts.map(\.matrix.own) : nil
        fixedCodes = isFixed ? Self.distinct(parts.map(\.matrix.format.preparedCode)) : nil
    }

    private static func distinct(_ codes: [sk_type]) -> [sk_type] {
        var distinct: [sk_type] = []
        for code in codes where !distinct.contains(code) { distinct.append(code) }
        return distinct
    }

    /// The types that rows are prepared for, each once.
    func preparedCodes(_ processor: Processor) -> [sk_type] {
        fixedCodes ?? Self.distinct(parts.map { $0.matrix.lentFormat(processor).preparedCode })
    }

    /// The weights of all parts in tile order, for as long as the result lives.
    func lend(_ processor: Processor) -> [Workspace] {
        fixedWeights ?? parts.map { $0.matrix.lend(processor) }
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
        let weights = x.rows == 0 ? [] : projection.lend(self)
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
        let prepared = prepare(x, prologue, projection)
        let calls = calls(
            projection,
            weights,
            prepared,
            rows: rows,
            target: target,
            accumulates: accumulates
        )
        calls.withUnsafeBufferPointer { calls in
            guard let base = calls.baseAddress else { return }
            // A pointer and one function: threads that counted references here would wait for each other.
            nonisolated(unsafe) let (first, matmul) = (base, kernels.matmul)
            pool.run(tasks: calls.count) { matmul(first + $0) }
        }
        // What the calls point to must outlive them.
        withExtendedLifetime((weights, prepared, projection)) {}
        record(&y, project: x, after: prologue, through: projection, addingTo: before)
        return y
    }

    /// Rows as the product's kernels want them, for each of the projection's types.
    private func prepare(
        _ x: Tensor,
        _ prologue: Prologue,
        _ projection: Projection
    ) -> [Workspace] {
        let k = projection.inputs
        let codes = projection.preparedCodes(self)
        let targets = codes.map { Workspace(kernels.activation_bytes($0, k) * x.rows, arena) }
        let plain = prologue.isNone ? x : Tensor(rows: x.rows, width: k, arena: arena)
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
            for (code, workspace) in zip(codes, targets) {
                let offset = range.lowerBound * kernels.activation_bytes(code, k)
                kernels.prepare(code, workspace.storage.base + offset, rows, k, range.count, k)
            }
        }
        return targets
    }

    /// The product as calls of the kernel, each for some whole tiles of one part's outputs, and where there
    /// are few tiles, for some of the rows.
    ///
    /// The first calls are large, the last as small as is worth a claim, so that no thread waits long
    /// for another's last.
    private func calls(
        _ projection: Projection,
        _ weights: [Workspace],
        _ prepared: [Workspace],
        rows: Int,
        target: UnsafeMutablePointer<Float>,
        accumulates: Bool
    ) -> [sk_matmul] {
        let tile = Int(SK_TILE_N)
        let k = projection.inputs
        var left = (projection.outputs + tile - 1) / tile
        var column = 0
        let codes = projection.preparedCodes(self)
        var calls: [sk_matmul] = []
        calls.reserveCapacity(projection.parts.count + 24)
        for (part, workspace) in zip(projection.parts, weights) {
            let matrix = part.matrix
            let format = matrix.lentFormat(self)
            guard let index = codes.firstIndex(of: format.preparedCode) else { continue }
            let tiles = (matrix.outputs + tile - 1) / tile
            let tileBytes = max(matrix.byteCount / max(tiles, 1), 1)
            let smallest = min(
                Self.smallestWork / max(tile * k * rows, 1),
                Self.smallestBytes / tileBytes
            )
            let step = format.tilesTogether(rows: rows)
            var call = sk_matmul(
                type: format.code,
                weights: UnsafeRawPointer(workspace.storage.base),
                activations: UnsafeRawPointer(prepared[index].storage.base),
                y: target + column,
                ldy: projection.outputs,
                rows: rows,
                n: matrix.outputs,
                k: k,
                n_begin: 0,
                n_end: 0,
                bias: part.bias.map { UnsafePointer($0.pointer) },
                accumulate: accumulates ? 1 : 0,
                outliers: matrix.outliers?.table
            )
            let rowParts = tiles < pool.threads ? min(rows / Self.fewestRows, pool.threads * 2) : 1
            var first = 0
            while first < tiles {
                let share = pool.threads == 1 ? tiles : left / (pool.threads * 4)
                let wanted = max(share, smallest, 1)
                let count = min((wanted + step - 1) / step * step, tiles - first)
                call.n_begin = first * tile
                call.n_end = min((first + count) * tile, matrix.outputs)
                if rowParts > 1 {
                    let rowBytes = kernels.activation_bytes(format.preparedCode, k)
                    Self.add(call, inParts: rowParts, rowBytes: rowBytes, to: &calls)
                } else {
                    calls.append(call)
                }
                first += count
                left -= count
            }
            column += matrix.outputs
        }
        return calls
    }

    /// Adds a call, divided into calls for some of its rows.
    private static func add(
        _ call: sk_matmul,
        inParts parts: Int,
        rowBytes: Int,
        to calls: inout [sk_matmul]
    ) {
        for part in 0..<parts {
            let first = call.rows * part / parts
            var some = call
            some.rows = call.rows * (part + 1) / parts - first
            some.activations = call.activations + first * rowBytes
            some.y = call.y + first * call.ldy
            calls.append(some)
        }
    }

    /// Rows that a call keeps where rows are divided.
    private static let fewestRows = 64
    /// Multiplications of one claim, and bytes of weights: about 1 µs of either.
    private static let smallestWork = 1 << 17
    private static let smallestBytes = 24 << 10
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
