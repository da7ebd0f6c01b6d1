/// The filters on single values; those on sequences are in `TemplateSequenceFilters`.
enum TemplateFilters {
    static let names: Set<String> = [
        "default", "d", "length", "count", "join", "tojson", "trim", "upper", "lower", "title",
        "capitalize", "replace", "first", "last", "list", "string", "int", "float", "abs", "round",
        "items", "dictsort", "sort", "unique", "reverse", "map", "select", "reject", "selectattr",
        "rejectattr", "indent", "batch", "slice", "sum", "min", "max", "safe", "escape", "e",
        "forceescape", "urlencode", "wordcount", "truncate", "center", "format", "groupby", "attr",
    ]

    static func apply(
        _ name: String,
        _ value: TemplateValue,
        _ arguments: TemplateCallArguments,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        try renderer.spend(value.weight)
        func bind(_ names: [String], _ required: Int = 0) throws -> [TemplateValue?] {
            try arguments.bind(name, names, required: required)
        }
        switch name {
        case "default", "d":
            let bound = try bind(["default_value", "boolean"])
            let isMissing = value.isUndefined || bound[1]?.isTrue == true && !value.isTrue
            return isMissing ? bound[0] ?? .string("") : value
        case "length", "count":
            _ = try bind([])
            guard let length = value.length else {
                throw TemplateFault("object of type '\(value.typeName)' has no len()")
            }
            return .int(length)
        case "tojson":
            return try json(value, try bind(["ensure_ascii", "indent", "separators", "sort_keys"]))
        case "trim":
            let characters = try bind(["chars"])[0]
            return .string(try value.printed().stripped(characters?.text))
        case "upper": return .string(try value.printed().pythonUpper)
        case "lower": return .string(try value.printed().pythonLower)
        case "capitalize": return .string(try value.printed().pythonCapitalized)
        case "title": return .string(title(try value.printed()))
        case "replace":
            let bound = try bind(["old", "new", "count"], 2)
            let count = bound[2]?.integer ?? -1
            return .string(
                try TemplateTextMethods.replaced(
                    try value.printed(),
                    try (bound[0] ?? .none).printed(),
                    try (bound[1] ?? .none).printed(),
                    count < 0 ? .max : count,
                    renderer
                )
            )
        case "string", "safe":
            _ = try bind([])
            return .string(try value.printed())
        case "escape", "e", "forceescape": return .string(escaped(try value.printed()))
        case "urlencode": return .string(try urlencoded(value))
        case "int": return try integer(value, try bind(["default", "base"]))
        case "float": return try double(value, try bind(["default"])[0] ?? .double(0))
        case "abs":
            if let number = value.integer {
                return number < 0 ? try TemplateArithmetic.negated(value) : .int(number)
            }
            guard let number = value.number else {
                throw TemplateFault("bad operand for abs(): '\(value.typeName)'")
            }
            return .double(abs(number))
        case "round": return try rounded(value, try bind(["precision", "method"]))
        case "indent": return try indented(value, try bind(["width", "first", "blank"]), renderer)
        case "wordcount":
            let text = try value.printed()
            return .int(text.unicodeScalars.split { !$0.isWordPart }.count)
        case "truncate":
            return try truncated(value, try bind(["length", "killwords", "end", "leeway"]))
        case "center":
            let width = try bind(["width"])[0] ?? .int(80)
            return try TemplateTextMethods.pad(
                "center",
                try value.printed(),
                TemplateCallArguments(positional: [width]),
                renderer
            )
        case "format":
            let values: TemplateValue =
                arguments.named.isEmpty
                ? .tuple(try TemplateItems(arguments.positional))
                : .dict(try TemplateDict(arguments.named.map { (.string($0.name), $0.value) }))
            return .string(try TemplateFormat.percent(try value.printed(), values, renderer))
        case "attr":
            let name = try (try bind(["name"], 1)[0] ?? .none).printed()
            if case .dict = value, !TemplateMethods.has(name, value) {
                return .undefined("'dict object' has no attribute '\(name)'; it")
            }
            return try TemplateLookup.attribute(name, of: value, renderer)
        default: return try TemplateSequenceFilters.apply(name, value, arguments, renderer)
        }
    }

