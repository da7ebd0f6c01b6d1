import SkeinCore

extension TemplateLexer {
    /// The end of `(\d+_)*\d+` at an offset, or `nil`.
    private func digitsEnd(_ offset: Int, radix: Int = 10) -> Int? {
        func isDigit(_ at: Int) -> Bool {
            guard at < source.count, source[at].isASCII else { return false }
            return (Character(source[at]).hexDigitValue ?? 99) < radix
        }
        guard isDigit(offset) else { return nil }
        var end = offset + 1
        while true {
            if isDigit(end) {
                end += 1
            } else if end < source.count, source[end] == "_", isDigit(end + 1) {
                end += 2
            } else {
                return end
            }
        }
    }

    private func plain(_ range: Range<Int>) -> String {
        String(scalars: source[range].filter { $0 != "_" })
    }

    mutating func number() throws {
        if let end = floatEnd() {
            guard let value = Double(plain(position..<end)) else { throw fault("bad number") }
            return literal(.double(value), to: end)
        }
        for (prefix, radix) in [("xX", 16), ("oO", 8), ("bB", 2)] {
            guard source[position] == "0", position + 1 < source.count,
                prefix.unicodeScalars.contains(source[position + 1])
            else { continue }
            let start = position + 2 + (at(position + 2, "_") ? 1 : 0)
            guard let end = digitsEnd(start, radix: radix) else { continue }
            return literal(.integer(try integer(plain(start..<end), radix)), to: end)
        }
        guard var end = digitsEnd(position) else { throw fault("bad number") }
        if source[position] == "0" {
            end = position + 1
            while at(end, "0") || at(end, "_0") { end += at(end, "0") ? 1 : 2 }
        }
        literal(.integer(try integer(plain(position..<end), 10)), to: end)
    }

    private func integer(_ digits: String, _ radix: Int) throws -> Int {
        guard let value = Int(digits, radix: radix) else {
            throw fault("the integer \(digits.prefix(40)) does not fit into 64 bits")
        }
        return value
    }

    private func floatEnd() -> Int? {
        guard position == 0 || source[position - 1] != ".", let whole = digitsEnd(position) else {
            return nil
        }
        var end = whole
        var isFloat = false
        if at(whole, "."), let fraction = digitsEnd(whole + 1) {
            end = fraction
            isFloat = true
        }
        if at(end, "e") || at(end, "E") {
            let sign = at(end + 1, "+") || at(end + 1, "-") ? 2 : 1
            if let exponent = digitsEnd(end + sign) { return exponent }
        }
        return isFloat ? end : nil
    }

    private mutating func literal(_ kind: TemplateToken.Kind, to end: Int) {
        tokens.append(TemplateToken(kind: kind, line: line))
        advance(to: end)
    }

    private mutating func advance(to end: Int) {
        for index in position..<end where source[index] == "\n" { line += 1 }
        position = end
    }

    mutating func string(_ quote: UnicodeScalar) throws {
        var end = position + 1
        while end < source.count, source[end] != quote {
            end += source[end] == "\\" ? 2 : 1
        }
        guard end < source.count else { throw fault("expected a closing \(quote) of a string") }
        literal(.string(try unescaped(position + 1..<end)), to: end + 1)
    }

    /// Python's escapes, as jinja2 reads them.
    private func unescaped(_ range: Range<Int>) throws -> String {
        var out = String.UnicodeScalarView()
        var index = range.lowerBound
        while index < range.upperBound {
            let scalar = source[index]
            index += 1
            guard scalar == "\\" else {
                out.append(scalar)
                continue
            }
            let next = source[index]
            index += 1
            if let plain = Self.escapes[next] {
                out.append(plain)
            } else if next == "\n" {
                continue
            } else if ("0"..."7").contains(next) {
                var value = next.value - 48
                var digits = 1
                while digits < 3, index < range.upperBound, ("0"..."7").contains(source[index]) {
                    value = value * 8 + source[index].value - 48
                    index += 1
                    digits += 1
                }
                out.append(UnicodeScalar(value) ?? "\u{fffd}")
            } else if let width = ["x": 2, "u": 4, "U": 8][next] {
                guard index + width <= range.upperBound,
                    let value = UInt32(String(scalars: source[index..<index + width]), radix: 16),
                    source[index] != "+", source[index] != "-",
                    let decoded = UnicodeScalar(value)
                else { throw fault("expected \(width) hexadecimal digits after \\\(next)") }
                out.append(decoded)
                index += width
            } else if next == "N" {
                throw fault("named characters (\\N) are not supported; write \\u instead")
            } else if next.isASCII {
                out.append("\\")
                out.append(next)
            } else {
                out.append("\\")
                let wide = next.value > 0xffff
                let width = wide ? 8 : next.value > 0xff ? 4 : 2
                let digits = String(next.value, radix: 16)
                let zeros = String(repeating: "0", count: width - digits.count)
                let letter = wide ? "U" : width == 4 ? "u" : "x"
                out.append(contentsOf: (letter + zeros + digits).unicodeScalars)
            }
        }
        return String(out)
    }

    private static let escapes: [UnicodeScalar: UnicodeScalar] = [
        "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"", "a": "\u{07}",
        "b": "\u{08}", "f": "\u{0c}", "v": "\u{0b}",
    ]
}
