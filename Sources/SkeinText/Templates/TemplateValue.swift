import SkeinCore

/// A value inside a template, with Python's semantics.
enum TemplateValue {
    /// A missing name; the text says what was looked for.
    case undefined(String)
    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case list(TemplateItems)
    case tuple(TemplateItems)
    case dict(TemplateDict)
    case range(TemplateRange)
    case view(TemplateView)
    case iterator(TemplateIterator)
    case namespace(TemplateNamespace)
    case callable(TemplateCallable)
    case loop(TemplateLoop)

    /// The largest value, in elements and bytes, that a template may build.
    static let maximumWeight = 1 << 26
    static let maximumDepth = 100
}

/// The elements of a list or tuple; knows its total size and depth, so that no walk runs away.
final class TemplateItems {
    let items: [TemplateValue]
    let names: [String]
    let weight: Int
    let depth: Int

    init(_ items: [TemplateValue], names: [String] = []) throws {
        self.items = items
        self.names = names
        (weight, depth) = try Self.measure(items)
    }

    static func measure(_ items: [TemplateValue]) throws -> (Int, Int) {
        var weight = 1
        var depth = 0
        for item in items {
            weight += item.weight
            depth = max(depth, item.depth)
        }
        guard weight <= TemplateValue.maximumWeight else {
            throw TemplateFault("a value grew beyond \(TemplateValue.maximumWeight) elements")
        }
        guard depth < TemplateValue.maximumDepth else {
            throw TemplateFault("a value nests deeper than \(TemplateValue.maximumDepth)")
        }
        return (weight, depth + 1)
    }
}

/// An immutable dictionary in the order of insertion.
final class TemplateDict {
    let entries: [(key: TemplateValue, value: TemplateValue)]
    let index: [TemplateKey: Int]
    let weight: Int
    let depth: Int

    init(_ pairs: [(key: TemplateValue, value: TemplateValue)]) throws {
        var entries: [(key: TemplateValue, value: TemplateValue)] = []
        var index: [TemplateKey: Int] = [:]
        entries.reserveCapacity(pairs.count)
        for pair in pairs {
            let key = try TemplateKey(pair.key)
            if let place = index[key] {
                entries[place].value = pair.value
            } else {
                index[key] = entries.count
                entries.append(pair)
            }
        }
        self.entries = entries
        self.index = index
        let (keyWeight, keyDepth) = try TemplateItems.measure(entries.map(\.key))
        let (valueWeight, valueDepth) = try TemplateItems.measure(entries.map(\.value))
        weight = keyWeight + valueWeight
        depth = max(keyDepth, valueDepth)
    }

    subscript(key: String) -> TemplateValue? {
        index[.string(ExactKey(key))].map { entries[$0].value }
    }

    func value(_ key: TemplateValue) throws -> TemplateValue? {
        index[try TemplateKey(key)].map { entries[$0].value }
    }
}

/// A hashable image of a value: `1`, `1.0` and `True` are one key.
enum TemplateKey: Hashable {
    case none
    case int(Int)
    case double(Double)
    case string(ExactKey)
    case tuple([TemplateKey])
    case undefined
    case object(ObjectIdentifier)

    init(_ value: TemplateValue) throws {
        switch value {
        case .none: self = .none
        case .undefined: self = .undefined
        case .bool(let value): self = .int(value ? 1 : 0)
        case .int(let value): self = .int(value)
        case .double(let value):
            self = Int(exactly: value).map(Self.int) ?? .double(value)
        case .string(let text): self = .string(ExactKey(text))
        case .tuple(let items): self = .tuple(try items.items.map(Self.init))
        case .range(let range):
            self = .tuple([.int(range.start), .int(range.stop), .int(range.step)])
        case .list, .dict: throw TemplateFault("unhashable type: '\(value.typeName)'")
        case .view: throw TemplateFault("unhashable type: '\(value.typeName)'")
        case .iterator(let object): self = .object(ObjectIdentifier(object))
        case .namespace(let object): self = .object(ObjectIdentifier(object))
        case .callable(let object): self = .object(ObjectIdentifier(object))
        case .loop(let object): self = .object(ObjectIdentifier(object))
        }
    }
}

/// `range(start, stop, step)`.
struct TemplateRange {
    var start: Int
    var stop: Int
    var step: Int

    var count: Int {
        if step > 0 { return stop > start ? (stop - start - 1) / step + 1 : 0 }
        return start > stop ? (start - stop - 1) / -step + 1 : 0
    }

    subscript(index: Int) -> Int { start + index * step }
}

/// What `items()`, `keys()` and `values()` return.
final class TemplateView {
    enum Part: String {
        case items
        case keys
        case values
    }

    let part: Part
    let dict: TemplateDict

    init(_ part: Part, _ dict: TemplateDict) {
        self.part = part
        self.dict = dict
    }

    func elements() throws -> [TemplateValue] {
        switch part {
        case .keys: dict.entries.map(\.key)
        case .values: dict.entries.map(\.value)
        case .items: try dict.entries.map { .tuple(try TemplateItems([$0.key, $0.value])) }
        }
    }
}

/// A Python generator: its elements can be taken once.
final class TemplateIterator {
    private var rest: ArraySlice<TemplateValue>

    init(_ elements: [TemplateValue]) { rest = elements[...] }

    var weight: Int { rest.count }

    func next() -> TemplateValue? { rest.popFirst() }

    func drain() -> [TemplateValue] {
        defer { rest = [] }
        return Array(rest)
    }
}

