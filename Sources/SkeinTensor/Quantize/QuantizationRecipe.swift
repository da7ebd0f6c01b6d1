internal import SkeinCore

/// How a matrix becomes codes.
public struct QuantizationRecipe: Sendable, Hashable {
    /// How a group's scale is found.
    public enum Method: Sendable, Hashable {
        /// Round to nearest: the scale follows from the largest magnitude.
        case nearest
        /// EasyQuant: the scale of least squared error, by a grid of ranges and alternating codes and
        /// scale.
        case search
        /// EasyQuant as published: Adam on the range, for so many steps at a rate in weight units.
        case adam(steps: Int, rate: Double)
        /// Half-quadratic quantisation: scale and minimum that tolerate few large errors.
        case halfQuadratic
    }

    /// How codes and scales are stored.
    public var format: GroupedFormat
    /// How scales are found.
    public var method: Method
    /// Weights this many standard deviations of the matrix from its mean, or farther, are kept whole.
    public var sigmas: Double?

    /// Joins the parts of a recipe.
    public init(format: GroupedFormat, method: Method = .search, sigmas: Double? = nil) {
        self.format = format
        self.method = method
        self.sigmas = sigmas
    }

    /// A short text: `G4_64 search 3σ`.
    public var name: String {
        let way =
            switch method {
            case .nearest: "nearest"
            case .search: "search"
            case .adam(let steps, let rate): "adam \(steps) x \(rate)"
            case .halfQuadratic: "half-quadratic"
            }
        return "\(format.name) \(way)" + (sigmas.map { " \($0)σ" } ?? "")
    }

    /// Fails when method and format do not belong together.
    func check() throws {
        guard (method == .halfQuadratic) == format.hasMinimum else {
            throw SkeinError(
                .invalidArgument,
                "\(name): half-quadratic quantisation, and no other, stores minimums"
            )
        }
        if let sigmas, !(sigmas > 0 && sigmas.isFinite) {
            throw SkeinError(
                .invalidArgument,
                "\(sigmas) standard deviations; expected more than 0"
            )
        }
        if case .adam(let steps, let rate) = method, steps < 0 || !(rate > 0 && rate.isFinite) {
            throw SkeinError(
                .invalidArgument,
                "\(steps) steps at rate \(rate); expected no less than 0 steps and a positive rate"
            )
        }
    }
}

/// A matrix as codes, scales and outliers, and how well they stand for it.
public struct QuantizedMatrix: Sendable {
    /// How codes and scales are stored.
    public let format: GroupedFormat
    /// N.
    public internal(set) var outputs: Int
    /// K.
    public let inputs: Int
    /// Rows of whole bytes, lowest bits first.
    public internal(set) var codes: [UInt8] = []
    /// One binary16 a group.
    public internal(set) var scales: [UInt16] = []
    /// With scales of 8 bits, each as a share of its row's unit; `scales` holds what they mean.
    public internal(set) var shares: [Int8] = []
    /// With scales of 8 bits, one binary16 a row.
    public internal(set) var units: [UInt16] = []
    /// One binary16 a group, of formats that have them.
    public internal(set) var minimums: [UInt16] = []
    /// Where each row's outliers start, and the end; empty without outliers.
    public internal(set) var starts: [Int32] = []
    /// Outliers' columns, ascending in a row.
    public internal(set) var columns: [Int32] = []
    /// Outliers in bfloat16.
    public internal(set) var values: [UInt16] = []
    /// What was measured on the way.
    public internal(set) var report = QuantizationReport()

    /// The bits of a weight, everything included.
    public var bitsPerWeight: Double {
        let bytes =
            outputs * format.rowBytes(inputs: inputs) + 4 * starts.count
            + (inputs <= 1 << 16 ? 4 : 6) * columns.count
        return Double(bytes) * 8 / Double(max(outputs * inputs, 1))
    }
}

/// What quantising a matrix showed.
public struct QuantizationReport: Sendable {
    /// The mean of the weights.
    public internal(set) var mean = 0.0
    /// Their standard deviation.
    public internal(set) var deviation = 0.0
    /// The fourth central moment over the squared variance; 3 for a Gaussian.
    public internal(set) var kurtosis = 0.0
    /// The sum of squared weights.
    public internal(set) var power = 0.0
    /// The sum of squared errors of rounding to nearest in the same format, without outliers.
    public internal(set) var nearestError = 0.0
    /// The sum of squared errors.
    public internal(set) var error = 0.0
    /// The most outliers of one row.
    public internal(set) var mostOutliers = 0
    /// Of the published method: the mean range of a row after each step, the start first.
    public internal(set) var ranges: [Double] = []
    /// Likewise the sum of squared errors.
    public internal(set) var errors: [Double] = []

    /// The squared error as a share of the squared weights.
    public var relativeError: Double { power > 0 ? error / power : 0 }
    /// The same of rounding to nearest.
    public var relativeNearestError: Double { power > 0 ? nearestError / power : 0 }
}
