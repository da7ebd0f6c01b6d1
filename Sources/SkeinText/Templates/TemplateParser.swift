import SkeinCore

/// Turns tokens into statements; nesting is bounded, so that walking the result is safe.
struct TemplateParser {
    static let maximumStatementDepth = 40
    static let maximumExpressionDepth = 60
    static let maximumHeight = 120

    let tokens: [TemplateToken]
    var index = 0
    var statementDepth = 0
    var expressionDepth = 0
    var loopDepth = 0
    /// Whether an `if` encloses the current token: there, an unknown filter fails only when reached.
    var isConditional = false
    /// Which of `varargs`, `kwargs` and `caller` the macro being read mentions.
    var mentioned: Set<String> = []

    static func parse(_ source: String) throws -> [TemplateStatement] {
        var parser = Self(tokens: try TemplateLexer.tokens(of: source))
        return try parser.statements(until: [])
    }

    init(tokens: [TemplateToken]) { self.tokens = tokens }

    var current: TemplateToken.Kind { tokens[index].kind }
    var line: Int { tokens[index].line }

    func look(_ distance: Int = 1) -> TemplateToken.Kind {
        tokens[min(index + distance, tokens.count - 1)].kind
    }

    mutating func advance() { index = min(index + 1, tokens.count - 1) }

    func fault(_ message: String, _ code: SkeinError.Code = .syntax) -> SkeinError {
        SkeinError(code, "chat template, line \(line): \(message)")
    }

    func describe(_ kind: TemplateToken.Kind) -> String {
        switch kind {
        case .data: "text"
        case .variableBegin: "'{{'"
        case .variableEnd: "'}}'"
        case .blockBegin: "'{%'"
        case .blockEnd: "'%}'"
        case .end: "the end of the template"
        case .name(let name): "'\(name)'"
        case .string(let text): "the string '\(text.prefix(40))'"
        case .integer(let value): "\(value)"
        case .double(let value): "\(value)"
        case .symbol(let text): "'\(text)'"
        }
    }

    func expected(_ what: String) -> SkeinError {
        fault("expected \(what), found \(describe(current))")
    }

    func isName(_ name: String) -> Bool { current == .name(name) }
    func isSymbol(_ symbol: String) -> Bool { current == .symbol(symbol) }

    mutating func skip(name: String) -> Bool {
        guard isName(name) else { return false }
        advance()
        return true
    }

    mutating func skip(symbol: String) -> Bool {
        guard isSymbol(symbol) else { return false }
        advance()
        return true
    }

    mutating func expect(_ kind: TemplateToken.Kind) throws {
        guard current == kind else { throw expected(describe(kind)) }
        advance()
    }

    mutating func expectName() throws -> String {
        guard case .name(let name) = current else { throw expected("a name") }
        advance()
        return name
    }

    /// Statements up to one of the tag names, which stays the current token.
    mutating func statements(until ends: [String]) throws -> [TemplateStatement] {
        statementDepth += 1
        defer { statementDepth -= 1 }
        guard statementDepth <= Self.maximumStatementDepth else {
            throw fault("blocks nest deeper than \(Self.maximumStatementDepth)")
        }
        var result: [TemplateStatement] = []
        while true {
            let start = line
            switch current {
            case .end:
                guard ends.isEmpty else {
                    throw expected(ends.map { "{% \($0) %}" }.joined(separator: " or "))
                }
                return result
            case .data(let text):
                advance()
                result.append(TemplateStatement(kind: .text(text), line: start))
            case .variableBegin:
                advance()
                let node = try tuple()
                try expect(.variableEnd)
                result.append(TemplateStatement(kind: .output([node]), line: start))
            case .blockBegin:
                advance()
                if case .name(let name) = current, ends.contains(name) { return result }
                result.append(TemplateStatement(kind: try statement(), line: start))
                try expect(.blockEnd)
            default: throw expected("text or a tag")
            }
        }
    }

    /// The body of a block tag: from its closing bracket to one of the end tags, exclusive.
    mutating func body(until ends: String...) throws -> [TemplateStatement] {
        _ = skip(symbol: ":")
        try expect(.blockEnd)
        return try statements(until: ends)
    }

    private mutating func statement() throws -> TemplateStatement.Kind {
        guard case .name(let tag) = current else { throw expected("a tag name") }
        switch tag {
        case "for": return try forLoop()
        case "if": return try branch()
        case "set": return try assignment()
        case "macro": return try macro()
        case "call": return try callBlock()
        case "filter":
            advance()
            let filters = try filterChain(startsInline: true)
            let inner = try body(until: "endfilter")
            advance()
            return .filterBlock(filters, inner)
        case "with": return try with()
        case "print":
            advance()
            var nodes: [TemplateNode] = []
            while current != .blockEnd {
                if !nodes.isEmpty { try expect(.symbol(",")) }
                nodes.append(try expression())
            }
            return .output(nodes)
        case "generation":
            advance()
            let inner = try body(until: "endgeneration")
            advance()
            return .scope(inner)
        case "break", "continue":
            guard loopDepth > 0 else { throw fault("'\(tag)' stands outside a loop") }
            advance()
            return tag == "break" ? .leaveLoop : .nextRound
        case "include", "import", "from", "extends", "block", "autoescape", "do", "trans":
            throw fault("the tag '\(tag)' is not supported in chat templates", .unsupported)
        default: throw fault("unknown tag '\(tag)'")
        }
    }

