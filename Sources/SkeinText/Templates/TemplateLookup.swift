/// Attribute, item and slice access.
enum TemplateLookup {
    static func attribute(
        _ name: String,
        of base: TemplateValue,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        if case .undefined(let what) = base {
            throw TemplateFault("\(what) is undefined, so it has no attribute '\(name)'")
        }
        if let own = try ownAttribute(name, base) { return own }
        if case .dict(let dict) = base, let value = dict[name] { return value }
        return .undefined("'\(base.typeName) object' has no attribute '\(name)'; it")
    }

    private static func ownAttribute(_ name: String, _ base: TemplateValue) throws -> TemplateValue?
    {
        switch base {
        case .namespace(let namespace): return namespace.values[name]
        case .loop(let loop): return loopAttribute(name, loop)
        case .callable(let callable): return callable.attributes[name]
        case .tuple(let items) where items.names.contains(name):
            return items.names.firstIndex(of: name).map { items.items[$0] }
        default:
            guard TemplateMethods.has(name, base) else { return nil }
            return .callable(
                TemplateCallable(name) { renderer, arguments in
                    try renderer.spend(base.weight)
                    return try TemplateMethods.call(name, base, arguments, renderer)
                }
            )
        }
    }

    private static func loopAttribute(_ name: String, _ loop: TemplateLoop) -> TemplateValue? {
        let count = loop.items.count
        switch name {
        case "index": return .int(loop.index + 1)
        case "index0": return .int(loop.index)
        case "revindex": return .int(count - loop.index)
        case "revindex0": return .int(count - loop.index - 1)
        case "first": return .bool(loop.index == 0)
        case "last": return .bool(loop.index == count - 1)
        case "length": return .int(count)
        case "depth": return .int(loop.depth + 1)
        case "depth0": return .int(loop.depth)
        case "previtem":
            return loop.index > 0
                ? loop.items[loop.index - 1] : .undefined("there is no previous item; it")
        case "nextitem":
            return loop.index + 1 < count
                ? loop.items[loop.index + 1] : .undefined("there is no next item; it")
        case "cycle":
            return .callable(
                TemplateCallable(name) { _, arguments in
                    guard !arguments.positional.isEmpty else {
                        throw TemplateFault("no items for cycling given")
                    }
                    return arguments.positional[loop.index % arguments.positional.count]
                }
            )
        case "changed":
            return .callable(
                TemplateCallable(name) { _, arguments in
                    let values = arguments.positional
                    if let last = loop.lastChanged, last.count == values.count,
                        try zip(last, values).allSatisfy({ try TemplateOrder.areEqual($0, $1) })
                    {
                        return .bool(false)
                    }
                    loop.lastChanged = values
                    return .bool(true)
                }
            )
        default: return nil
        }
    }

    static func item(
        _ key: TemplateValue,
        of base: TemplateValue,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        switch base {
        case .undefined(let what): throw TemplateFault("\(what) is undefined and has no items")
        case .dict(let dict):
            if let key = try? TemplateKey(key), let place = dict.index[key] {
                return dict.entries[place].value
            }
        case .list(let items), .tuple(let items):
            if let index = key.integer, let value = items.items[wrapping: index] { return value }
        case .range(let range):
            if let index = key.integer {
                let place = index < 0 ? index + range.count : index
                if place >= 0, place < range.count { return .int(range[place]) }
            }
        case .string(let text):
            if let index = key.integer {
                try renderer.spend(text.utf8.count)
                if let scalar = text.scalars[wrapping: index] {
                    return .string(String(Character(scalar)))
                }
            }
        default: break
        }
        if case .string(let name) = key, let own = try ownAttribute(name, base) { return own }
        return .undefined("'\(base.typeName) object' has no element \(try key.represented()); it")
    }

    static func slice(
        _ base: TemplateValue,
        _ start: TemplateValue?,
        _ stop: TemplateValue?,
        _ step: TemplateValue?,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        try renderer.spend(base.weight)
        let bounds = try [start, stop, step].map { value -> Int? in
            guard let value, !value.isNone else { return nil }
            guard let index = value.integer else {
                throw TemplateFault(
                    "slice indices must be integers or none, not '\(value.typeName)'"
                )
            }
            return index
        }
        func pick<T>(_ all: [T]) throws -> [T] {
            try indices(bounds[0], bounds[1], bounds[2] ?? 1, all.count).map { all[$0] }
        }
        switch base {
        case .string(let text): return .string(String(scalars: try pick(text.scalars)))
        case .list(let items): return try .list(pick(items.items))
        case .tuple(let items): return .tuple(try TemplateItems(pick(items.items)))
        case .range(let range): return try .list(pick((0..<range.count).map { .int(range[$0]) }))
        default: throw TemplateFault("'\(base.typeName)' object cannot be sliced")
        }
    }

    static func indices(_ start: Int?, _ stop: Int?, _ step: Int, _ count: Int) throws -> [Int] {
        guard step != 0 else { throw TemplateFault("slice step cannot be zero") }
        func clamp(_ value: Int?, _ fallback: Int) -> Int {
            guard var value else { return fallback }
            if value < 0 { value = value < -count ? -1 : value + count }
            let low = step < 0 ? -1 : 0
            return min(max(value, low), step < 0 ? count - 1 : count)
        }
        if step > 0 {
            let (from, to) = (clamp(start, 0), clamp(stop, count))
            return from < to ? Array(Swift.stride(from: from, to: to, by: step)) : []
        }
        let (from, to) = (clamp(start, count - 1), clamp(stop, -1))
        guard step > .min, from > to else { return from > to ? [from] : [] }
        return Array(Swift.stride(from: from, to: to, by: step))
    }
}

extension Array {
    /// The element at a Python index.
    subscript(wrapping index: Int) -> Element? {
        let place = index < 0 ? index + count : index
        return place >= 0 && place < count ? self[place] : nil
    }
}
