internal import SkeinCore
public import SkeinTensor

/// What becomes of one tensor.
public enum TensorTreatment: Sendable, Hashable {
    /// It stays as it is.
    case keep
    /// It becomes grouped codes.
    case grouped(QuantizationRecipe)
    /// It becomes a block type of GGUF files.
    case blocks(DType)

    /// A short name.
    public var name: String {
        switch self {
        case .keep: "kept"
        case .grouped(let recipe): recipe.name
        case .blocks(let dtype): dtype.name
        }
    }
}

/// Chooses for each matrix the recipe that keeps a sum of relative errors smallest within a number of bits
/// a weight.
///
/// A relative error disturbs a model by the matrix's place in it, whatever its size: matrices count alike
/// or by a factor (`importance`), not by their weights, so small ones get more bits. Each matrix offers a curve of error against bits, measured on a sample of its rows; one price of a bit
/// for all matrices picks a point from every curve, and bisection finds the price that the budget
/// affords. What is left over goes to the matrices where a bit still saves most.
struct BudgetPlanner {
    /// A recipe's cost and worth on a matrix.
    struct Offer {
        var recipe: QuantizationRecipe
        var bits: Double
        var error: Double
    }

    /// The recipes that are tried.
    static func candidates() throws -> [QuantizationRecipe] {
        var recipes: [QuantizationRecipe] = []
        for bits in [2, 3, 4, 5, 6, 8] {
            for width in [32, 64, 128] where bits < 8 || width == 64 {
                for sigmas in [nil, 3.5, 3.0] where bits < 5 || sigmas == nil {
                    recipes.append(
                        QuantizationRecipe(
                            format: try GroupedFormat(
                                bits: bits,
                                group: .values(width),
                                scaleBits: 8
                            ),
                            sigmas: sigmas
                        )
                    )
                }
            }
        }
        return recipes
    }

    /// How much a relative error of a matrix counts: what divides attention's sums or is multiplied by
    /// another matrix's result disturbs a model half as much as what is added to its state.
    static func importance(of name: String) -> Double {
        let halves = [
            "q_proj", "k_proj", "gate_proj", "up_proj", "c_fc", "attn_q.", "attn_k.", "ffn_gate",
            "ffn_up",
        ]
        return halves.contains { name.contains($0) } ? 0.5 : 1
    }

    /// The offers of a matrix, measured on rows of it.
    static func offers(
        _ sample: [Float],
        name: String,
        inputs: Int,
        _ recipes: [QuantizationRecipe],
        _ processor: Processor
    ) throws -> [Offer] {
        try sample.withUnsafeBufferPointer { values in
            try recipes.map { recipe in
                let result = try processor.quantize(
                    values,
                    name: name,
                    outputs: values.count / max(inputs, 1),
                    recipe: recipe,
                    measuresNearest: false
                )
                return Offer(
                    recipe: recipe,
                    bits: result.bitsPerWeight,
                    error: result.report.relativeError
                )
            }
        }
    }

    /// One offer for each matrix.
    ///
    /// - Throws: `SkeinError.Code.invalidArgument` when even the cheapest offers exceed the budget.
    static func choose(
        _ curves: [(weights: Double, importance: Double, offers: [Offer])],
        budget: Double
    ) throws -> [Offer] {
        let total = curves.reduce(0) { $0 + $1.weights }
        let mean = total / Double(max(curves.count, 1))
        func pick(_ price: Double) -> [Offer] {
            curves.compactMap { curve in
                let (worth, cost) = (curve.importance, price * curve.weights / mean)
                return curve.offers.min {
                    worth * $0.error + cost * $0.bits < worth * $1.error + cost * $1.bits
                }
            }
        }
        func bits(_ picks: [Offer]) -> Double {
            zip(curves, picks).reduce(0) { $0 + $1.0.weights * $1.1.bits } / max(total, 1)
        }
        let cheapest = curves.compactMap { $0.offers.min { $0.bits < $1.bits } }
        guard bits(cheapest) <= budget else {
            throw SkeinError(
                .invalidArgument,
                "a budget of \(budget) bits a weight; the smallest codes take \(bits(cheapest))"
            )
        }
        var (low, high) = (0.0, 10.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if bits(pick(middle)) <= budget { high = middle } else { low = middle }
        }
        var picks = bits(pick(high)) <= budget ? pick(high) : cheapest
        var spent = bits(picks) * total
        while true {
            var best: (index: Int, offer: Offer, worth: Double)?
            for (index, curve) in curves.enumerated() {
                for offer in curve.offers {
                    let cost = (offer.bits - picks[index].bits) * curve.weights
                    let gain = (picks[index].error - offer.error) * curve.importance
                    guard cost > 0, gain > 0, spent + cost <= budget * total else { continue }
                    if gain / cost > best?.worth ?? 0 { best = (index, offer, gain / cost) }
                }
            }
            guard let best else { return picks }
            spent += (best.offer.bits - picks[best.index].bits) * curves[best.index].weights
            picks[best.index] = best.offer
        }
    }
}