    private static func json(
        _ value: TemplateValue,
        _ bound: [TemplateValue?]
    ) throws -> TemplateValue {
        var writer = TemplateJSONWriter()
        writer.escapesUnicode = bound[0]?.isTrue ?? false
        if let indent = bound[1], !indent.isNone {
            if let count = indent.integer, count <= 1000 {
                writer.indent = String(repeating: " ", count: max(0, count))
            } else if let text = indent.text {
                writer.indent = text
            } else {
                throw TemplateFault("tojson() expects an indent of at most 1000 or a string")
            }
            writer.itemSeparator = ","
        }
        if let separators = bound[2], !separators.isNone {
            let parts = try separators.elements().compactMap(\.text)
            guard parts.count == 2 else { throw TemplateFault("tojson() expects two separators") }
            writer.itemSeparator = parts[0]
            writer.keySeparator = parts[1]
        }
        writer.sortsKeys = bound[3]?.isTrue ?? false
        try writer.write(value)
        return .string(writer.out)
    }

    private static func title(_ text: String) -> String {
        let separators: Set<UnicodeScalar> = ["-", "(", "{", "[", "<"]
        var out = ""
        var startsWord = true
        for scalar in text.unicodeScalars {
            if scalar.isPythonSpace || separators.contains(scalar) {
                startsWord = true
                out.unicodeScalars.append(scalar)
            } else {
                out +=
                    startsWord
                    ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
                startsWord = false
            }
        }
        return out
    }

