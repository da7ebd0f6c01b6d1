/// The methods of strings, lists and dictionaries; none of them changes its value.
enum TemplateMethods {
    private static let ofText: Set<String> = [
        "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith",
        "replace", "upper", "lower", "title", "capitalize", "casefold", "swapcase", "find", "rfind",
        "index", "rindex", "count", "join", "removeprefix", "removesuffix", "isdigit",
        "isdecimal", "isnumeric", "isalpha", "isalnum", "isspace", "isupper", "islower", "isascii",
        "partition", "rpartition", "center", "ljust", "rjust", "zfill", "format",
    ]

    static func has(_ name: String, _ base: TemplateValue) -> Bool {
        switch base {
        case .string: ofText.contains(name)
        case .list: ["index", "count", "copy"].contains(name)
        case .tuple, .range: ["index", "count"].contains(name)
        case .dict: ["items", "keys", "values", "get", "copy"].contains(name)
        default: false
        }
    }

    static func call(
        _ name: String,
        _ base: TemplateValue,
        _ arguments: TemplateCallArguments,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        switch base {
        case .string(let text): return try TemplateTextMethods.call(name, text, arguments, renderer)
        case .dict(let dict): return try ofDict(name, dict, arguments)
        default: return try ofSequence(name, base, arguments)
        }
    }

    private static func ofDict(
        _ name: String,
        _ dict: TemplateDict,
        _ arguments: TemplateCallArguments
    ) throws -> TemplateValue {
        if name == "get" {
            guard arguments.named.isEmpty else {
                throw TemplateFault("get() takes no keyword arguments")
            }
            let bound = try arguments.bind("get", ["key", "default"], required: 1)
            return try dict.value(bound[0] ?? .none) ?? bound[1] ?? .none
        }
        _ = try arguments.bind(name, [])
        guard let part = TemplateView.Part(rawValue: name) else { return .dict(dict) }
        return .view(TemplateView(part, dict))
    }

    private static func ofSequence(
        _ name: String,
        _ base: TemplateValue,
        _ arguments: TemplateCallArguments
    ) throws -> TemplateValue {
        if name == "copy" {
            _ = try arguments.bind(name, [])
            return base
        }
        let bound = try arguments.bind(name, ["value", "start", "stop"], required: 1)
        let items = try base.elements()
        let wanted = bound[0] ?? .none
        if name == "count" {
            return .int(try items.count { try TemplateOrder.areEqual($0, wanted) })
        }
        let range = try TemplateLookup.indices(bound[1]?.integer, bound[2]?.integer, 1, items.count)
        for index in range where try TemplateOrder.areEqual(items[index], wanted) {
            return .int(index)
        }
        throw TemplateFault("\(try wanted.represented()) is not in the list")
    }
}
