internal import SkeinCore

/// A tensor that is about to be written: its name, type and shape; the bytes come later.
public struct TensorPlan: Sendable {
    /// The name in the checkpoint.
    public let name: String
    /// The type of the elements.
    public let dtype: DType
    /// The sizes of the axes, outermost first.
    public let shape: [Int]
    /// How many bytes the values take.
    public let bytes: Int

    /// Plans a tensor.
    ///
    /// - Throws: `SkeinError` with `.invalidArgument` if rows do not fill whole blocks or the size
    ///   overflows.
    public init(name: String, dtype: DType, shape: [Int]) throws {
        guard let count = Checked.product(shape), let bytes = dtype.bytes(for: count),
            (shape.last ?? 1) % dtype.blockValues == 0
        else {
            throw SkeinError(
                .invalidArgument,
                "tensor \(name) of shape \(shape) does not fill whole \(dtype.name) blocks of "
                    + "\(dtype.blockValues) along its last axis"
            )
        }
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.bytes = bytes
    }

    /// Checks that a writer is handed this tensor's bytes, in turn.
    static func check(_ plan: TensorPlan?, is name: String, bytes: Int) throws {
        guard let plan, plan.name == name else {
            throw SkeinError(
                .invalidArgument,
                "tensor \(name) is out of turn; expected \(plan?.name ?? "no further tensor")"
            )
        }
        guard plan.bytes == bytes else {
            throw SkeinError(
                .invalidArgument,
                "tensor \(name) was given \(bytes) bytes; \(plan.dtype.name) of shape "
                    + "\(plan.shape) needs \(plan.bytes)"
            )
        }
    }

    /// Checks that no name appears twice.
    static func checkNames(_ plans: [TensorPlan]) throws {
        var known: Set<ExactKey> = []
        for plan in plans where !known.insert(ExactKey(plan.name)).inserted {
            throw SkeinError(.invalidArgument, "tensor \(plan.name) is planned twice")
        }
    }
}
