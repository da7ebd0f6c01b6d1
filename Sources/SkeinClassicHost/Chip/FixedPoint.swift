public import SkeinClassic

/// A number that models are quantised to.
public protocol ChipScalar: ClassicScalar {
    /// What a blob says of it.
    static var numbers: BlobNumbers { get }
    /// Its name in Swift.
    static var name: String { get }
    /// The largest integer; `nil` for floats.
    static var largest: Double? { get }
    /// The largest sum.
    static var largestSum: Double { get }
    /// By which power of two sums of products are smaller than the exact ones.
    static var productShift: Int { get }
    /// The same of squares.
    static var squareShift: Int { get }
    /// The same of weighted squares.
    static var weightedShift: Int { get }
    /// The number nearest to a value within the range.
    init(nearest value: Double)
    /// The sum nearest to a value within the range.
    static func sum(nearest value: Double) -> Sum
}

extension Float: ChipScalar {
    /// Floats.
    public static var numbers: BlobNumbers { .f32 }
    /// The type.
    public static var name: String { "Float" }
    /// None.
    public static var largest: Double? { nil }
    /// The largest float.
    public static var largestSum: Double { Double(Float.greatestFiniteMagnitude) }
    /// None.
    public static var productShift: Int { 0 }
    /// None.
    public static var squareShift: Int { 0 }
    /// None.
    public static var weightedShift: Int { 0 }
    /// Rounds.
    public init(nearest value: Double) { self = Float(value) }
    /// Rounds.
    public static func sum(nearest value: Double) -> Float { Float(value) }
}

extension Q15: ChipScalar {
    /// 16 bits.
    public static var numbers: BlobNumbers { .q15 }
    /// The type.
    public static var name: String { "Q15" }
    /// 2^15 - 1.
    public static var largest: Double? { 32767 }
    /// Just below 2^63.
    public static var largestSum: Double { 0x1p62 }
    /// None.
    public static var productShift: Int { 0 }
    /// None.
    public static var squareShift: Int { 0 }
    /// None.
    public static var weightedShift: Int { 0 }
    /// Rounds halves up.
    public init(nearest value: Double) { self.init(bits: Int16((value + 0.5).rounded(.down))) }
    /// Rounds halves up.
    public static func sum(nearest value: Double) -> Int64 { Int64((value + 0.5).rounded(.down)) }
}

extension Q31: ChipScalar {
    /// 32 bits.
    public static var numbers: BlobNumbers { .q31 }
    /// The type.
    public static var name: String { "Q31" }
    /// 2^31 - 1.
    public static var largest: Double? { 2_147_483_647 }
    /// Just below 2^63.
    public static var largestSum: Double { 0x1p62 }
    /// See `Q31.product`.
    public static var productShift: Int { 16 }
    /// See `Q31.square`.
    public static var squareShift: Int { 18 }
    /// See `Q31.weightedSquare`.
    public static var weightedShift: Int { 48 }
    /// Rounds halves up.
    public init(nearest value: Double) { self.init(bits: Int32((value + 0.5).rounded(.down))) }
    /// Rounds halves up.
    public static func sum(nearest value: Double) -> Int64 { Int64((value + 0.5).rounded(.down)) }
}

extension I8: ChipScalar {
    /// 8 bits.
    public static var numbers: BlobNumbers { .i8 }
    /// The type.
    public static var name: String { "I8" }
    /// 2^7 - 1.
    public static var largest: Double? { 127 }
    /// Just below 2^31.
    public static var largestSum: Double { 0x1p30 }
    /// None.
    public static var productShift: Int { 0 }
    /// None.
    public static var squareShift: Int { 0 }
    /// See `I8.weightedSquare`.
    public static var weightedShift: Int { 7 }
    /// Rounds halves up.
    public init(nearest value: Double) { self.init(bits: Int8((value + 0.5).rounded(.down))) }
    /// Rounds halves up.
    public static func sum(nearest value: Double) -> Int32 { Int32((value + 0.5).rounded(.down)) }
}

/// How many values did not fit and were saturated.
public struct SaturationCount: Sendable, Equatable {
    /// Those that did not fit, or were not numbers.
    public var saturated = 0
    /// All of them.
    public var values = 0

    /// Counts from zero.
    public init() {}
}

/// Turns features into fixed point: `(x - centre) · scale`, saturated and counted.
public struct InputScale: Sendable {
    /// What is subtracted from each feature.
    public var centres: [Double]
    /// What each is then multiplied with; zero where the feature was constant.
    public var scales: [Double]

    /// Floats as they are.
    public init(width: Int) {
        centres = [Double](repeating: 0, count: width)
        scales = [Double](repeating: 1, count: width)
    }

    /// Fits the range of some samples to the integers up to `largest`.
    ///
    /// With `isCommon`, as distances need, all features have one scale; otherwise each has its own.
    public init(fitting values: [Float], width: Int, largest: Double, isCommon: Bool) {
        var low = [Double](repeating: .infinity, count: width)
        var high = [Double](repeating: -.infinity, count: width)
        for (index, value) in values.enumerated() where value.isFinite {
            low[index % width] = min(low[index % width], Double(value))
            high[index % width] = max(high[index % width], Double(value))
        }
        let ranges = zip(low, high).map { $0 > $1 ? (0, 0) : ($0, $1) }
        centres = ranges.map { ($0 + $1) / 2 }
        let halves = ranges.map { ($1 - $0) / 2 }
        let widest = halves.max() ?? 0
        scales = halves.map { half in
            let reach = isCommon ? widest : half
            return reach > 0 ? largest / reach : 0
        }
    }

    /// A feature's number; what does not fit is saturated and counted.
    func encode<Scalar: ChipScalar>(
        _ value: Float,
        _ feature: Int,
        _ count: inout SaturationCount,
        as type: Scalar.Type
    ) -> Scalar {
        guard Scalar.largest != nil else {
            count.values += 1
            return Scalar(nearest: Double(value))
        }
        let offset = Double(value) - centres[feature]
        if scales[feature] == 0 {
            count.values += 1
            count.saturated += offset == 0 ? 0 : 1
            return Scalar(nearest: 0)
        }
        return saturated(offset * scales[feature], &count, as: type)
    }
}

/// The nearest number; what does not fit is saturated and counted.
func saturated<Scalar: ChipScalar>(
    _ value: Double,
    _ count: inout SaturationCount,
    as type: Scalar.Type
) -> Scalar {
    count.values += 1
    guard let largest = Scalar.largest else { return Scalar(nearest: value) }
    // A half beyond the range still rounds into it.
    if value > -largest - 1.5, value < largest + 0.5 { return Scalar(nearest: value) }
    count.saturated += 1
    return Scalar(nearest: value > 0 ? largest : value < 0 ? -largest - 1 : 0)
}

/// The nearest sum; what does not fit is saturated and counted.
func saturatedSum<Scalar: ChipScalar>(
    _ value: Double,
    _ count: inout SaturationCount,
    as type: Scalar.Type
) -> Scalar.Sum {
    count.values += 1
    if abs(value) <= Scalar.largestSum { return Scalar.sum(nearest: value) }
    count.saturated += 1
    return Scalar.sum(nearest: value > 0 ? Scalar.largestSum : -Scalar.largestSum)
}
