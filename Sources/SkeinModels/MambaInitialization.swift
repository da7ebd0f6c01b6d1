internal import SkeinTensor

/// How the weights of a new Mamba layer are drawn.
///
/// - Source: Gu and Dao 2023, arXiv:2312.00752, section 3.6, and the original repository's choices: A is
///   −1 … −N, steps are log-uniform in [0.001, 0.1], matrices uniform by their inputs.
struct MambaInitialization {
    private let generator: Philox
    private let layers: Int

    init(_ generator: Philox, layers: Int) {
        self.generator = generator
        self.layers = layers
    }

    private static let steps = (least: 1e-3, most: 0.1, floor: 1e-4)

    /// The values of one weight.
    func values(_ name: String, _ shape: [Int]) -> [Float] {
        let count = shape.reduce(1, *)
        let inputs = shape.last ?? 1
        switch name.split(separator: ".").suffix(2).joined(separator: ".") {
        case "mixer.A_log":
            return (0..<count).map { Float(Elementary.log(Double($0 % inputs + 1))) }
        case "mixer.D": return [Float](repeating: 1, count: count)
        case "dt_proj.bias": return (0..<count).map { Float(stepBias(UInt64($0))) }
        case "out_proj.weight":
            return uniform(count, bound: 1 / Double(inputs * max(layers, 1)).squareRoot())
        // Only time-invariant layers have one, and their B and C lie in it.
        case "x_proj.bias": return uniform(count, bound: 1)
        case let kind where kind.hasSuffix("bias"): return [Float](repeating: 0, count: count)
        default: return uniform(count, bound: 1 / Double(inputs).squareRoot())
        }
    }

    private func uniform(_ count: Int, bound: Double) -> [Float] {
        (0..<count).map { Float((2 * generator.uniform(at: UInt64($0)) - 1) * bound) }
    }

    /// What softplus turns into a log-uniform step.
    private func stepBias(_ place: UInt64) -> Double {
        let (least, most) = (Elementary.log(Self.steps.least), Elementary.log(Self.steps.most))
        let drawn = Elementary.exp(least + generator.uniform(at: place) * (most - least))
        let step = max(drawn, Self.steps.floor)
        return step + Elementary.log(-Elementary.expm1(-step))
    }
}
