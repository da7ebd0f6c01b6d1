#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Numbers and fields written as Python writes them.
enum TemplateFormat {
    static func hexadecimal(_ value: UInt32, _ width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Python's `repr` of a float: the shortest digits that read back.
    static func shortest(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        let text = "\(abs(value))"
        let sign = value.sign == .minus ? "-" : ""
        let parts = text.split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let whole = mantissa[0]
        var fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
        if fraction == "0" { fraction = "" }
        var digits = String(whole) + fraction
        var point = whole.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        while digits.hasPrefix("0"), digits.count > 1 {
            digits.removeFirst()
            point -= 1
        }
        while digits.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
        if digits == "0" { return sign + "0.0" }
        let exponent = point - 1
        if exponent < -4 || exponent >= 16 {
            let rest = digits.dropFirst()
            let size = abs(exponent)
            return sign + digits.prefix(1) + (rest.isEmpty ? "" : "." + rest) + "e"
                + (exponent < 0 ? "-" : "+") + (size < 10 ? "0" : "") + String(size)
        }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        if point >= digits.count {
            return sign + digits + String(repeating: "0", count: point - digits.count) + ".0"
        }
        return sign + digits.prefix(point) + "." + digits.dropFirst(point)
    }

    /// C's `%.Ne`, `%.Nf` or `%.Ng`.
    static func fixed(_ value: Double, _ precision: Int, _ letter: Character = "f") -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        var buffer = [CChar](repeating: 0, count: 400 + min(max(precision, 0), 1000))
        let count = withVaList([Int32(min(max(precision, 0), 1000)), value]) {
            vsnprintf(&buffer, buffer.count, "%.*\(letter)", $0)
        }
        return String(
            decoding: buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
    }

    static func rounded(_ value: Double, _ digits: Int) -> Double {
        guard value.isFinite else { return value }
        if digits > 300 { return value }
        if digits >= 0 { return Double(fixed(value, digits)) ?? value }
        let scale = pow(10, Double(-digits))
        guard scale.isFinite else { return 0 * value }
        return (value / scale).rounded(.toNearestOrEven) * scale
    }

    /// One parsed field: flags, width, precision and type.
    struct Field {
        var fill: UnicodeScalar = " "
        var align: Character?
        var sign: Character = "-"
        var isAlternate = false
        var grouping: Character?
        var width = 0
        var precision: Int?
        var type: Character?

        func padded(
            _ text: String,
            _ fallback: Character,
            _ renderer: TemplateRenderer
        ) throws -> String {
            let room = width - text.unicodeScalars.count
            guard room > 0 else { return text }
            try renderer.spend(width)
            func fills(_ count: Int) -> String {
                String(repeating: String(Character(fill)), count: count)
            }
            switch align ?? fallback {
            case "<": return text + fills(room)
            case "^": return fills(room / 2) + text + fills(room - room / 2)
            case "=":
                let signed = text.hasPrefix("-") || text.hasPrefix("+") || text.hasPrefix(" ")
                return text.prefix(signed ? 1 : 0) + fills(room) + text.dropFirst(signed ? 1 : 0)
            default: return fills(room) + text
            }
        }

        private func signed(_ digits: String, isNegative: Bool) -> String {
            (isNegative ? "-" : sign == "-" ? "" : String(sign)) + digits
        }

        private func grouped(_ digits: String) -> String {
            guard let grouping else { return digits }
            let whole = digits.prefix { $0.isNumber }
            var out = ""
            for (index, digit) in whole.enumerated() {
                if index > 0, (whole.count - index) % 3 == 0 { out.append(grouping) }
                out.append(digit)
            }
            return out + digits.dropFirst(whole.count)
        }

        func number(_ value: TemplateValue, _ renderer: TemplateRenderer) throws -> String {
            guard let number = value.number else {
                throw TemplateFault("a number is required, not \(value.typeName)")
            }
            let kind = type ?? (value.integer == nil ? "r" : "d")
            switch kind {
            case "d", "i", "u", "n", "x", "X", "o", "b":
                guard let whole = value.integer ?? Int(exactly: number.rounded(.towardZero)) else {
                    throw TemplateFault("the number does not fit into 64 bits")
                }
                let radix = ["x": 16, "X": 16, "o": 8, "b": 2][kind] ?? 10
                var digits = String(whole.magnitude, radix: radix, uppercase: kind == "X")
                if let precision, digits.count < precision {
                    try renderer.spend(precision)
                    digits = String(repeating: "0", count: precision - digits.count) + digits
                }
                digits = radix == 10 ? grouped(digits) : isAlternate ? "0\(kind)" + digits : digits
                return try padded(signed(digits, isNegative: whole < 0), ">", renderer)
            case "e", "E", "f", "F", "g", "G", "%":
                let scaled = kind == "%" ? number * 100 : number
                var digits = TemplateFormat.fixed(
                    abs(scaled),
                    precision ?? 6,
                    kind == "%" ? "f" : kind
                )
                if kind == "%" { digits += "%" }
                return try padded(
                    signed(grouped(digits), isNegative: number.sign == .minus),
                    ">",
                    renderer
                )
            case "r":
                var digits = TemplateFormat.shortest(abs(number))
                if let precision {
                    digits = TemplateFormat.fixed(abs(number), max(precision, 1), "g")
                    if !digits.contains("."), !digits.contains("e") { digits += ".0" }
                }
                return try padded(
                    signed(grouped(digits), isNegative: number.sign == .minus),
                    ">",
                    renderer
                )
            default: throw TemplateFault("unknown format code '\(kind)' for a number")
            }
        }
    }

    /// `format % values`.
    static func percent(
        _ format: String,
        _ values: TemplateValue,
        _ renderer: TemplateRenderer
    ) throws -> String {
        var list: [TemplateValue] = [values]
        if case .tuple(let items) = values { list = items.items }
        var used = 0
        var usesNames = false
        func next() throws -> TemplateValue {
            guard used < list.count else {
                throw TemplateFault("not enough arguments for format string")
            }
            used += 1
            return list[used - 1]
        }
        let source = format.scalars
        var out = ""
        var index = 0
        func scalar() throws -> UnicodeScalar {
            guard index < source.count else { throw TemplateFault("incomplete format") }
            return source[index]
        }
        while index < source.count {
            guard source[index] == "%" else {
                out.unicodeScalars.append(source[index])
                index += 1
                continue
            }
            index += 1
            var field = Field()
            var named: TemplateValue?
            if try scalar() == "(" {
                guard let end = source[index...].firstIndex(of: ")") else {
                    throw TemplateFault("incomplete format key")
                }
                guard case .dict(let dict) = values else {
                    throw TemplateFault("format requires a mapping")
                }
                let name = String(scalars: source[(index + 1)..<end])
                guard let value = dict[name] else {
                    throw TemplateFault("no key '\(name)' to format")
                }
                named = value
                usesNames = true
                index = end + 1
            }
            flags: while true {
                switch try scalar() {
                case "-": field.align = "<"
                case "+": field.sign = "+"
                case " ": if field.sign == "-" { field.sign = " " }
                case "0": field.fill = "0"
                case "#": field.isAlternate = true
                default: break flags
                }
                index += 1
            }
            func count() throws -> Int? {
                if try scalar() == "*" {
                    index += 1
                    return try next().integer
                }
                var text = ""
                while ("0"..."9").contains(try scalar()) {
                    text.unicodeScalars.append(try scalar())
                    index += 1
                }
                return text.isEmpty ? nil : Int(text) ?? .max
            }
            field.width = try count() ?? 0
            if try scalar() == "." {
                index += 1
                field.precision = try count() ?? 0
            }
            while ["h", "l", "L"].contains(try scalar()) { index += 1 }
            let type = Character(try scalar())
            index += 1
            if type == "%" {
                out += "%"
                continue
            }
            let value = try named ?? next()
            field.type = type
            if field.fill == "0" { field.align = field.align == "<" ? "<" : "=" }
            if field.align == "<" { field.fill = " " }
            let piece: String
            switch type {
            case "s", "r", "a":
                var text = try type == "s" ? value.printed() : value.represented()
                if let precision = field.precision {
                    text = String(scalars: text.unicodeScalars.prefix(precision))
                }
                field.fill = " "
                if field.align == "=" { field.align = ">" }
                piece = try field.padded(text, ">", renderer)
            case "c":
                guard let code = value.integer.flatMap({ UInt32(exactly: $0) }) else {
                    guard let text = value.text, text.unicodeScalars.count == 1 else {
                        throw TemplateFault("%c requires an integer or one character")
                    }
                    piece = text
                    break
                }
                guard let scalar = UnicodeScalar(code) else {
                    throw TemplateFault("%c out of range")
                }
                piece = String(Character(scalar))
            case "d", "i", "u", "x", "X", "o", "e", "E", "f", "F", "g", "G":
                if "xXo".contains(type), value.integer == nil {
                    throw TemplateFault("%\(type) requires an integer, not \(value.typeName)")
                }
                piece = try field.number(value, renderer)
            default: throw TemplateFault("unsupported format character '\(type)'")
            }
            try renderer.spend(piece.utf8.count)
            out += piece
        }
        if used < list.count, !usesNames {
            switch values {
            case .dict, .list, .range, .undefined: break
            default: throw TemplateFault("not all arguments converted during string formatting")
            }
        }
        return out
    }
}
