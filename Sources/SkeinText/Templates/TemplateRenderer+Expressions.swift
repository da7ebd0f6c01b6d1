import SkeinCore

extension TemplateRenderer {
    func evaluate(_ node: TemplateNode) throws -> TemplateValue {
        try nested { try walk(node) }
    }

    private func walk(_ node: TemplateNode) throws -> TemplateValue {
        switch node.kind {
        case .literal(let literal): return Self.value(literal)
        case .name(let name): return scope.find(name) ?? .undefined("'\(name)'")
        case .list(let nodes): return try .list(nodes.map(evaluate))
        case .tuple(let nodes): return .tuple(try TemplateItems(nodes.map(evaluate)))
        case .dict(let pairs):
            return .dict(
                try TemplateDict(pairs.map { (try evaluate($0.key), try evaluate($0.value)) })
            )
        case .attribute(let base, let name):
            return try TemplateLookup.attribute(name, of: try evaluate(base), self)
        case .item(let base, let key):
            return try TemplateLookup.item(try evaluate(key), of: try evaluate(base), self)
        case .slice(let base, let start, let stop, let step):
            let value = try evaluate(base)
            return try TemplateLookup.slice(
                value,
                try start.map(evaluate),
                try stop.map(evaluate),
                try step.map(evaluate),
                self
            )
        case .call(let callee, let arguments):
            let function = try evaluate(callee)
            let values = try evaluate(arguments)
            line = node.line
            return try call(function, values)
        case .filter(let base, let call):
            let value = try evaluate(base)
            return try TemplateFilters.apply(call.name, value, try evaluate(call.arguments), self)
        case .test(let base, let name, let arguments):
            let value = try evaluate(base)
            return .bool(
                try TemplatePredicates.holds(name, value, try evaluate(arguments).positional, self)
            )
        default: return try operation(node)
        }
    }

    private func operation(_ node: TemplateNode) throws -> TemplateValue {
        switch node.kind {
        case .not(let base): return .bool(try !evaluate(base).isTrue)
        case .negate(let base): return try TemplateArithmetic.negated(try evaluate(base))
        case .plus(let base): return try TemplateArithmetic.plus(try evaluate(base))
        case .and(let left, let right):
            let value = try evaluate(left)
            return value.isTrue ? try evaluate(right) : value
        case .or(let left, let right):
            let value = try evaluate(left)
            return value.isTrue ? value : try evaluate(right)
        case .binary(let operation, let left, let right):
            return try TemplateArithmetic.apply(
                operation,
                try evaluate(left),
                try evaluate(right),
                self
            )
        case .concat(let nodes):
            var text = ""
            for node in nodes {
                text += try evaluate(node).printed()
                try spend(text.utf8.count)
            }
            return .string(text)
        case .compare(let first, let rest): return .bool(try compare(first, rest))
        case .conditional(let test, let then, let otherwise):
            if try evaluate(test).isTrue { return try evaluate(then) }
            return try otherwise.map(evaluate) ?? .undefined("the inline if without else")
        default: throw TemplateFault("unknown expression")
        }
    }

    private func compare(
        _ first: TemplateNode,
        _ rest: [(TemplateComparison, TemplateNode)]
    ) throws -> Bool {
        var left = try evaluate(first)
        for (operation, node) in rest {
            let right = try evaluate(node)
            try spend(min(left.weight, right.weight))
            if operation == .isIn || operation == .isNotIn { try spend(right.weight) }
            guard try TemplateOrder.compare(operation, left, right) else { return false }
            left = right
        }
        return true
    }

    private static func value(_ literal: TemplateLiteral) -> TemplateValue {
        switch literal {
        case .none: .none
        case .bool(let value): .bool(value)
        case .int(let value): .int(value)
        case .double(let value): .double(value)
        case .string(let text): .string(text)
        }
    }

    func evaluate(_ arguments: TemplateArguments) throws -> TemplateCallArguments {
        var values = TemplateCallArguments()
        values.positional = try arguments.positional.map(evaluate)
        values.named = try arguments.named.map { ($0.name, try evaluate($0.value)) }
        if let spread = arguments.spread {
            values.positional += try evaluate(spread).elements()
            try spend(values.positional.count)
        }
        if let spread = arguments.spreadNamed {
            guard case .dict(let dict) = try evaluate(spread) else {
                throw TemplateFault("the argument after ** must be a mapping")
            }
            for entry in dict.entries {
                guard case .string(let name) = entry.key else {
                    throw TemplateFault("keywords must be strings")
                }
                guard !values.named.contains(where: { $0.name == name }) else {
                    throw TemplateFault("the argument '\(name)' is given twice")
                }
                values.named.append((name, entry.value))
            }
        }
        return values
    }

    func call(_ function: TemplateValue, _ arguments: TemplateCallArguments) throws -> TemplateValue
    {
        switch function {
        case .callable(let callable): return try callable.body(self, arguments)
        case .loop(let loop):
            guard let again = loop.again else {
                throw TemplateFault("only a loop marked 'recursive' can be called")
            }
            return try again.body(self, arguments)
        case .undefined(let what): throw TemplateFault("\(what) is undefined")
        default: throw TemplateFault("'\(function.typeName)' object is not callable")
        }
    }
}