    private mutating func forLoop() throws -> TemplateStatement.Kind {
        advance()
        let target = try assignTarget(end: "in")
        try expect(.name("in"))
        let sequence = try tuple(conditional: false, end: "recursive")
        let filter = skip(name: "if") ? try expression() : nil
        let isRecursive = skip(name: "recursive")
        loopDepth += 1
        let inner = try body(until: "endfor", "else")
        loopDepth -= 1
        let otherwise = skip(name: "else") ? try body(until: "endfor") : []
        advance()
        return .loop(
            TemplateForLoop(
                target: target,
                sequence: sequence,
                filter: filter,
                isRecursive: isRecursive,
                body: inner,
                otherwise: otherwise
            )
        )
    }

    private mutating func branch() throws -> TemplateStatement.Kind {
        var arms: [(TemplateNode, [TemplateStatement])] = []
        let outer = isConditional
        isConditional = true
        defer { isConditional = outer }
        while true {
            advance()
            let test = try tuple(conditional: false)
            arms.append((test, try body(until: "elif", "else", "endif")))
            if isName("elif") { continue }
            let otherwise = skip(name: "else") ? try body(until: "endif") : []
            advance()
            return .branch(arms, otherwise)
        }
    }

    private mutating func assignment() throws -> TemplateStatement.Kind {
        advance()
        let target = try assignTarget(allowsAttribute: true)
        if skip(symbol: "=") { return .assign(target, try tuple()) }
        let filters = try filterChain(startsInline: false)
        let inner = try body(until: "endset")
        advance()
        return .assignBlock(target, filters, inner)
    }

    private mutating func with() throws -> TemplateStatement.Kind {
        advance()
        var pairs: [(TemplateTarget, TemplateNode)] = []
        while current != .blockEnd {
            if !pairs.isEmpty { try expect(.symbol(",")) }
            let target = try assignTarget()
            try expect(.symbol("="))
            pairs.append((target, try expression()))
        }
        let inner = try body(until: "endwith")
        advance()
        return .with(pairs, inner)
    }

    private mutating func macro() throws -> TemplateStatement.Kind {
        advance()
        let name = try storeName()
        var macro = try signature(name)
        try macroBody(&macro, end: "endmacro")
        return .macro(macro)
    }

    private mutating func callBlock() throws -> TemplateStatement.Kind {
        advance()
        var macro = TemplateMacro(name: "caller", parameters: [], defaults: [], body: [])
        if isSymbol("(") { macro = try signature("caller") }
        guard case .call(let callee, let arguments) = try expression().kind else {
            throw fault("expected a call after 'call'")
        }
        try macroBody(&macro, end: "endcall")
        return .callBlock(callee, arguments, macro)
    }

    private mutating func macroBody(_ macro: inout TemplateMacro, end: String) throws {
        let outer = mentioned
        let outerLoops = loopDepth
        mentioned = []
        loopDepth = 0
        macro.body = try body(until: end)
        advance()
        macro.catchesPositional = mentioned.contains("varargs")
        macro.catchesNamed = mentioned.contains("kwargs")
        macro.usesCaller = mentioned.contains("caller")
        mentioned = outer.union(mentioned)
        loopDepth = outerLoops
    }

    private mutating func signature(_ name: String) throws -> TemplateMacro {
        try expect(.symbol("("))
        var macro = TemplateMacro(name: name, parameters: [], defaults: [], body: [])
        while !isSymbol(")") {
            if !macro.parameters.isEmpty { try expect(.symbol(",")) }
            macro.parameters.append(try storeName())
            if skip(symbol: "=") {
                macro.defaults.append(try expression())
            } else if !macro.defaults.isEmpty {
                throw fault("a parameter without default follows one with a default")
            }
        }
        try expect(.symbol(")"))
        return macro
    }

    private mutating func storeName() throws -> String {
        let name = try expectName()
        guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
            throw fault("cannot assign to '\(name)'")
        }
        return name
    }

    private mutating func assignTarget(
        allowsAttribute: Bool = false,
        end: String? = nil
    ) throws -> TemplateTarget {
        expressionDepth += 1
        defer { expressionDepth -= 1 }
        guard expressionDepth <= Self.maximumExpressionDepth else {
            throw fault("the assignment's target nests too deeply")
        }
        var parts: [TemplateTarget] = []
        var isTuple = false
        while true {
            if let end, isName(end) { break }
            if isSymbol(")") || isSymbol("=") || current == .blockEnd { break }
            if skip(symbol: "(") {
                let inner = try assignTarget(allowsAttribute: false)
                try expect(.symbol(")"))
                parts.append(inner)
            } else {
                let name = try storeName()
                if allowsAttribute, skip(symbol: ".") {
                    parts.append(.attribute(name, try expectName()))
                } else {
                    parts.append(.name(name))
                }
            }
            guard skip(symbol: ",") else { break }
            isTuple = true
        }
        if isTuple { return .tuple(parts) }
        guard let only = parts.first else { throw expected("a name to assign to") }
        return only
    }
}
