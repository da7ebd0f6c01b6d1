import SkeinCore

extension JSONObject {
    /// The keywords that restrict, and definitions.
    var withoutAnnotations: JSONObject {
        var kept = JSONObject()
        for (key, value) in members
        where !SchemaCompiler.annotations.contains(key) && key != "$defs" && key != "definitions" {
            kept[key] = value
        }
        return kept
    }
}

extension SchemaCompiler {
    private static let mostAlternatives = 256

    /// One schema that means both, or `nil` where nothing satisfies both.
    func merge(_ first: JSON, _ second: JSON, _ path: String) throws -> JSON? {
        let (first, second) = (try followed(first, path), try followed(second, path))
        switch (first, second) {
        case (.bool(false), _), (_, .bool(false)): return nil
        case (.bool(true), let other), (let other, .bool(true)): return other
        case (.object(let a), .object(let b)):
            return try merge(a.withoutAnnotations, b.withoutAnnotations, path)
        default: throw Self.failure(path, "is not a schema")
        }
    }

    private func merge(_ a: JSONObject, _ b: JSONObject, _ path: String) throws -> JSON? {
        try check(a, path)
        try check(b, path)
        var merged = a
        for (key, value) in b.members {
            guard let old = a[key] else {
                merged[key] = value
                continue
            }
            if Self.isSame(old, value) { continue }
            switch key {
            case "properties", "additionalProperties": break
            case "type":
                guard let type = Self.common(old, value) else { return nil }
                merged[key] = type
            case "required", "allOf":
                merged[key] = .array((old.array ?? []) + (value.array ?? []))
            case "minimum", "exclusiveMinimum", "minLength", "minItems":
                merged[key] = (old.double ?? 0) >= (value.double ?? 0) ? old : value
            case "maximum", "exclusiveMaximum", "maxLength", "maxItems":
                merged[key] = (old.double ?? 0) <= (value.double ?? 0) ? old : value
            case "enum":
                let shared = (old.array ?? []).filter { one in
                    (value.array ?? []).contains { Self.isSame(one, $0) }
                }
                guard !shared.isEmpty else { return nil }
                merged[key] = .array(shared)
            case "const": return nil
            case "items": merged[key] = Self.both(old, value)
            case "nullable": merged[key] = .bool(false)
            case "anyOf", "oneOf":
                let (x, y) = (old.array ?? [], value.array ?? [])
                guard x.count * y.count <= Self.mostAlternatives else {
                    throw Self.failure(
                        path,
                        "combines \(x.count) with \(y.count) alternatives, expected at most "
                            + "\(Self.mostAlternatives) together"
                    )
                }
                merged[key] = .array(x.flatMap { one in y.map { Self.both(one, $0) } })
            default:
                throw Self.failure(path, "has another \(key) than the schema it is merged with")
            }
        }
        mergeProperties(a, b, into: &merged)
        return .object(merged)
    }

    private static func both(_ a: JSON, _ b: JSON) -> JSON {
        if a == .bool(false) || b == .bool(false) { return .bool(false) }
        if a == .bool(true) { return b }
        if b == .bool(true) { return a }
        var object = JSONObject()
        object["allOf"] = .array([a, b])
        return .object(object)
    }

    /// The types that both lists name; an integer is a number.
    private static func common(_ a: JSON, _ b: JSON) -> JSON? {
        let first = a.string.map { [$0] } ?? a.array?.compactMap(\.string) ?? []
        let second = b.string.map { [$0] } ?? b.array?.compactMap(\.string) ?? []
        var shared = first.filter { second.contains($0) }
        let pairs = [(first, second), (second, first)]
        let narrows = pairs.contains { $0.contains("number") && $1.contains("integer") }
        if narrows && !shared.contains("number") && !shared.contains("integer") {
            shared.append("integer")
        }
        return shared.isEmpty ? nil : .array(shared.map { .string($0) })
    }

    private func mergeProperties(_ a: JSONObject, _ b: JSONObject, into merged: inout JSONObject) {
        let (moreA, moreB) = (a["additionalProperties"], b["additionalProperties"])
        var properties = JSONObject()
        let (inA, inB) = (a["properties"]?.object, b["properties"]?.object)
        for (key, schema) in inA?.members ?? [] {
            properties[key] = Self.both(schema, inB?[key] ?? moreB ?? .bool(true))
        }
        for (key, schema) in inB?.members ?? [] where inA?[key] == nil {
            properties[key] = Self.both(moreA ?? .bool(true), schema)
        }
        if inA != nil || inB != nil { merged["properties"] = .object(properties) }
        if let moreA, let moreB { merged["additionalProperties"] = Self.both(moreA, moreB) }
    }
}
