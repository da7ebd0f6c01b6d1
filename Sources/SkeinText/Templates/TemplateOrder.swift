/// Python's equality and ordering.
enum TemplateOrder {
    static func areEqual(_ a: TemplateValue, _ b: TemplateValue) throws -> Bool {
        switch (a, b) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let x), .string(let y)): return x.isSame(y)
        case (.list(let x), .list(let y)), (.tuple(let x), .tuple(let y)):
            guard x.items.count == y.items.count else { return false }
            for (left, right) in zip(x.items, y.items) where try !areEqual(left, right) {
                return false
            }
            return true
        case (.dict(let x), .dict(let y)):
            guard x.entries.count == y.entries.count else { return false }
            for entry in x.entries {
                guard let other = try y.value(entry.key), try areEqual(entry.value, other) else {
                    return false
                }
            }
            return true
        case (.range(let x), .range(let y)):
            return x.count == y.count
                && (x.count == 0 || x.start == y.start && (x.count == 1 || x.step == y.step))
        case (.view(let x), .view(let y)):
            return x === y
        case (.iterator(let x), .iterator(let y)): return x === y
        case (.namespace(let x), .namespace(let y)): return x === y
        case (.callable(let x), .callable(let y)): return x === y
        case (.loop(let x), .loop(let y)): return x === y
        default:
            if let x = a.integer, let y = b.integer { return x == y }
            if let x = a.number, let y = b.number { return x == y }
            return false
        }
    }

    static func isLess(_ a: TemplateValue, _ b: TemplateValue) throws -> Bool {
        switch (a, b) {
        case (.string(let x), .string(let y)):
            return x.utf8.lexicographicallyPrecedes(y.utf8)
        case (.list(let x), .list(let y)), (.tuple(let x), .tuple(let y)):
            for (left, right) in zip(x.items, y.items) where try !areEqual(left, right) {
                return try isLess(left, right)
            }
            return x.items.count < y.items.count
        default:
            if let x = a.integer, let y = b.integer { return x < y }
            if let x = a.number, let y = b.number { return x < y }
            throw TemplateFault("'<' not supported between '\(a.typeName)' and '\(b.typeName)'")
        }
    }

    static func compare(
        _ operation: TemplateComparison,
        _ a: TemplateValue,
        _ b: TemplateValue
    ) throws -> Bool {
        switch operation {
        case .equal: return try areEqual(a, b)
        case .notEqual: return try !areEqual(a, b)
        case .isIn: return try contains(b, a)
        case .isNotIn: return try !contains(b, a)
        case .less: return try isLess(a, b)
        case .greater: return try isLess(b, a)
        case .lessOrEqual, .greaterOrEqual:
            let (x, y) = operation == .lessOrEqual ? (a, b) : (b, a)
            if x.number?.isNaN == true || y.number?.isNaN == true { return false }
            return try !isLess(y, x)
        }
    }

    static func contains(_ container: TemplateValue, _ element: TemplateValue) throws -> Bool {
        switch container {
        case .undefined: return false
        case .string(let text):
            guard case .string(let part) = element else {
                throw TemplateFault("'in <string>' requires a string, not '\(element.typeName)'")
            }
            return text.contains(bytesOf: part)
        case .dict(let dict): return try dict.value(element) != nil
        case .view(let view) where view.part == .keys: return try view.dict.value(element) != nil
        case .namespace, .callable, .loop, .none, .bool, .int, .double:
            throw TemplateFault("argument of type '\(container.typeName)' is not iterable")
        default:
            for item in try container.elements() where try areEqual(item, element) { return true }
            return false
        }
    }

    /// A stable sort by a key, in Python's order.
    static func sorted<Element>(
        _ elements: [Element],
        reversed: Bool = false,
        by key: (Element) throws -> TemplateValue
    ) throws -> [Element] {
        let keyed = try elements.enumerated().map { (try key($1), $0, $1) }
        let order = try keyed.sorted { a, b in
            if reversed {
                if try isLess(b.0, a.0) { return true }
                return try !isLess(a.0, b.0) && a.1 < b.1
            }
            if try isLess(a.0, b.0) { return true }
            return try !isLess(b.0, a.0) && a.1 < b.1
        }
        return order.map(\.2)
    }
}
