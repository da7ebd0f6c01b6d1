import SkeinCore

extension TemplateParser {
    private func node(_ kind: TemplateNode.Kind, _ children: TemplateNode...) throws -> TemplateNode
    {
        try node(kind, children: children)
    }

    private func node(_ kind: TemplateNode.Kind, children: [TemplateNode]) throws -> TemplateNode {
        let height = (children.lazy.map(\.height).max() ?? 0) + 1
        guard height <= Self.maximumHeight else {
            throw fault("the expression nests deeper than \(Self.maximumHeight)")
        }
        return TemplateNode(kind, height: height, line: line)
    }

    mutating func expression(conditional: Bool = true) throws -> TemplateNode {
        expressionDepth += 1
        defer { expressionDepth -= 1 }
        guard expressionDepth <= Self.maximumExpressionDepth else {
            throw fault("the expression nests deeper than \(Self.maximumExpressionDepth)")
        }
        var result = try disjunction()
        while conditional, skip(name: "if") {
            let test = try disjunction()
            let otherwise = skip(name: "else") ? try expression() : nil
            result = try node(
                .conditional(test, result, otherwise),
                children: [test, result] + (otherwise.map { [$0] } ?? [])
            )
        }
        return result
    }

    mutating func tuple(
        conditional: Bool = true,
        end: String? = nil,
        inParentheses: Bool = false
    ) throws -> TemplateNode {
        var parts: [TemplateNode] = []
        var isTuple = false
        while true {
            if let end, isName(end) { break }
            if current == .variableEnd || current == .blockEnd || isSymbol(")") { break }
            parts.append(try expression(conditional: conditional))
            guard skip(symbol: ",") else { break }
            isTuple = true
        }
        if !isTuple {
            if let only = parts.first { return only }
            guard inParentheses else { throw expected("an expression") }
        }
        return try node(.tuple(parts), children: parts)
    }

    private mutating func disjunction() throws -> TemplateNode {
        var left = try conjunction()
        while skip(name: "or") {
            let right = try conjunction()
            left = try node(.or(left, right), left, right)
        }
        return left
    }

    private mutating func conjunction() throws -> TemplateNode {
        var left = try negation()
        while skip(name: "and") {
            let right = try negation()
            left = try node(.and(left, right), left, right)
        }
        return left
    }

    private mutating func negation() throws -> TemplateNode {
        var count = 0
        while skip(name: "not") { count += 1 }
        var result = try comparison()
        for _ in 0..<count { result = try node(.not(result), result) }
        return result
    }

    private mutating func comparison() throws -> TemplateNode {
        let first = try sum()
        var rest: [(TemplateComparison, TemplateNode)] = []
        while true {
            if case .symbol(let symbol) = current,
                let operation = TemplateComparison(rawValue: symbol)
            {
                advance()
                rest.append((operation, try sum()))
            } else if skip(name: "in") {
                rest.append((.isIn, try sum()))
            } else if isName("not"), look() == .name("in") {
                advance()
                advance()
                rest.append((.isNotIn, try sum()))
            } else {
                break
            }
        }
        if rest.isEmpty { return first }
        return try node(.compare(first, rest), children: [first] + rest.map(\.1))
    }

    private mutating func sum() throws -> TemplateNode {
        var left = try concatenation()
        while let operation = binaryOperator(["+", "-"]) {
            let right = try concatenation()
            left = try node(.binary(operation, left, right), left, right)
        }
        return left
    }

    private mutating func binaryOperator(_ symbols: [String]) -> TemplateOperator? {
        guard case .symbol(let symbol) = current, symbols.contains(symbol) else { return nil }
        advance()
        return TemplateOperator(rawValue: symbol)
    }

    private mutating func concatenation() throws -> TemplateNode {
        var parts = [try product()]
        while skip(symbol: "~") { parts.append(try product()) }
        return parts.count == 1 ? parts[0] : try node(.concat(parts), children: parts)
    }

