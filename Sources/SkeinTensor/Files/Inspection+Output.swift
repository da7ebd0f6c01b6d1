public import SkeinCore

extension Inspection {
    /// How many bytes each type takes, largest first.
    private var bytesByType: [(type: String, tensors: Int, bytes: Int)] {
        var totals: [String: (tensors: Int, bytes: Int)] = [:]
        for tensor in tensors {
            totals[tensor.type, default: (0, 0)].tensors += 1
            totals[tensor.type, default: (0, 0)].bytes += tensor.bytes
        }
        return totals.map { ($0.key, $0.value.tensors, $0.value.bytes) }
            .sorted { ($1.bytes, $0.type) < ($0.bytes, $1.type) }
    }

    /// Everything as one JSON object.
    public var json: JSON {
        var object = JSONObject()
        object["path"] = .string(path)
        object["format"] = .string(format)
        object["parameters"] = .int(parameters)
        object["bytes"] = .int(bytes)
        var pairs = JSONObject()
        for (key, value) in metadata { pairs[key] = value }
        object["metadata"] = .object(pairs)
        object["tensors"] = .array(
            tensors.map { tensor in
                var line = JSONObject()
                line["name"] = .string(tensor.name)
                line["type"] = .string(tensor.type)
                line["shape"] = .array(tensor.shape.map { .int($0) })
                line["bytes"] = .int(tensor.bytes)
                line["file"] = .string(tensor.place.file)
                line["offset"] = .int(tensor.place.offset)
                line["readable"] = .bool(tensor.isReadable)
                return .object(line)
            }
        )
        return .object(object)
    }

    /// Everything as lines of text, columns aligned; control characters are escaped.
    public var table: String {
        var lines = ["\(path): \(format)", ""]
        let width = metadata.map { $0.key.count }.max() ?? 0
        for (key, value) in metadata {
            lines.append("  \(Self.left(Self.visible(key), width))  \(Self.short(value))")
        }
        if !metadata.isEmpty { lines.append("") }
        var rows = [["tensor", "type", "shape", "bytes", "offset"]]
        rows += tensors.map { tensor in
            [
                Self.visible(tensor.name),
                tensor.type + (tensor.isReadable ? "" : " (not readable)"),
                tensor.shape.map(String.init).joined(separator: " × "),
                String(tensor.bytes),
                String(tensor.place.offset),
            ]
        }
        let widths = (0..<5).map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = (0..<5).map { column in
                column < 3
                    ? Self.left(row[column], widths[column])
                    : Self.right(row[column], widths[column])
            }
            lines.append("  " + cells.joined(separator: "  "))
        }
        lines.append("")
        for (type, count, bytes) in bytesByType {
            lines.append("  \(type): \(count) tensors, \(bytes) bytes")
        }
        lines.append("  total: \(tensors.count) tensors, \(parameters) values, \(bytes) bytes")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func short(_ value: JSON) -> String {
        let text: String
        if let string = value.string {
            text = visible(string)
        } else {
            text = visible(value.text(.spaced))
        }
        return text.count > 72 ? String(text.prefix(69)) + "..." : text
    }

    /// Text from a file, safe for a terminal.
    private static func visible(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            default:
                if scalar.properties.generalCategory == .control {
                    result += "\\u{\(String(scalar.value, radix: 16))}"
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }

    private static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
