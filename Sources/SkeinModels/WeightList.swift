public import SkeinCore
public import SkeinTensor

/// The weights of a model by their checkpoint names, in the order they were loaded.
///
/// Vectors are not listed: they are checked for numbers that are not finite while they are loaded.
public struct WeightList: Sendable {
    /// Where a weight is kept.
    enum Place: Sendable {
        /// In memory, in tile order.
        case packed(PackedMatrix)
        /// In its file.
        case table(WeightTable)
    }

    private var entries: [(name: String, place: Place)] = []

    /// Adds a weight.
    mutating func append(_ name: String, _ place: Place) { entries.append((name, place)) }

    /// The first weight that holds NaN or infinity, with the row that holds it.
    ///
    /// - Parameter processor: The one that packed the weights.
    /// - Returns: Name and row in words, or `nil` when every weight is finite.
    /// - Complexity: One pass over all weights.
    public func firstNonFinite(_ processor: Processor) -> String? {
        for (name, place) in entries {
            let row =
                switch place {
                case .packed(let matrix): processor.firstNonFiniteRow(of: matrix)
                case .table(let record): try? processor.firstNonFiniteRow(of: record)
                }
            if let row { return "\(name), row \(row)" }
        }
        return nil
    }

    /// The error of a step whose logits are not numbers; it says where to look.
    ///
    /// - Parameters:
    ///   - weights: The model's list, if it keeps one.
    ///   - processor: The one that packed the weights.
    /// - Returns: The error.
    public static func explanation(_ weights: WeightList?, _ processor: Processor) -> SkeinError {
        let found = "the model's logits hold NaN or infinity, expected finite numbers"
        guard let weights else { return SkeinError(.notFinite, found) }
        guard let bad = weights.firstNonFinite(processor) else {
            return SkeinError(
                .notFinite,
                "\(found); every weight is finite, so activations overflowed",
                hint: "the checkpoint's values are too large for the arithmetic, or it is damaged"
            )
        }
        return SkeinError(
            .notFinite,
            "\(found); \(bad) of the weights is the first that is not finite",
            hint: "the checkpoint is damaged, or was converted to a type too narrow for it"
        )
    }
}