    private mutating func product() throws -> TemplateNode {
        var left = try power()
        while let operation = binaryOperator(["*", "/", "//", "%"]) {
            let right = try power()
            left = try node(.binary(operation, left, right), left, right)
        }
        return left
    }

    private mutating func power() throws -> TemplateNode {
        var left = try unary()
        while skip(symbol: "**") {
            let right = try unary()
            left = try node(.binary(.power, left, right), left, right)
        }
        return left
    }

    private mutating func unary() throws -> TemplateNode {
        var signs: [String] = []
        while case .symbol(let symbol) = current, symbol == "-" || symbol == "+" {
            signs.append(symbol)
            advance()
        }
        var result = try postfix(try primary())
        for sign in signs.reversed() {
            result = try node(sign == "-" ? .negate(result) : .plus(result), result)
            result = try postfix(result)
        }
        return try filtered(result)
    }

    private mutating func primary() throws -> TemplateNode {
        let kind = current
        switch kind {
        case .name(let name):
            advance()
            switch name {
            case "true", "True": return try node(.literal(.bool(true)))
            case "false", "False": return try node(.literal(.bool(false)))
            case "none", "None": return try node(.literal(.none))
            default:
                mentioned.insert(name)
                return try node(.name(name))
            }
        case .string(var text):
            advance()
            while case .string(let more) = current {
                text += more
                advance()
            }
            return try node(.literal(.string(text)))
        case .integer(let value):
            advance()
            return try node(.literal(.int(value)))
        case .double(let value):
            advance()
            return try node(.literal(.double(value)))
        case .symbol("("):
            advance()
            let inner = try tuple(inParentheses: true)
            try expect(.symbol(")"))
            return inner
        case .symbol("["): return try list()
        case .symbol("{"): return try dict()
        default: throw expected("an expression")
        }
    }

    private mutating func list() throws -> TemplateNode {
        advance()
        var items: [TemplateNode] = []
        while !isSymbol("]") {
            if !items.isEmpty { try expect(.symbol(",")) }
            if isSymbol("]") { break }
            items.append(try expression())
        }
        try expect(.symbol("]"))
        return try node(.list(items), children: items)
    }

    private mutating func dict() throws -> TemplateNode {
        advance()
        var items: [(key: TemplateNode, value: TemplateNode)] = []
        while !isSymbol("}") {
            if !items.isEmpty { try expect(.symbol(",")) }
            if isSymbol("}") { break }
            let key = try expression()
            try expect(.symbol(":"))
            items.append((key, try expression()))
        }
        try expect(.symbol("}"))
        return try node(.dict(items), children: items.flatMap { [$0.key, $0.value] })
    }

    private mutating func postfix(_ start: TemplateNode) throws -> TemplateNode {
        var result = start
        while case .symbol(let symbol) = current {
            switch symbol {
            case ".": result = try member(of: result)
            case "[": result = try subscripted(result)
            case "(": result = try call(result)
            default: return result
            }
        }
        return result
    }

    private mutating func call(_ callee: TemplateNode) throws -> TemplateNode {
        let arguments = try arguments()
        return try node(.call(callee, arguments), children: [callee] + arguments.nodes)
    }

    private mutating func member(of base: TemplateNode) throws -> TemplateNode {
        advance()
        switch current {
        case .name(let name):
            advance()
            return try node(.attribute(base, name), base)
        case .integer(let value):
            let key = try node(.literal(.int(value)))
            advance()
            return try node(.item(base, key), base)
        default: throw expected("a name or a number after '.'")
        }
    }