    private static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "'": out += "&#39;"
            case "\"": out += "&#34;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    private static func urlencoded(_ value: TemplateValue) throws -> String {
        let pairs: [(key: TemplateValue, value: TemplateValue)]
        switch value {
        case .dict(let dict): pairs = dict.entries
        case .undefined, .list, .tuple, .range, .view, .iterator:
            pairs = try value.elements().map { element in
                let pair = try element.elements()
                guard pair.count == 2 else { throw TemplateFault("urlencode() expects pairs") }
                return (pair[0], pair[1])
            }
        default: return encoded(try value.printed())
        }
        let parts = try pairs.map { pair in
            try [pair.key, pair.value].map { try encoded($0.printed(), inQuery: true) }
        }
        return parts.map { $0.joined(separator: "=") }.joined(separator: "&")
    }

    private static func encoded(_ text: String, inQuery: Bool = false) -> String {
        var out = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e:
                out.unicodeScalars.append(UnicodeScalar(byte))
            case 0x2f where !inQuery: out += "/"
            case 0x20 where inQuery: out += "+"
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                out += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return out
    }

    private static func parsedDouble(_ text: String) -> Double? {
        let plain = text.stripped().replacing("_", with: "")
        let name = plain.hasPrefix("-") || plain.hasPrefix("+") ? plain.dropFirst() : plain[...]
        let isWord = ["inf", "infinity", "nan"].contains(name.lowercased())
        guard isWord || name.allSatisfy({ "0123456789.eE+-".contains($0) }) else { return nil }
        guard isWord || name.contains(where: \.isNumber) else { return nil }
        if !isWord,
            plain.hasPrefix(".") || plain.hasSuffix(".") || plain.contains(".e")
                || plain.contains(".E")
        {
            let padded = plain.replacing(
                ".",
                with: "0.0",
                maxReplacements: plain.hasPrefix(".") ? 1 : 0
            )
            return Double(
                padded.hasSuffix(".") ? padded + "0" : padded.replacing(".e", with: ".0e")
            )
        }
        return Double(String(plain))
    }

    private static func integer(
        _ value: TemplateValue,
        _ bound: [TemplateValue?]
    ) throws -> TemplateValue {
        let fallback = bound[0] ?? .int(0)
        let number: Double?
        switch value {
        case .undefined(let what): throw TemplateFault("\(what) is undefined")
        case .string(let text):
            let base = bound[1]?.integer ?? 10
            guard (2...36).contains(base) || base == 0 else { return fallback }
            var digits = text.stripped().pythonLower.replacing("_", with: "")
            let sign = digits.hasPrefix("-") ? "-" : ""
            if digits.hasPrefix("-") || digits.hasPrefix("+") { digits.removeFirst() }
            var radix = base == 0 ? 10 : base
            for (prefix, size) in [("0x", 16), ("0o", 8), ("0b", 2)]
            where digits.hasPrefix(prefix) && (base == size || base == 0) {
                digits.removeFirst(2)
                radix = size
            }
            if digits.first?.isASCII == true, digits.first != "-", digits.first != "+",
                let whole = Int(sign + digits, radix: radix)
            {
                return .int(whole)
            }
            number = parsedDouble(text)
        case .double(let given):
            guard given.isFinite else {
                if given.isNaN { return fallback }
                throw TemplateFault("cannot convert float infinity to integer")
            }
            number = given
        default:
            guard let whole = value.integer else { return fallback }
            return .int(whole)
        }
        guard let number, number.isFinite else { return fallback }
        guard let whole = Int(exactly: number.rounded(.towardZero)) else {
            throw TemplateFault("the integer does not fit into 64 bits")
        }
        return .int(whole)
    }

    private static func double(
        _ value: TemplateValue,
        _ fallback: TemplateValue
    ) throws -> TemplateValue {
        switch value {
        case .undefined(let what): throw TemplateFault("\(what) is undefined")
        case .string(let text): parsedDouble(text).map { .double($0) } ?? fallback
        default: value.number.map { .double($0) } ?? fallback
        }
    }

    private static func rounded(
        _ value: TemplateValue,
        _ bound: [TemplateValue?]
    ) throws -> TemplateValue {
        guard let number = value.number else {
            throw TemplateFault("round() expects a number, not \(value.typeName)")
        }
        guard let digits = (bound[0] ?? .int(0)).integer else {
            throw TemplateFault("round() expects an integer precision")
        }
        switch bound[1]?.text ?? "common" {
        case "common":
            if let whole = value.integer, digits >= 0 { return .int(whole) }
            let result = TemplateFormat.rounded(number, digits)
            return value.integer == nil ? .double(result) : .int(Int(exactly: result) ?? 0)
        case "ceil", "floor":
            let rule: FloatingPointRoundingRule = bound[1]?.text == "ceil" ? .up : .down
            let scale = (0..<min(abs(digits), 400)).reduce(1.0) { scale, _ in scale * 10 }
            let factor = digits < 0 ? 1 / scale : scale
            return .double((number * factor).rounded(rule) / factor)
        default: throw TemplateFault("method must be common, ceil or floor")
        }
    }

    private static func indented(
        _ value: TemplateValue,
        _ bound: [TemplateValue?],
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        guard let text = value.text else {
            throw TemplateFault("indent() expects a string, not \(value.typeName)")
        }
        let widthValue = bound[0] ?? .int(4)
        guard widthValue.text != nil || widthValue.integer != nil else {
            throw TemplateFault("indent() expects a width")
        }
        let width = max(0, widthValue.integer ?? 0)
        try renderer.spend(width)
        let margin = widthValue.text ?? String(repeating: " ", count: width)
        let lines = (text + "\n").pythonLines()
        let (size, overflow) = margin.utf8.count.multipliedReportingOverflow(by: lines.count)
        try renderer.spend(overflow ? .max : size)
        var out = bound[1]?.isTrue == true ? margin : ""
        for (index, line) in lines.enumerated() {
            if index > 0 {
                out += "\n"
                if bound[2]?.isTrue == true || !line.isEmpty { out += margin }
            }
            out += line
        }
        return .string(out)
    }

    private static func truncated(
        _ value: TemplateValue,
        _ bound: [TemplateValue?]
    ) throws -> TemplateValue {
        let end = bound[2]?.text ?? "..."
        let leeway = bound[3]?.integer ?? 5
        let length = bound[0]?.integer ?? 255
        let tail = end.unicodeScalars.count
        guard length >= tail, leeway >= 0 else {
            throw TemplateFault("expected length >= \(tail), got \(length)")
        }
        let (limit, overflow) = length.addingReportingOverflow(leeway)
        if let count = value.length, overflow || count <= limit { return value }
        guard let text = value.text else {
            throw TemplateFault("truncate() expects a string, not \(value.typeName)")
        }
        let all = text.scalars
        var kept = all.prefix(length - tail)
        if bound[1]?.isTrue != true, let space = kept.lastIndex(of: " ") { kept = kept[..<space] }
        return .string(String(scalars: kept) + end)
    }
}
