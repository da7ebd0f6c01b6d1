public import SkeinCore

/// Turns a JSON Schema into rules.
///
/// Object members come in the order in which the schema declares them, others after them. Every text
/// of the grammar satisfies the schema; a schema that cannot be honoured is refused by name.
///
/// - Deviation: `oneOf` is read as `anyOf`; a schema without `type` means the types that its keywords
///   speak of; keys of undeclared members are spelled without `\u` escapes.
struct SchemaCompiler {
    private(set) var rules: [GrammarNode] = []
    /// Whether undeclared members, unknown keywords and formats are refused.
    let isStrict: Bool
    /// What `#` refers to.
    var document: JSON = .bool(true)
    /// Rules of schemas that were seen, so that recursion ends.
    private var known: [JSON: Int] = [:]
    private var shared: [String: Int] = [:]
    private var visits = 0

    private static let mostVisits = 20_000
    private static let deepest = 60

    init(isStrict: Bool) { self.isStrict = isStrict }

    static func failure(_ path: String, _ what: String, hint: String? = nil) -> SkeinError {
        SkeinError(.invalidArgument, "the JSON schema at \(path) \(what)", hint: hint)
    }

    // MARK: - Rules

    /// Adds a rule, which may call itself, once.
    mutating func rule(
        _ name: String,
        _ body: (inout Self, Int) -> GrammarNode
    ) -> Int {
        if let index = shared[name] { return index }
        let index = rules.count
        rules.append(.nothing)
        shared[name] = index
        let node = body(&self, index)
        rules[index] = node
        return index
    }

    /// Adds a rule for an expression.
    mutating func newRule(_ node: GrammarNode) -> Int {
        rules.append(node)
        return rules.count - 1
    }

    var anyString: Int {
        mutating get { rule("string") { _, _ in JSONPieces.string() } }
    }

    var anyNumber: Int {
        mutating get { rule("number") { _, _ in JSONPieces.number } }
    }

    var anyValue: Int {
        mutating get {
            rule("value") { schema, _ in
                .choice([
                    .rule(schema.anyObject), .rule(schema.anyArray), .rule(schema.anyString),
                    .rule(schema.anyNumber), JSONPieces.boolean, .text("null"),
                ])
            }
        }
    }

    var anyObject: Int {
        mutating get {
            rule("object") { schema, _ in
                let member = GrammarNode.sequence([
                    .rule(schema.anyString), JSONPieces.colon, .rule(schema.anyValue),
                ])
                return .sequence([
                    .text("{"), JSONPieces.space, JSONPieces.list([], rest: member), .text("}"),
                ])
            }
        }
    }

    var anyArray: Int {
        mutating get {
            rule("array") { schema, _ in
                JSONPieces.array(JSONPieces.list([], rest: .rule(schema.anyValue)))
            }
        }
    }

    // MARK: - Schemas

    /// The expression of a schema.
    mutating func compile(_ schema: JSON, _ path: String, _ level: Int) throws -> GrammarNode {
        visits += 1
        guard visits <= Self.mostVisits else {
            throw Self.failure(path, "is one of more than \(Self.mostVisits) parts")
        }
        guard level <= Self.deepest else {
            throw Self.failure(path, "is nested deeper than \(Self.deepest) levels")
        }
        switch schema {
        case .bool(let isAny): return isAny ? .rule(anyValue) : .never
        case .object(let object):
            guard Self.isComposite(object) else {
                return try expression(object, path, level)
            }
            if let index = known[schema] { return .rule(index) }
            let index = newRule(.never)
            known[schema] = index
            rules[index] = try expression(object, path, level)
            return .rule(index)
        default:
            throw Self.failure(path, "is \(schema.text().prefix(40)), expected an object")
        }
    }

    private static func isComposite(_ object: JSONObject) -> Bool {
        [
            "properties", "additionalProperties", "items", "prefixItems", "allOf", "anyOf",
            "oneOf", "$ref", "required",
        ].contains { object[$0] != nil }
    }

    private mutating func expression(
        _ object: JSONObject,
        _ path: String,
        _ level: Int
    ) throws -> GrammarNode {
        try check(object, path)
        if object["nullable"] == .bool(true) {
            var rest = object
            rest["nullable"] = nil
            return .choice([try compile(.object(rest), path, level + 1), .text("null")])
        }
        if let reference = object["$ref"] {
            let target = try resolve(reference, path)
            var rest = object.withoutAnnotations
            rest["$ref"] = nil
            if rest.members.isEmpty { return try compile(target.schema, target.path, level + 1) }
            var merged = rest
            let parts = [target.schema] + (object["allOf"]?.array ?? [])
            merged["allOf"] = .array(parts)
            return try compile(.object(merged), path, level + 1)
        }
        if let all = object["allOf"] {
            guard let parts = all.array, !parts.isEmpty else {
                throw Self.failure(path + "/allOf", "is not a list of schemas")
            }
            var merged = object.withoutAnnotations
            merged["allOf"] = nil
            for (place, part) in parts.enumerated() {
                let place = "\(path)/allOf/\(place)"
                guard let both = try merge(.object(merged), part, place) else { return .never }
                guard case .object(let next) = both else { return .never }
                merged = next
            }
            return try compile(.object(merged), path, level + 1)
        }
        for keyword in ["anyOf", "oneOf"] {
            guard let alternatives = object[keyword] else { continue }
            return try choice(object, keyword, alternatives, path, level)
        }
        if object["enum"] != nil || object["const"] != nil {
            return try constants(object, path)
        }
        return .choice(
            try types(of: object, path).map { try compile(object, as: $0, path, level) }
        )
    }