    private mutating func subscripted(_ base: TemplateNode) throws -> TemplateNode {
        advance()
        var keys: [TemplateNode] = []
        var bounds: [TemplateNode?]?
        while !isSymbol("]") {
            if !keys.isEmpty || bounds != nil { try expect(.symbol(",")) }
            guard bounds == nil else { throw expected("']' after a slice") }
            let start = isSymbol(":") ? nil : try expression()
            guard skip(symbol: ":") else {
                if let start { keys.append(start) }
                continue
            }
            guard keys.isEmpty else { throw fault("a slice inside a tuple of keys") }
            func ends() -> Bool { isSymbol(":") || isSymbol("]") || isSymbol(",") }
            let stop = ends() ? nil : try expression()
            let step = skip(symbol: ":") ? (ends() ? nil : try expression()) : nil
            bounds = [start, stop, step]
        }
        try expect(.symbol("]"))
        if let bounds {
            return try node(
                .slice(base, bounds[0], bounds[1], bounds[2]),
                children: [base] + bounds.compactMap(\.self)
            )
        }
        let key = keys.count == 1 ? keys[0] : try node(.tuple(keys), children: keys)
        return try node(.item(base, key), base, key)
    }

    private mutating func filtered(_ start: TemplateNode) throws -> TemplateNode {
        var result = start
        while true {
            switch current {
            case .symbol("|"):
                for call in try filterChain(startsInline: false) {
                    result = try node(
                        .filter(result, call),
                        children: [result] + call.arguments.nodes
                    )
                }
            case .symbol("("): result = try call(result)
            case .name("is"): result = try test(result)
            default: return result
            }
        }
    }

    mutating func filterChain(startsInline: Bool) throws -> [TemplateFilterCall] {
        var calls: [TemplateFilterCall] = []
        var inline = startsInline
        while inline || isSymbol("|") {
            if !inline { advance() }
            inline = false
            let name = try dottedName()
            guard isConditional || TemplateFilters.names.contains(name) else {
                throw fault("no filter named '\(name)'")
            }
            let arguments = isSymbol("(") ? try arguments() : TemplateArguments()
            calls.append(TemplateFilterCall(name: name, arguments: arguments))
        }
        return calls
    }

    private mutating func dottedName() throws -> String {
        var name = try expectName()
        while skip(symbol: ".") { name += "." + (try expectName()) }
        return name
    }

    private mutating func test(_ subject: TemplateNode) throws -> TemplateNode {
        advance()
        let isNegated = skip(name: "not")
        let name = try dottedName()
        guard isConditional || TemplatePredicates.names.contains(name) else {
            throw fault("no test named '\(name)'")
        }
        var arguments = TemplateArguments()
        switch current {
        case .symbol("("): arguments = try self.arguments()
        case .name("else"), .name("or"), .name("and"): break
        case .name("is"): throw fault("tests cannot be chained with 'is'")
        case .name, .string, .integer, .double, .symbol("["), .symbol("{"):
            arguments.positional = [try postfix(try primary())]
        default: break
        }
        let result = try node(
            .test(subject, name, arguments),
            children: [subject] + arguments.nodes
        )
        return isNegated ? try node(.not(result), result) : result
    }

    mutating func arguments() throws -> TemplateArguments {
        try expect(.symbol("("))
        var result = TemplateArguments()
        var isFirst = true
        while !isSymbol(")") {
            if !isFirst {
                try expect(.symbol(","))
                if isSymbol(")") { break }
            }
            isFirst = false
            if isSymbol("*"), result.spread == nil, result.spreadNamed == nil {
                advance()
                result.spread = try expression()
            } else if isSymbol("**"), result.spreadNamed == nil {
                advance()
                result.spreadNamed = try expression()
            } else if case .name(let name) = current, look() == .symbol("=") {
                guard result.spreadNamed == nil else { throw expected("')' after **") }
                advance()
                advance()
                guard !result.named.contains(where: { $0.name == name }) else {
                    throw fault("the argument '\(name)' is given twice")
                }
                result.named.append((name, try expression()))
            } else {
                guard result.spread == nil, result.spreadNamed == nil, result.named.isEmpty else {
                    throw fault("a positional argument follows a named one")
                }
                result.positional.append(try expression())
            }
        }
        try expect(.symbol(")"))
        return result
    }
}
