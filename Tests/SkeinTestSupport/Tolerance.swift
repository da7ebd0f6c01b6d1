/// Tolerances shared by all kernel tests, each with its reason.
public enum Tolerance {
    /// Normalised mean squared error of element-wise kernels: a few units in the last place.
    public static let elementwise = 1e-7
    /// Normalised mean squared error of products whose activations are rounded to eight bits.
    public static let product = 5e-4

    /// Σ(a − b)² / Σb², in double precision.
    public static func nmse(_ a: [Float], _ b: [Float]) -> Double {
        guard a.count == b.count else { return .infinity }
        var error = 0.0
        var power = 0.0
        for (x, y) in zip(a, b) {
            error += (Double(x) - Double(y)) * (Double(x) - Double(y))
            power += Double(y) * Double(y)
        }
        guard !error.isNaN, !power.isNaN else { return .infinity }
        return power == 0 ? (error == 0 ? 0 : .infinity) : error / power
    }
}
