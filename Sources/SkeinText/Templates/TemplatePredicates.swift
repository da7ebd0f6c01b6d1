/// The tests after `is`.
enum TemplatePredicates {
    static let names: Set<String> = [
        "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true",
        "false", "mapping", "iterable", "sequence", "even", "odd", "divisibleby", "equalto", "eq",
        "==", "ne", "!=", "lt", "lessthan", "<", "le", "<=", "gt", "greaterthan", ">", "ge", ">=",
        "in",
        "callable", "lower", "upper", "sameas", "escaped", "filter", "test",
    ]

    private static let comparisons: [String: TemplateComparison] = [
        "equalto": .equal, "eq": .equal, "==": .equal, "ne": .notEqual, "!=": .notEqual,
        "lt": .less,
        "lessthan": .less, "<": .less, "le": .lessOrEqual, "<=": .lessOrEqual, "gt": .greater,
        "greaterthan": .greater, ">": .greater, "ge": .greaterOrEqual, ">=": .greaterOrEqual,
        "in": .isIn,
    ]

    static func holds(
        _ name: String,
        _ value: TemplateValue,
        _ arguments: [TemplateValue],
        _ renderer: TemplateRenderer
    ) throws -> Bool {
        guard names.contains(name) else { throw TemplateFault("no test named '\(name)'") }
        let takesOne = comparisons[name] != nil || name == "divisibleby" || name == "sameas"
        guard arguments.count == (takesOne ? 1 : 0) else {
            throw TemplateFault(
                "the test '\(name)' takes \(takesOne ? 1 : 0) arguments, got \(arguments.count)"
            )
        }
        if let comparison = comparisons[name] {
            try renderer.spend(value.weight + arguments[0].weight)
            return try TemplateOrder.compare(comparison, value, arguments[0])
        }
        switch name {
        case "even", "odd", "divisibleby":
            let divisor = name == "divisibleby" ? arguments[0] : .int(2)
            let rest = try TemplateArithmetic.apply(.modulo, value, divisor, renderer)
            return try TemplateOrder.areEqual(rest, .int(name == "odd" ? 1 : 0))
        case "lower": return try isCased(value, lower: true)
        case "upper": return try isCased(value, lower: false)
        case "sameas": return try isSame(value, arguments[0])
        case "filter": return TemplateFilters.names.contains(value.text ?? "")
        case "test": return names.contains(value.text ?? "")
        case "escaped": return false
        default: return hasKind(name, value)
        }
    }

    private static func isCased(_ value: TemplateValue, lower: Bool) throws -> Bool {
        let all = try value.printed().unicodeScalars
        return all.contains(where: \.isCased)
            && all.allSatisfy {
                !$0.isCased || (lower ? $0.properties.isLowercase : $0.properties.isUppercase)
            }
    }

    private static func isSame(_ a: TemplateValue, _ b: TemplateValue) throws -> Bool {
        switch (a, b) {
        case (.bool(let x), .bool(let y)): x == y
        case (.bool, _), (_, .bool): false
        case (.int, .double), (.double, .int): false
        case (.list(let x), .list(let y)), (.tuple(let x), .tuple(let y)): x === y
        case (.dict(let x), .dict(let y)): x === y
        default: try TemplateOrder.areEqual(a, b)
        }
    }

    private static func hasKind(_ name: String, _ value: TemplateValue) -> Bool {
        switch (name, value) {
        case ("defined", _): !value.isUndefined
        case ("undefined", _): value.isUndefined
        case ("none", .none), ("string", .string), ("integer", .int), ("float", .double),
            ("boolean", .bool),
            ("mapping", .dict), ("callable", .callable), ("true", .bool(true)),
            ("false", .bool(false)),
            ("number", .int), ("number", .double), ("number", .bool):
            true
        case ("callable", .loop): true
        case ("iterable", .view), ("iterable", .iterator), ("iterable", .loop): true
        case ("iterable", _), ("sequence", _):
            switch value {
            case .undefined, .string, .list, .tuple, .dict, .range: true
            default: false
            }
        case ("callable", .undefined): true
        default: false
        }
    }
}
