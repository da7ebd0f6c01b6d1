extension JSON {
    /// How a value is laid out as text.
    public enum Layout: Sendable {
        /// No white space at all.
        case compact
        /// One member or element a line, indented by so many spaces a level.
        case indented(Int)
        /// As Python's `json.dumps` writes by default: `", "` and `": "`.
        case spaced
    }

    /// The value as JSON text; numbers that are not finite become `null`.
    ///
    /// - Complexity: O(n) in the length of the text.
    public func text(_ layout: Layout = .compact) -> String {
        var out = ""
        write(to: &out, layout, level: 0)
        return out
    }

    private func write(to out: inout String, _ layout: Layout, level: Int) {
        switch self {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .int(let value): out += String(value)
        case .double(let value): out += value.isFinite ? "\(value)" : "null"
        case .string(let value): Self.quote(value, to: &out)
        case .array(let values):
            Self.list(values, "[", "]", to: &out, layout, level: level) { value, out in
                value.write(to: &out, layout, level: level + 1)
            }
        case .object(let object):
            let colon = if case .compact = layout { ":" } else { ": " }
            Self.list(object.members, "{", "}", to: &out, layout, level: level) { member, out in
                Self.quote(member.key, to: &out)
                out += colon
                member.value.write(to: &out, layout, level: level + 1)
            }
        }
    }

    private static func list<Element>(
        _ elements: [Element],
        _ open: String,
        _ close: String,
        to out: inout String,
        _ layout: Layout,
        level: Int,
        _ body: (Element, inout String) -> Void
    ) {
        out += open
        for (index, element) in elements.enumerated() {
            switch layout {
            case .compact: if index > 0 { out += "," }
            case .spaced: if index > 0 { out += ", " }
            case .indented(let width):
                out += index > 0 ? ",\n" : "\n"
                out += String(repeating: " ", count: width * (level + 1))
            }
            body(element, &out)
        }
        if case .indented(let width) = layout, !elements.isEmpty {
            out += "\n" + String(repeating: " ", count: width * level)
        }
        out += close
    }

    private static func quote(_ text: String, to out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{08}": out += "\\b"
            case "\u{0c}": out += "\\f"
            case "\u{00}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }
}