    private mutating func choice(
        _ object: JSONObject,
        _ keyword: String,
        _ alternatives: JSON,
        _ path: String,
        _ level: Int
    ) throws -> GrammarNode {
        guard let parts = alternatives.array, !parts.isEmpty else {
            throw Self.failure("\(path)/\(keyword)", "is not a list of schemas")
        }
        var base = object.withoutAnnotations
        base[keyword] = nil
        base["$defs"] = nil
        base["definitions"] = nil
        var nodes: [GrammarNode] = []
        for (place, part) in parts.enumerated() {
            let place = "\(path)/\(keyword)/\(place)"
            if base.members.isEmpty {
                nodes.append(try compile(part, place, level + 1))
            } else if let both = try merge(.object(base), part, place) {
                nodes.append(try compile(both, place, level + 1))
            }
        }
        return .choice(nodes)
    }

    private mutating func compile(
        _ object: JSONObject,
        as type: String,
        _ path: String,
        _ level: Int
    ) throws -> GrammarNode {
        switch type {
        case "null": return .text("null")
        case "boolean": return JSONPieces.boolean
        case "string": return try string(object, path)
        case "integer", "number": return try number(object, isInteger: type == "integer", path)
        case "array": return try array(object, path, level)
        default: return try self.object(object, path, level)
        }
    }

    /// The types a schema allows, or where it names none, those that its keywords speak of.
    private func types(of object: JSONObject, _ path: String) throws -> [String] {
        let every = ["object", "array", "string", "number", "boolean", "null"]
        guard let type = object["type"] else {
            let spoken = every.filter { type in
                Self.keywords[type, default: []].contains { object[$0] != nil }
            }
            return spoken.isEmpty ? every : spoken
        }
        let names = type.string.map { [$0] } ?? type.array?.compactMap(\.string) ?? []
        let count = type.array?.count ?? 1
        let isKnown = names.allSatisfy { every.contains($0) || $0 == "integer" }
        guard !names.isEmpty, names.count == count, isKnown else {
            throw Self.failure(path + "/type", "is \(type.text()), expected JSON types")
        }
        var unique: [String] = []
        for name in names where !unique.contains(name) { unique.append(name) }
        if unique.contains("number") { unique.removeAll { $0 == "integer" } }
        return unique
    }

    // MARK: - References

    private func resolve(_ reference: JSON, _ path: String) throws -> (schema: JSON, path: String) {
        guard let text = reference.string, text.hasPrefix("#") else {
            throw Self.failure(
                path + "/$ref",
                "is \(reference.text().prefix(80)), expected a pointer into the schema such as #/$defs/x"
            )
        }
        var at = document
        for part in text.dropFirst().split(separator: "/") {
            let key = Self.unescaped(String(part))
            if let next = at[key] {
                at = next
            } else if let list = at.array, let place = Int(key), list.indices.contains(place) {
                at = list[place]
            } else {
                throw Self.failure(path + "/$ref", "is \(text), which the schema does not hold")
            }
        }
        return (at, text)
    }

    /// A part of a pointer without its escapes.
    private static func unescaped(_ part: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(part.utf8)[...]
        while let byte = rest.popFirst() {
            let pair = String(decoding: rest.prefix(2), as: UTF8.self)
            if byte == UInt8(ascii: "%"), pair.utf8.count == 2, let value = UInt8(pair, radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else if byte == UInt8(ascii: "~"), rest.first == UInt8(ascii: "0") {
                bytes.append(UInt8(ascii: "~"))
                rest = rest.dropFirst()
            } else if byte == UInt8(ascii: "~"), rest.first == UInt8(ascii: "1") {
                bytes.append(UInt8(ascii: "/"))
                rest = rest.dropFirst()
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The target of a schema that is only a reference, followed to its end.
    func followed(_ schema: JSON, _ path: String) throws -> JSON {
        var schema = schema
        for _ in 0..<Self.deepest {
            guard case .object(let object) = schema, let reference = object["$ref"] else {
                return schema
            }
            var rest = object.withoutAnnotations
            rest["$ref"] = nil
            let target = try resolve(reference, path).schema
            guard rest.members.isEmpty else {
                rest["allOf"] = .array([target] + (rest["allOf"]?.array ?? []))
                return .object(rest)
            }
            schema = target
        }
        throw Self.failure(path, "is a reference that leads to itself")
    }
}

extension Grammar {
    /// Creates the grammar of the JSON texts that satisfy a schema.
    ///
    /// Types, properties in declared order, `required`, `additionalProperties`, `items`, `prefixItems`
    /// and their counts, `enum`, `const`, `anyOf`, `oneOf` (as `anyOf`), `allOf` where it can be
    /// merged, `$ref` into the schema, recursive too, lengths, `pattern`, the formats date, time,
    /// date-time, uuid, email, ipv4 and hostname, and bounds of numbers.
    ///
    /// - Parameters:
    ///   - jsonSchema: The schema.
    ///   - strict: Whether objects have no undeclared members unless the schema says so, and keywords
    ///     and formats that are not known are refused rather than taken for annotations.
    /// - Throws: `SkeinError` with code `.invalidArgument`, naming path and keyword.
    public init(jsonSchema: JSON, strict: Bool = false) throws {
        var compiler = SchemaCompiler(isStrict: strict)
        compiler.document = jsonSchema
        let root = try compiler.compile(jsonSchema, "#", 0)
        self.init(rules: compiler.rules, root: root)
    }
}