/// The one mutable object: what `namespace()` returns.
final class TemplateNamespace {
    var names: [String] = []
    var values: [String: TemplateValue] = [:]

    func set(_ name: String, _ value: TemplateValue) {
        if values.updateValue(value, forKey: name) == nil { names.append(name) }
    }
}

/// Evaluated arguments.
struct TemplateCallArguments {
    var positional: [TemplateValue] = []
    var named: [(name: String, value: TemplateValue)] = []

    /// The arguments in the order of a Python signature; absent ones are `nil`.
    func bind(_ function: String, _ names: [String], required: Int = 0) throws -> [TemplateValue?] {
        guard positional.count <= names.count else {
            throw TemplateFault(
                "\(function)() takes at most \(names.count) arguments, got \(positional.count)"
            )
        }
        var result = positional.map(Optional.some)
        result += Array(repeating: nil, count: names.count - positional.count)
        for (name, value) in named {
            guard let place = names.firstIndex(of: name) else {
                throw TemplateFault("\(function)() got an unexpected argument '\(name)'")
            }
            guard result[place] == nil else {
                throw TemplateFault("\(function)() got several values for '\(name)'")
            }
            result[place] = value
        }
        for index in 0..<required where result[index] == nil {
            throw TemplateFault("\(function)() lacks the argument '\(names[index])'")
        }
        return result
    }
}

/// A macro, a bound method or a global function.
final class TemplateCallable {
    typealias Body = (TemplateRenderer, TemplateCallArguments) throws -> TemplateValue

    let name: String
    let body: Body
    var attributes: [String: TemplateValue] = [:]

    init(_ name: String, _ body: @escaping Body) {
        self.name = name
        self.body = body
    }
}

/// The `loop` variable.
final class TemplateLoop {
    let items: [TemplateValue]
    var index = 0
    let depth: Int
    var lastChanged: [TemplateValue]?
    /// Renders the loop again over other elements, where it is recursive.
    var again: TemplateCallable?

    init(_ items: [TemplateValue], depth: Int) {
        self.items = items
        self.depth = depth
    }
}

extension TemplateValue {
    var weight: Int {
        switch self {
        case .string(let text): text.utf8.count + 1
        case .list(let items), .tuple(let items): items.weight
        case .dict(let dict): dict.weight
        case .view(let view): view.dict.weight
        case .iterator(let iterator): iterator.weight + 1
        default: 1
        }
    }

    var depth: Int {
        switch self {
        case .list(let items), .tuple(let items): items.depth
        case .dict(let dict): dict.depth
        case .view(let view): view.dict.depth
        default: 0
        }
    }

    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .int: "int"
        case .double: "float"
        case .string: "str"
        case .list: "list"
        case .tuple: "tuple"
        case .dict: "dict"
        case .range: "range"
        case .view(let view): "dict_\(view.part)"
        case .iterator: "generator"
        case .namespace: "Namespace"
        case .callable: "function"
        case .loop: "LoopContext"
        }
    }

    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .double(let value): value != 0
        case .string(let text): !text.isEmpty
        case .list(let items), .tuple(let items): !items.items.isEmpty
        case .dict(let dict): !dict.entries.isEmpty
        case .range(let range): range.count > 0
        case .view(let view): !view.dict.entries.isEmpty
        case .iterator, .namespace, .callable: true
        case .loop(let loop): !loop.items.isEmpty
        }
    }

    /// An integer, counting booleans.
    var integer: Int? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .int(let value): value
        default: nil
        }
    }

    var number: Double? {
        if case .double(let value) = self { return value }
        return integer.map(Double.init)
    }

    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    var isUndefined: Bool {
        guard case .undefined = self else { return false }
        return true
    }

    var isNone: Bool {
        guard case .none = self else { return false }
        return true
    }

    /// The elements that `for` walks.
    func elements() throws -> [TemplateValue] {
        switch self {
        case .undefined: return []
        case .string(let text): return text.unicodeScalars.map { .string(String(Character($0))) }
        case .list(let items), .tuple(let items): return items.items
        case .dict(let dict): return dict.entries.map(\.key)
        case .range(let range): return (0..<range.count).map { .int(range[$0]) }
        case .view(let view): return try view.elements()
        case .iterator(let iterator): return iterator.drain()
        default: throw TemplateFault("'\(typeName)' object is not iterable")
        }
    }

    var length: Int? {
        switch self {
        case .undefined: 0
        case .string(let text): text.unicodeScalars.count
        case .list(let items), .tuple(let items): items.items.count
        case .dict(let dict): dict.entries.count
        case .range(let range): range.count
        case .view(let view): view.dict.entries.count
        case .loop(let loop): loop.items.count
        default: nil
        }
    }

    static func list(_ items: [TemplateValue]) throws -> Self { .list(try TemplateItems(items)) }

    static func generator(_ items: [TemplateValue]) -> Self { .iterator(TemplateIterator(items)) }

    init(_ json: JSON, depth: Int = 0) throws {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .int(value)
        case .double(let value): self = .double(value)
        case .string(let text): self = .string(text)
        case .array(let values):
            guard depth < Self.maximumDepth else {
                throw TemplateFault("the context nests too deeply")
            }
            self = try .list(values.map { try Self($0, depth: depth + 1) })
        case .object(let object):
            guard depth < Self.maximumDepth else {
                throw TemplateFault("the context nests too deeply")
            }
            self = .dict(
                try TemplateDict(
                    object.members.map { (.string($0.key), try Self($0.value, depth: depth + 1)) }
                )
            )
        }
    }
}
