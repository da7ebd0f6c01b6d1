extension QuantizedMatrix {
    /// Adds the rows of another part of the same matrix, without outliers.
    ///
    /// - Parameter next: The rows that follow, in the same format.
    /// - Precondition: Formats and widths agree and neither part has outliers.
    public mutating func append(_ next: QuantizedMatrix) {
        precondition(next.format == format && next.inputs == inputs, "parts of different matrices")
        precondition(starts.isEmpty && next.starts.isEmpty, "outliers depend on the whole matrix")
        let (a, b) = (report, next.report)
        let (n, m) = (Double(outputs * inputs), Double(next.outputs * inputs))
        var joined = QuantizationReport()
        joined.mean = (n * a.mean + m * b.mean) / max(n + m, 1)
        let spread = { (part: QuantizationReport) in
            part.deviation * part.deviation + part.mean * part.mean
        }
        let square = (n * spread(a) + m * spread(b)) / max(n + m, 1)
        joined.deviation = max(0, square - joined.mean * joined.mean).squareRoot()
        // Of equal means and variances the mixture's kurtosis is the mean of the parts'.
        joined.kurtosis = (n * a.kurtosis + m * b.kurtosis) / max(n + m, 1)
        joined.power = a.power + b.power
        joined.error = a.error + b.error
        joined.nearestError = a.nearestError + b.nearestError
        codes += next.codes
        scales += next.scales
        shares += next.shares
        units += next.units
        minimums += next.minimums
        outputs += next.outputs
        report = joined
    }
}
