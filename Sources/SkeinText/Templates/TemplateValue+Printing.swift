import SkeinCore

extension TemplateValue {
    /// Python's `str`.
    func printed() throws -> String {
        switch self {
        case .undefined: return ""
        case .string(let text): return text
        default:
            var out = ""
            try represent(into: &out, depth: 0)
            return out
        }
    }

    /// Python's `repr`.
    func represented() throws -> String {
        var out = ""
        try represent(into: &out, depth: 0)
        return out
    }

    private func represent(into out: inout String, depth: Int) throws {
        guard depth <= 2 * Self.maximumDepth else {
            throw TemplateFault("a value nests too deeply")
        }
        switch self {
        case .undefined: out += "Undefined"
        case .none: out += "None"
        case .bool(let value): out += value ? "True" : "False"
        case .int(let value): out += String(value)
        case .double(let value): out += TemplateFormat.shortest(value)
        case .string(let text): Self.quote(text, into: &out)
        case .list(let items): try Self.sequence(items.items, "[", "]", &out, depth)
        case .tuple(let items):
            try Self.sequence(items.items, "(", items.items.count == 1 ? ",)" : ")", &out, depth)
        case .dict(let dict): try Self.members(dict.entries, &out, depth)
        case .range(let range):
            out += "range(\(range.start), \(range.stop)\(range.step == 1 ? "" : ", \(range.step)"))"
        case .view(let view):
            out += "dict_\(view.part)("
            try Self.sequence(try view.elements(), "[", "]", &out, depth)
            out += ")"
        case .namespace(let namespace):
            guard out.utf8.count < Self.maximumWeight else {
                throw TemplateFault("a printed value is too long")
            }
            out += "<Namespace "
            let members = namespace.names.map { name in
                (key: TemplateValue.string(name), value: namespace.values[name] ?? .none)
            }
            try Self.members(members, &out, depth + 20)
            out += ">"
        case .loop(let loop): out += "<LoopContext \(loop.index + 1)/\(loop.items.count)>"
        case .iterator: out += "<generator object>"
        case .callable(let callable): out += "<function \(callable.name)>"
        }
    }

    private static func sequence(
        _ items: [TemplateValue],
        _ open: String,
        _ close: String,
        _ out: inout String,
        _ depth: Int
    ) throws {
        out += open
        for (index, item) in items.enumerated() {
            if index > 0 { out += ", " }
            try item.represent(into: &out, depth: depth + 1)
        }
        out += close
    }

    private static func members(
        _ entries: [(key: TemplateValue, value: TemplateValue)],
        _ out: inout String,
        _ depth: Int
    ) throws {
        out += "{"
        for (index, entry) in entries.enumerated() {
            if index > 0 { out += ", " }
            try entry.key.represent(into: &out, depth: depth + 1)
            out += ": "
            try entry.value.represent(into: &out, depth: depth + 1)
        }
        out += "}"
    }

    private static func quote(_ text: String, into out: inout String) {
        let quote: UnicodeScalar =
            text.unicodeScalars.contains("'") && !text.unicodeScalars.contains("\"") ? "\"" : "'"
        out.unicodeScalars.append(quote)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case quote: out += "\\\(quote)"
            default:
                if scalar.isPythonPrintable {
                    out.unicodeScalars.append(scalar)
                } else {
                    let (letter, width) =
                        scalar.value > 0xffff ? ("U", 8) : scalar.value > 0xff ? ("u", 4) : ("x", 2)
                    out += "\\" + letter + TemplateFormat.hexadecimal(scalar.value, width)
                }
            }
        }
        out.unicodeScalars.append(quote)
    }
}

/// `json.dumps`, as the `tojson` filter of chat templates calls it.
struct TemplateJSONWriter {
    var escapesUnicode = false
    var indent: String?
    var itemSeparator = ", "
    var keySeparator = ": "
    var sortsKeys = false
    private(set) var out = ""

    mutating func write(_ value: TemplateValue, level: Int = 0) throws {
        switch value {
        case .none: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .int(let value): out += String(value)
        case .double(let value): out += Self.number(value)
        case .string(let text): quote(text)
        case .list(let items), .tuple(let items):
            try list(items.items.count, "[", "]", level) { writer, index in
                try writer.write(items.items[index], level: level + 1)
            }
        case .dict(let dict):
            var entries = dict.entries
            if sortsKeys { entries = try TemplateOrder.sorted(entries) { $0.key } }
            try list(entries.count, "{", "}", level) { writer, index in
                writer.quote(try Self.key(entries[index].key))
                writer.out += writer.keySeparator
                try writer.write(entries[index].value, level: level + 1)
            }
        default:
            throw TemplateFault("Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return TemplateFormat.shortest(value)
    }

    private static func key(_ value: TemplateValue) throws -> String {
        switch value {
        case .string(let text): text
        case .none: "null"
        case .bool(let value): value ? "true" : "false"
        case .int(let value): String(value)
        case .double(let value): number(value)
        default: throw TemplateFault("keys must be str, int, float, bool or None")
        }
    }

    private mutating func list(
        _ count: Int,
        _ open: String,
        _ close: String,
        _ level: Int,
        _ element: (inout Self, Int) throws -> Void
    ) throws {
        out += open
        guard count > 0 else {
            out += close
            return
        }
        for index in 0..<count {
            if index > 0 { out += itemSeparator }
            try newline(level + 1)
            try element(&self, index)
        }
        try newline(level)
        out += close
    }

    private mutating func newline(_ level: Int) throws {
        guard let indent else { return }
        let grown = out.utf8.count + indent.utf8.count * level
        guard grown <= TemplateValue.maximumWeight / 4 else {
            throw TemplateFault(
                "indented JSON grew beyond \(TemplateValue.maximumWeight / 4) bytes"
            )
        }
        out += "\n"
        for _ in 0..<level { out += indent }
    }

    private mutating func quote(_ text: String) {
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
            default:
                if scalar.value < 0x20 || escapesUnicode && scalar.value > 0x7e {
                    for unit in UTF16.encode(scalar) ?? .init() {
                        out += "\\u" + TemplateFormat.hexadecimal(UInt32(unit), 4)
                    }
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        out += "\""
    }
}
