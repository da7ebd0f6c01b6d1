/// `str.format`: fields in braces.
enum TemplateBraces {
    static func format(
        _ text: String,
        _ arguments: TemplateCallArguments,
        _ renderer: TemplateRenderer
    ) throws -> String {
        let source = text.scalars
        var out = ""
        var index = 0
        var automatic = 0
        while index < source.count {
            let scalar = source[index]
            let isDoubled = index + 1 < source.count && source[index + 1] == scalar
            if scalar == "{", !isDoubled {
                guard let end = source[index...].firstIndex(of: "}") else {
                    throw TemplateFault("expected '}' before the end of the format string")
                }
                let inner = source[(index + 1)..<end]
                guard !inner.contains("{") else {
                    throw TemplateFault.unsupported("nested format fields")
                }
                out += try field(String(scalars: inner), arguments, &automatic, renderer)
                index = end + 1
            } else if scalar == "{" || scalar == "}" {
                guard isDoubled else { throw TemplateFault("single '}' in a format string") }
                out.unicodeScalars.append(scalar)
                index += 2
            } else {
                out.unicodeScalars.append(scalar)
                index += 1
            }
            try renderer.spend(1)
        }
        return out
    }

    private static func field(
        _ inner: String,
        _ arguments: TemplateCallArguments,
        _ automatic: inout Int,
        _ renderer: TemplateRenderer
    ) throws -> String {
        let parts = inner.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let spec = parts.count > 1 ? String(parts[1]) : ""
        let named = parts[0].split(separator: "!", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(named[0])
        guard !name.contains("."), !name.contains("[") else {
            throw TemplateFault.unsupported("attribute access in a format field")
        }
        let value: TemplateValue
        if name.isEmpty || Int(name) != nil {
            let place = Int(name) ?? automatic
            if name.isEmpty { automatic += 1 }
            guard let found = arguments.positional[wrapping: max(0, place)] else {
                throw TemplateFault("no positional argument \(place) to format")
            }
            value = found
        } else {
            guard let found = arguments.named.first(where: { $0.name == name }) else {
                throw TemplateFault("no argument '\(name)' to format")
            }
            value = found.value
        }
        if named.count > 1 {
            let text = try named[1] == "r" ? value.represented() : value.printed()
            return try write(.string(text), spec, renderer)
        }
        return try write(value, spec, renderer)
    }

    private static func write(
        _ value: TemplateValue,
        _ spec: String,
        _ renderer: TemplateRenderer
    ) throws -> String {
        if spec.isEmpty { return try value.printed() }
        var field = TemplateFormat.Field()
        var rest = spec.scalars[...]
        let aligns: [UnicodeScalar] = ["<", ">", "=", "^"]
        if rest.count > 1, aligns.contains(rest[rest.startIndex + 1]) {
            field.fill = rest.removeFirst()
            field.align = Character(rest.removeFirst())
        } else if let first = rest.first, aligns.contains(first) {
            field.align = Character(rest.removeFirst())
        }
        if let first = rest.first, ["+", "-", " "].contains(first) {
            field.sign = Character(rest.removeFirst())
        }
        if rest.first == "#" {
            field.isAlternate = true
            rest.removeFirst()
        }
        if rest.first == "0" {
            rest.removeFirst()
            if field.align == nil {
                field.fill = "0"
                field.align = "="
            }
        }
        func count() -> Int? {
            var digits = ""
            while let first = rest.first, ("0"..."9").contains(first) {
                digits.unicodeScalars.append(rest.removeFirst())
            }
            return digits.isEmpty ? nil : Int(digits) ?? .max
        }
        field.width = count() ?? 0
        if let first = rest.first, first == "," || first == "_" {
            field.grouping = Character(rest.removeFirst())
        }
        if rest.first == "." {
            rest.removeFirst()
            field.precision = count()
        }
        if let first = rest.first { field.type = Character(first) }
        guard rest.count <= 1 else { throw TemplateFault("invalid format specifier '\(spec)'") }
        switch value {
        case .string(let text):
            guard field.type == nil || field.type == "s", field.align != "=" else {
                throw TemplateFault("unknown format code for a string")
            }
            let cut =
                field.precision.map { String(scalars: text.unicodeScalars.prefix($0)) } ?? text
            return try field.padded(cut, "<", renderer)
        case .int, .double, .bool: return try field.number(value, renderer)
        default: throw TemplateFault("unsupported format string for \(value.typeName)")
        }
    }
}
