import SkeinCore

extension SchemaCompiler {
    /// The keywords that speak of one type.
    static let keywords: [String: [String]] = [
        "object": ["properties", "required", "additionalProperties"],
        "array": ["items", "prefixItems", "minItems", "maxItems"],
        "string": ["minLength", "maxLength", "pattern"],
        "number": ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
    ]

    /// Keywords that say nothing about what is valid.
    static let annotations: Set<String> = [
        "title", "description", "default", "examples", "example", "deprecated", "readOnly",
        "writeOnly", "$schema", "$id", "$comment", "$anchor", "$vocabulary", "contentEncoding",
        "contentMediaType", "contentSchema", "discriminator", "xml", "externalDocs", "strict",
        "name",
    ]

    private static let other: Set<String> = [
        "type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "$defs", "definitions",
        "format",
        "nullable", "uniqueItems", "minProperties", "maxProperties",
    ]

    /// Keywords that restrict and have no automaton here.
    private static let refused: Set<String> = [
        "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies",
        "patternProperties", "propertyNames", "contains", "minContains", "maxContains",
        "unevaluatedItems", "unevaluatedProperties", "additionalItems", "$dynamicRef",
        "$recursiveRef", "minProperties", "maxProperties",
    ]

    /// Refuses keywords that cannot be honoured.
    func check(_ object: JSONObject, _ path: String) throws {
        for (key, value) in object.members {
            if key == "minProperties" && value.int == 0 { continue }
            if key == "uniqueItems" && value == .bool(false) { continue }
            if Self.refused.contains(key) || key == "uniqueItems" {
                throw Self.failure(path, "uses the keyword \(key), which is not supported")
            }
            let isKnown =
                Self.annotations.contains(key) || Self.other.contains(key)
                || key.hasPrefix("x-") || Self.keywords.values.contains { $0.contains(key) }
            guard isKnown || !isStrict else {
                throw Self.failure(path, "uses the keyword \(key), which is not known")
            }
        }
    }

    /// A count that a keyword gives.
    func count(_ object: JSONObject, _ key: String, _ path: String) throws -> Int? {
        guard let value = object[key] else { return nil }
        guard let count = value.int, count >= 0 else {
            throw Self.failure("\(path)/\(key)", "is \(value.text()), expected a count")
        }
        guard count <= 100_000 else {
            throw Self.failure("\(path)/\(key)", "is \(count), expected at most 100000")
        }
        return count
    }

    // MARK: - Constants

    /// The values of `enum` and `const` that the other keywords allow.
    func constants(_ object: JSONObject, _ path: String) throws -> GrammarNode {
        var values: [JSON]
        if let list = object["enum"] {
            guard let array = list.array, !array.isEmpty else {
                throw Self.failure(path + "/enum", "is not a list of values")
            }
            values = array
        } else {
            values = [object["const"] ?? .null]
        }
        if let constant = object["const"] { values.removeAll { !Self.isSame($0, constant) } }
        let handled: Set<String> = ["type", "enum", "const", "$defs", "definitions", "format"]
        for (key, _) in object.members where !handled.contains(key) {
            let bounds = Self.keywords.values.contains { $0.contains(key) }
            guard !bounds else {
                throw Self.failure(path, "uses \(key) beside enum or const, which is not supported")
            }
        }
        if let type = object["type"] {
            let names = type.string.map { [$0] } ?? type.array?.compactMap(\.string) ?? []
            values.removeAll { value in !names.contains { Self.isType(value, $0) } }
        }
        return .choice(values.map { JSONPieces.constant($0) })
    }

    static func isType(_ value: JSON, _ name: String) -> Bool {
        switch value {
        case .null: name == "null"
        case .bool: name == "boolean"
        case .int: name == "integer" || name == "number"
        case .double(let number):
            name == "number" || (name == "integer" && number == number.rounded())
        case .string: name == "string"
        case .array: name == "array"
        case .object: name == "object"
        }
    }

