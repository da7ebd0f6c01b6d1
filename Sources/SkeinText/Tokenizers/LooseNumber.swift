/// Numbers as the reference library's JSON reader takes them.
///
/// It scales the digits, as an integer rounded to a double, by a power of ten; with 17 digits that
/// may be one unit in the last place off, which decides between segmentations of equal score.
enum LooseNumber {
    /// The value the reference reads where `value` was written with its shortest digits.
    static func reread(_ value: Double) -> Double {
        guard value.isFinite else { return value }
        var digits: UInt64 = 0
        var exponent = 0
        var isFraction = false
        let parts = value.magnitude.description.split(separator: "e")
        guard let mantissa = parts.first, mantissa.utf8.count <= 20 else { return value }
        for byte in mantissa.utf8 {
            if byte == 0x2e {
                isFraction = true
            } else {
                let (scaled, overflows) = digits.multipliedReportingOverflow(by: 10)
                if overflows { return value }
                digits = scaled &+ UInt64(byte - 0x30)
                if isFraction { exponent -= 1 }
            }
        }
        if parts.count == 2 { exponent += Int(parts[1]) ?? 0 }
        guard exponent.magnitude <= 22 else { return value }
        let power = (0..<exponent.magnitude).reduce(1.0) { product, _ in product * 10 }
        let result = exponent < 0 ? Double(digits) / power : Double(digits) * power
        return value < 0 ? -result : result
    }
}
