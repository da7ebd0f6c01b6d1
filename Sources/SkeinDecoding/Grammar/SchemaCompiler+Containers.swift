import SkeinCore

extension SchemaCompiler {
    // MARK: - Arrays

    mutating func array(
        _ object: JSONObject,
        _ path: String,
        _ level: Int
    ) throws -> GrammarNode {
        let least = try count(object, "minItems", path) ?? 0
        let most = try count(object, "maxItems", path)
        var first: [GrammarNode] = []
        if let prefix = object["prefixItems"] {
            guard let schemas = prefix.array else {
                throw Self.failure(path + "/prefixItems", "is not a list of schemas")
            }
            for (place, schema) in schemas.enumerated() {
                first.append(try compile(schema, "\(path)/prefixItems/\(place)", level + 1))
            }
        }
        var rest: GrammarNode? = .rule(anyValue)
        if case .array = object["items"] {
            throw Self.failure(path + "/items", "is a list", hint: "use prefixItems")
        }
        if let items = object["items"] {
            rest =
                items == .bool(false)
                ? nil : try compile(items, path + "/items", level + 1)
        }
        // Elements that no text satisfies end the array before them.
        var limit = most ?? .max
        if let dead = first.firstIndex(where: { $0 == .never }) { limit = min(limit, dead) }
        if rest == nil || rest == .never { limit = min(limit, first.count) }
        guard least <= limit else { return .never }
        first = Array(first.prefix(limit))
        var node = GrammarNode.nothing
        if let rest, limit > first.count {
            let least = max(0, least - first.count)
            let more = limit == .max ? nil : limit - first.count
            if first.isEmpty {
                let further = GrammarNode.repetition(
                    .sequence([JSONPieces.comma, rest]),
                    max(0, least - 1),
                    more.map { $0 - 1 }
                )
                let some = GrammarNode.sequence([rest, further])
                node = least == 0 ? .optional(some) : some
            } else {
                node = .repetition(.sequence([JSONPieces.comma, rest]), least, more)
            }
        }
        for (place, element) in first.enumerated().reversed() {
            let part = place == 0 ? element : .sequence([JSONPieces.comma, element])
            let tail = GrammarNode.sequence([part, node])
            node = place < least ? tail : .optional(tail)
        }
        return JSONPieces.array(.sequence([node, JSONPieces.space]))
    }

    // MARK: - Objects

    mutating func object(
        _ object: JSONObject,
        _ path: String,
        _ level: Int
    ) throws -> GrammarNode {
        var properties: [(key: String, schema: JSON)] = []
        if let declared = object["properties"] {
            guard let members = declared.object else {
                throw Self.failure(path + "/properties", "is not an object")
            }
            properties = members.members.map { ($0.key, $0.value) }
        }
        var required: [String] = []
        if let names = object["required"] {
            guard let list = names.array, list.allSatisfy({ $0.string != nil }) else {
                throw Self.failure(path + "/required", "is not a list of names")
            }
            required = list.compactMap(\.string)
        }
        let requiredKeys = Set(required.map(ExactKey.init))
        let more = object["additionalProperties"] ?? .bool(!isStrict)
        var declared = Set(properties.map { ExactKey($0.key) })
        for name in required where declared.insert(ExactKey(name)).inserted {
            properties.append((name, more))
        }
        var items: [GrammarNode.Item] = []
        for (key, schema) in properties {
            let value = try compile(schema, "\(path)/properties/\(key)", level + 1)
            let isRequired = requiredKeys.contains(ExactKey(key))
            if value == .never {
                guard !isRequired else { return .never }
                continue
            }
            let member = GrammarNode.sequence([JSONPieces.quoted(key), JSONPieces.colon, value])
            items.append(GrammarNode.Item(node: member, isRequired: isRequired))
        }
        var rest: GrammarNode?
        if more != .bool(false) {
            let value = try compile(more, path + "/additionalProperties", level + 1)
            if value != .never {
                let key = try key(except: properties.map(\.key), path)
                rest = .sequence([key, JSONPieces.colon, value])
            }
        }
        let list = JSONPieces.list(items, rest: rest)
        return .sequence([.text("{"), JSONPieces.space, list, .text("}")])
    }

    /// A key that is none of some names, in its one spelling.
    private mutating func key(except names: [String], _ path: String) throws -> GrammarNode {
        if names.isEmpty { return .rule(anyString) }
        let words = names.map { $0.unicodeScalars.map(\.value)[...] }
        let content = try others(than: words, path, 0)
        return .sequence([.text("\""), content, .text("\"")])
    }

    private static let longestKey = 90

    private mutating func others(
        than words: [ArraySlice<UInt32>],
        _ path: String,
        _ level: Int
    ) throws -> GrammarNode {
        guard level <= Self.longestKey else {
            throw Self.failure(
                path,
                "has a property name longer than \(Self.longestKey) characters",
                hint: "set additionalProperties to false"
            )
        }
        let anything = rule("key content") { _, _ in
            .repetition(JSONPieces.spelled(.all), 0, nil)
        }
        if words.isEmpty { return .rule(anything) }
        var parts: [GrammarNode] = []
        if !words.contains(where: \.isEmpty) { parts.append(.nothing) }
        var following: [UInt32: [ArraySlice<UInt32>]] = [:]
        for word in words {
            guard let first = word.first else { continue }
            following[first, default: []].append(word.dropFirst())
        }
        let firsts = following.keys.sorted()
        let ascii = ScalarSet([0x20...0x21, 0x23...0x5B, 0x5D...0x7F])
        let taken = ScalarSet(firsts.map { $0...$0 })
        if firsts.allSatisfy({ ascii.contains($0) }) {
            let unusual = rule("key unusual") { _, _ in
                JSONPieces.spelled(ascii.inverted())
            }
            let free = GrammarNode.choice([
                .scalars(ascii.subtracting(taken)), .rule(unusual),
            ])
            parts.append(.sequence([free, .rule(anything)]))
        } else {
            parts.append(
                .sequence([JSONPieces.spelled(taken.inverted()), .rule(anything)])
            )
        }
        for first in firsts {
            let tail = try others(than: following[first] ?? [], path, level + 1)
            parts.append(.sequence([.text(JSONPieces.spelling(first)), tail]))
        }
        return .choice(parts)
    }
}
