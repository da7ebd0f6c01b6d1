import SkeinCore

/// The functions every chat template sees.
enum TemplateGlobals {
    static var all: [(String, TemplateCallable)] {
        [
            ("range", TemplateCallable("range", range)),
            ("namespace", TemplateCallable("namespace", namespace)),
            ("dict", TemplateCallable("dict", dict)),
            (
                "raise_exception",
                TemplateCallable("raise_exception") { _, arguments in
                    let bound = try arguments.bind("raise_exception", ["message"], required: 1)
                    throw TemplateFault(try (bound[0] ?? .none).printed())
                }
            ),
            (
                "strftime_now",
                TemplateCallable("strftime_now") { renderer, arguments in
                    let bound = try arguments.bind("strftime_now", ["format"], required: 1)
                    guard let pattern = bound[0]?.text else {
                        throw TemplateFault("strftime_now() expects a string")
                    }
                    return .string(renderer.now.formatted(pattern))
                }
            ),
            ("cycler", TemplateCallable("cycler", unsupported("cycler"))),
            ("joiner", TemplateCallable("joiner", unsupported("joiner"))),
            ("lipsum", TemplateCallable("lipsum", unsupported("lipsum"))),
        ]
    }

    private static func unsupported(_ name: String) -> TemplateCallable.Body {
        { _, _ in
            throw TemplateFault.unsupported(
                "the function '\(name)' is not supported in chat templates"
            )
        }
    }

    private static func range(
        _ renderer: TemplateRenderer,
        _ arguments: TemplateCallArguments
    ) throws -> TemplateValue {
        guard arguments.named.isEmpty, (1...3).contains(arguments.positional.count) else {
            throw TemplateFault("range() expects 1 to 3 integers")
        }
        let numbers = try arguments.positional.map { value in
            guard let number = value.integer, abs(number) < 1 << 60 else {
                throw TemplateFault("range() expects integers, not '\(value.typeName)'")
            }
            return number
        }
        let range = TemplateRange(
            start: numbers.count > 1 ? numbers[0] : 0,
            stop: numbers.count > 1 ? numbers[1] : numbers[0],
            step: numbers.count > 2 ? numbers[2] : 1
        )
        guard range.step != 0 else { throw TemplateFault("range() arg 3 must not be zero") }
        guard range.count <= 100_000 else {
            throw TemplateFault("range too big: at most 100000 elements")
        }
        return .range(range)
    }

    private static func pairs(_ arguments: TemplateCallArguments) throws -> TemplateDict {
        var pairs: [(key: TemplateValue, value: TemplateValue)] = []
        if let first = arguments.positional.first {
            guard arguments.positional.count == 1 else {
                throw TemplateFault("dict() expects one argument")
            }
            if case .dict(let dict) = first {
                pairs = dict.entries
            } else {
                pairs = try first.elements().map { element in
                    let pair = try element.elements()
                    guard pair.count == 2 else { throw TemplateFault("dict() expects pairs") }
                    return (pair[0], pair[1])
                }
            }
        }
        return try TemplateDict(pairs + arguments.named.map { (.string($0.name), $0.value) })
    }

    private static func dict(
        _ renderer: TemplateRenderer,
        _ arguments: TemplateCallArguments
    ) throws -> TemplateValue {
        .dict(try pairs(arguments))
    }

    private static func namespace(
        _ renderer: TemplateRenderer,
        _ arguments: TemplateCallArguments
    ) throws -> TemplateValue {
        let namespace = TemplateNamespace()
        for entry in try pairs(arguments).entries {
            guard let name = entry.key.text, !name.hasPrefix("_") else {
                throw TemplateFault(
                    "a namespace attribute must be a name without a leading underscore"
                )
            }
            namespace.set(name, entry.value)
        }
        renderer.namespaces.append(namespace)
        return .namespace(namespace)
    }
}
