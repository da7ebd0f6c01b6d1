/// A model of rows, each of which scores a sample: a base plus a sum over features.
public protocol RowTerms: Sendable {
    /// The kind of number.
    associatedtype Scalar: ClassicScalar
    /// C: the number of rows, one a class, centroid or component.
    var rows: Int { get }
    /// D: the number of features.
    var width: Int { get }
    /// What row `row` scores before any feature is seen.
    func base(_ row: Int) -> Scalar.Sum
    /// What the features in a range add to the score of row `row`.
    func part(_ row: Int, _ features: Range<Int>, of x: UnsafePointer<Scalar>) -> Scalar.Sum
}

/// A linear model, `w · x + b` a row: support vector machines and logistic regression.
@frozen
public struct LinearTerms<Scalar: ClassicScalar>: RowTerms, @unchecked Sendable {
    // The memory is lent for the kernel's run and only read.
    /// C: the number of rows.
    public let rows: Int
    /// D: the number of features.
    public let width: Int
    /// `[C, D]`, row by row.
    public let weights: UnsafePointer<Scalar>
    /// `[C]`, in the scale of sums.
    public let biases: UnsafePointer<Scalar.Sum>

    /// Lends a linear model.
    @inlinable
    public init(
        rows: Int,
        width: Int,
        weights: UnsafePointer<Scalar>,
        biases: UnsafePointer<Scalar.Sum>
    ) {
        (self.rows, self.width, self.weights, self.biases) = (rows, width, weights, biases)
    }

    /// The bias.
    @inlinable
    public func base(_ row: Int) -> Scalar.Sum { biases[row] }

    /// `w · x` over a range.
    @inlinable
    public func part(_ row: Int, _ range: Range<Int>, of x: UnsafePointer<Scalar>) -> Scalar.Sum {
        Scalar.dot(
            weights + row * width + range.lowerBound,
            x + range.lowerBound,
            range.count
        )
    }
}

/// Diagonal Gaussians, `K - Σ g (x - μ)²` a row: naive Bayes and diagonal mixtures.
///
/// `K` holds the logarithms and `g = 1 / 2σ²`, so that scoring needs no logarithm and no division.
@frozen
public struct GaussianTerms<Scalar: ClassicScalar>: RowTerms, @unchecked Sendable {
    // The memory is lent for the kernel's run and only read.
    /// C: the number of Gaussians.
    public let rows: Int
    /// D: the number of features.
    public let width: Int
    /// `[C, D]`: μ.
    public let means: UnsafePointer<Scalar>
    /// `[C, D]`: g.
    public let precisions: UnsafePointer<Scalar>
    /// `[C]`: K, in the scale of sums.
    public let constants: UnsafePointer<Scalar.Sum>

    /// Lends diagonal Gaussians.
    @inlinable
    public init(
        rows: Int,
        width: Int,
        means: UnsafePointer<Scalar>,
        precisions: UnsafePointer<Scalar>,
        constants: UnsafePointer<Scalar.Sum>
    ) {
        (self.rows, self.width, self.means) = (rows, width, means)
        (self.precisions, self.constants) = (precisions, constants)
    }

    /// K.
    @inlinable
    public func base(_ row: Int) -> Scalar.Sum { constants[row] }

    /// `-Σ g (x - μ)²` over a range.
    @inlinable
    public func part(_ row: Int, _ range: Range<Int>, of x: UnsafePointer<Scalar>) -> Scalar.Sum {
        let start = row * width + range.lowerBound
        return Scalar.negated(
            Scalar.weightedDistance(
                x + range.lowerBound,
                means + start,
                precisions + start,
                range.count
            )
        )
    }
}

/// Centroids, `-|x - c|²` a row: the assignment of K-means.
@frozen
public struct CentreTerms<Scalar: ClassicScalar>: RowTerms, @unchecked Sendable {
    // The memory is lent for the kernel's run and only read.
    /// K: the number of centroids.
    public let rows: Int
    /// D: the number of features.
    public let width: Int
    /// `[K, D]`.
    public let centres: UnsafePointer<Scalar>

    /// Lends centroids.
    @inlinable
    public init(rows: Int, width: Int, centres: UnsafePointer<Scalar>) {
        (self.rows, self.width, self.centres) = (rows, width, centres)
    }

    /// Zero.
    @inlinable
    public func base(_ row: Int) -> Scalar.Sum { .zero }

    /// `-|x - c|²` over a range.
    @inlinable
    public func part(_ row: Int, _ range: Range<Int>, of x: UnsafePointer<Scalar>) -> Scalar.Sum {
        Scalar.negated(
            Scalar.distance(
                x + range.lowerBound,
                centres + row * width + range.lowerBound,
                range.count
            )
        )
    }
}

/// Gaussians with full covariance, `K - ½ |L (x - μ)|²` a row, where `Σ⁻¹ = LᵀL`.
@frozen
public struct CholeskyTerms: RowTerms, @unchecked Sendable {
    // The memory is lent for the kernel's run and only read.
    /// The kind of number.
    public typealias Scalar = Float
    /// C: the number of Gaussians.
    public let rows: Int
    /// D: the number of features.
    public let width: Int
    /// `[C, D]`: μ.
    public let means: UnsafePointer<Float>
    /// `[C, D, D]`: lower triangles L, row by row.
    public let factors: UnsafePointer<Float>
    /// `[C]`: K.
    public let constants: UnsafePointer<Float>

    /// Lends full Gaussians.
    @inlinable
    public init(
        rows: Int,
        width: Int,
        means: UnsafePointer<Float>,
        factors: UnsafePointer<Float>,
        constants: UnsafePointer<Float>
    ) {
        (self.rows, self.width, self.means) = (rows, width, means)
        (self.factors, self.constants) = (factors, constants)
    }

    /// K.
    @inlinable
    public func base(_ row: Int) -> Float { constants[row] }

    /// `-½ |L (x - μ)|²` over a range of the factor's rows.
    @inlinable
    public func part(_ row: Int, _ range: Range<Int>, of x: UnsafePointer<Float>) -> Float {
        let mean = means + row * width
        var sum: Float = 0
        for line in range {
            let factor = factors + (row * width + line) * width
            var value: Float = 0
            for column in 0...line { value += factor[column] * (x[column] - mean[column]) }
            sum += value * value
        }
        return -0.5 * sum
    }
}