    /// Whether two values are equal as JSON Schema compares them: numbers by value, keys in any order.
    static func isSame(_ a: JSON, _ b: JSON) -> Bool {
        switch (a, b) {
        case (.int, .double), (.double, .int): a.double == b.double
        case (.array(let x), .array(let y)):
            x.count == y.count && zip(x, y).allSatisfy { isSame($0, $1) }
        case (.object(let x), .object(let y)):
            x.members.count == y.members.count
                && x.members.allSatisfy { member in
                    y[member.key].map { isSame(member.value, $0) } ?? false
                }
        case (.string(let x), .string(let y)): x.utf8.elementsEqual(y.utf8)
        default: a == b
        }
    }

    // MARK: - Strings

    mutating func string(_ object: JSONObject, _ path: String) throws -> GrammarNode {
        let least = try count(object, "minLength", path)
        let most = try count(object, "maxLength", path)
        var content: GrammarNode?
        if let pattern = object["pattern"] {
            guard let text = pattern.string else {
                throw Self.failure(path + "/pattern", "is \(pattern.text()), expected a text")
            }
            do {
                content = try RegexParser.parse(text, searching: true)
            } catch let error as SkeinError {
                throw Self.failure(path + "/pattern", "is not supported: \(error.message)")
            }
        }
        if let format = object["format"]?.string {
            if let expression = try StringFormat.expression(format) {
                guard content == nil else {
                    throw Self.failure(path, "has both pattern and format, which is not supported")
                }
                content = expression
            } else if isStrict {
                throw Self.failure(path + "/format", "is \(format), which is not supported")
            }
        }
        guard let content else {
            if let most, most < least ?? 0 { return .never }
            if (least ?? 0) == 0 && most == nil { return .rule(anyString) }
            return JSONPieces.string(least ?? 0, most)
        }
        guard (least ?? 0) == 0, most == nil else {
            throw Self.failure(
                path,
                "bounds the length of a text with pattern or format, which is not supported",
                hint: "write the bounds into the pattern"
            )
        }
        return .sequence([.text("\""), JSONPieces.spelled(content), .text("\"")])
    }

    // MARK: - Numbers

    func number(_ object: JSONObject, isInteger: Bool, _ path: String) throws -> GrammarNode {
        if let multiple = object["multipleOf"] {
            guard isInteger, multiple.double == 1 else {
                throw Self.failure(
                    path + "/multipleOf",
                    "is \(multiple.text()), expected 1 for an integer; others are not supported"
                )
            }
        }
        let low = try bound(object, "minimum", "exclusiveMinimum", isLow: true, path)
        let high = try bound(object, "maximum", "exclusiveMaximum", isLow: false, path)
        if low == nil && high == nil {
            return isInteger ? JSONPieces.integer : JSONPieces.number
        }
        if isInteger { return NumberRange.integers(from: low, to: high) }
        return NumberRange.decimals(from: low, to: high)
    }

    private func bound(
        _ object: JSONObject,
        _ inclusive: String,
        _ exclusive: String,
        isLow: Bool,
        _ path: String
    ) throws -> NumberRange.Bound? {
        var chosen: (value: JSON, isExclusive: Bool)?
        for key in [inclusive, exclusive] {
            guard let value = object[key] else { continue }
            if case .bool(let excludes) = value, key == exclusive {
                // Draft 4 says with a truth value whether the other keyword's bound is left out.
                if let old = chosen, excludes { chosen = (old.value, true) }
                continue
            }
            guard let number = value.double, number.isFinite else {
                throw Self.failure("\(path)/\(key)", "is \(value.text()), expected a number")
            }
            let isExclusive = key == exclusive
            if let old = chosen?.value.double {
                let isTighter = isLow ? number > old : number < old
                guard isTighter || number == old else { continue }
            }
            chosen = (value, isExclusive)
        }
        guard let chosen else { return nil }
        guard let bound = NumberRange.Bound(chosen.value, isExclusive: chosen.isExclusive) else {
            throw Self.failure(
                path,
                "has the bound \(chosen.value.text()), expected one without an exponent"
            )
        }
        return bound
    }
}
