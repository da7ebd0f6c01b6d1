import SkeinCore

/// The names of one block; inner blocks see outer ones.
final class TemplateScope {
    var values: [String: TemplateValue] = [:]
    var parent: TemplateScope?

    init(parent: TemplateScope?) { self.parent = parent }

    func find(_ name: String) -> TemplateValue? {
        var scope: TemplateScope? = self
        while let here = scope {
            if let value = here.values[name] { return value }
            scope = here.parent
        }
        return nil
    }
}

/// Walks a parsed template once; its work, depth and memory are bounded.
final class TemplateRenderer {
    static let maximumSteps = 10_000_000
    static let maximumWork = 1 << 28
    static let maximumNesting = 500
    static let maximumOutput = 1 << 26

    let context: JSONObject
    let now: LocalTime
    var scope: TemplateScope
    var out = ""
    var line = 1
    private var steps = 0
    private var work = 0
    private var nesting = 0
    /// Every scope that a macro captured, taken apart at the end because it may refer to itself.
    private var captured: [TemplateScope] = []
    var namespaces: [TemplateNamespace] = []

    enum Flow {
        case on
        case leave
        case next
    }

    init(context: JSONObject, now: LocalTime) throws {
        self.context = context
        self.now = now
        scope = TemplateScope(parent: nil)
        for (name, value) in TemplateGlobals.all { scope.values[name] = .callable(value) }
        for member in context.members { scope.values[member.key] = try TemplateValue(member.value) }
        scope = TemplateScope(parent: scope)
    }

    deinit {
        for namespace in namespaces { namespace.values = [:] }
        for scope in captured {
            scope.values = [:]
            scope.parent = nil
        }
    }

    /// Counts work and memory in bytes or elements.
    func spend(_ amount: Int) throws {
        let (sum, overflow) = work.addingReportingOverflow(max(0, amount))
        guard !overflow, sum <= Self.maximumWork else {
            throw TemplateFault("the template does more work than \(Self.maximumWork) bytes")
        }
        work = sum
    }

    func nested<Result>(_ body: () throws -> Result) throws -> Result {
        nesting += 1
        defer { nesting -= 1 }
        steps += 1
        guard nesting <= Self.maximumNesting else {
            throw TemplateFault("the template recurses deeper than \(Self.maximumNesting)")
        }
        guard steps <= Self.maximumSteps else {
            throw TemplateFault("the template takes more than \(Self.maximumSteps) steps")
        }
        return try body()
    }

    func write(_ text: String) throws {
        try spend(text.utf8.count)
        out += text
        guard out.utf8.count <= Self.maximumOutput else {
            throw TemplateFault("the output grew beyond \(Self.maximumOutput) bytes")
        }
    }

    /// Runs `body` in a new scope.
    func inScope<Result>(
        _ parent: TemplateScope? = nil,
        _ body: () throws -> Result
    ) rethrows -> Result {
        let outer = scope
        scope = TemplateScope(parent: parent ?? outer)
        defer { scope = outer }
        return try body()
    }

    /// What `body` writes, instead of the output.
    func capture(_ body: () throws -> Void) throws -> String {
        let outer = out
        out = ""
        defer { out = outer }
        try body()
        return out
    }

    @discardableResult
    func run(_ statements: [TemplateStatement]) throws -> Flow {
        for statement in statements {
            line = statement.line
            switch try nested({ try execute(statement.kind) }) {
            case .on: continue
            case let flow: return flow
            }
        }
        return .on
    }

    private func execute(_ kind: TemplateStatement.Kind) throws -> Flow {
        switch kind {
        case .text(let text): try write(text)
        case .output(let nodes):
            for node in nodes { try write(try evaluate(node).printed()) }
        case .assign(let target, let node): try assign(target, try evaluate(node))
        case .assignBlock(let target, let filters, let body):
            let text = try capture { _ = try inScope { try run(body) } }
            try assign(target, try filtered(.string(text), filters))
        case .loop(let loop): try runLoop(loop)
        case .branch(let arms, let otherwise):
            for (test, body) in arms where try evaluate(test).isTrue { return try run(body) }
            return try run(otherwise)
        case .macro(let macro): scope.values[macro.name] = .callable(makeMacro(macro))
        case .callBlock(let callee, let arguments, let macro):
            var values = try evaluate(arguments)
            let function = try evaluate(callee)
            values.named.append(("caller", .callable(makeMacro(macro))))
            try write(try call(function, values).printed())
        case .filterBlock(let filters, let body):
            let text = try capture { _ = try inScope { try run(body) } }
            try write(try filtered(.string(text), filters).printed())
        case .with(let pairs, let body):
            let values = try pairs.map { ($0.0, try evaluate($0.1)) }
            _ = try inScope {
                for (target, value) in values { try assign(target, value) }
                return try run(body)
            }
        case .scope(let body): _ = try inScope { try run(body) }
        case .leaveLoop: return .leave
        case .nextRound: return .next
        }
        return .on
    }

    private func filtered(
        _ value: TemplateValue,
        _ calls: [TemplateFilterCall]
    ) throws -> TemplateValue {
        try calls.reduce(value) { value, call in
            try TemplateFilters.apply(call.name, value, try evaluate(call.arguments), self)
        }
    }

    func assign(_ target: TemplateTarget, _ value: TemplateValue) throws {
        switch target {
        case .name(let name): scope.values[name] = value
        case .attribute(let name, let attribute):
            guard case .namespace(let namespace)? = scope.find(name) else {
                throw TemplateFault(
                    "cannot assign attribute '\(attribute)' on a value that is no namespace"
                )
            }
            guard !attribute.hasPrefix("_") else {
                throw TemplateFault(
                    "the namespace attribute '\(attribute)' starts with an underscore"
                )
            }
            namespace.set(attribute, value)
        case .tuple(let parts):
            let values = try value.elements()
            guard values.count == parts.count else {
                throw TemplateFault("expected \(parts.count) values to unpack, got \(values.count)")
            }
            for (part, value) in zip(parts, values) { try assign(part, value) }
        }
    }

    private func runLoop(_ loop: TemplateForLoop) throws {
        try runRounds(loop, try evaluate(loop.sequence), depth: 0, outer: scope)
    }

    private func runRounds(
        _ loop: TemplateForLoop,
        _ sequence: TemplateValue,
        depth: Int,
        outer: TemplateScope
    ) throws {
        var items = try sequence.elements()
        try spend(items.count)
        if let filter = loop.filter {
            items = try items.filter { item in
                try inScope(outer) {
                    try assign(loop.target, item)
                    return try evaluate(filter).isTrue
                }
            }
        }
        let state = TemplateLoop(items, depth: depth)
        if loop.isRecursive {
            state.again = TemplateCallable("loop") { renderer, arguments in
                let inner = try arguments.bind("loop", ["iterable"], required: 1)[0] ?? .none
                return .string(
                    try renderer.capture {
                        try renderer.nested {
                            try renderer.runRounds(loop, inner, depth: depth + 1, outer: outer)
                        }
                    }
                )
            }
        }
        for (index, item) in items.enumerated() {
            state.index = index
            let flow = try nested {
                try inScope(outer) {
                    scope.values["loop"] = .loop(state)
                    try assign(loop.target, item)
                    return try run(loop.body)
                }
            }
            if flow == .leave { break }
        }
        if items.isEmpty { _ = try inScope(outer) { try run(loop.otherwise) } }
    }

    private func makeMacro(_ macro: TemplateMacro) -> TemplateCallable {
        let home = scope
        captured.append(home)
        let callable = TemplateCallable(macro.name) { renderer, arguments in
            try renderer.nested {
                .string(
                    try renderer.capture {
                        try renderer.inScope(home) {
                            try renderer.bind(macro, arguments)
                            let line = renderer.line
                            try renderer.run(macro.body)
                            renderer.line = line
                        }
                    }
                )
            }
        }
        callable.attributes = ["name": .string(macro.name)]
        return callable
    }

    private func bind(_ macro: TemplateMacro, _ arguments: TemplateCallArguments) throws {
        let count = macro.parameters.count
        var named = arguments.named
        for (index, name) in macro.parameters.enumerated() {
            let given = named.firstIndex { $0.name == name }.map { named.remove(at: $0).value }
            if index < arguments.positional.count {
                guard given == nil else {
                    throw TemplateFault("macro '\(macro.name)' got several values for '\(name)'")
                }
                scope.values[name] = arguments.positional[index]
            } else if let given {
                scope.values[name] = given
            } else {
                let fallback = index - (count - macro.defaults.count)
                scope.values[name] = .undefined("parameter '\(name)' was not provided and")
                if fallback >= 0 { scope.values[name] = try evaluate(macro.defaults[fallback]) }
            }
        }
        if macro.usesCaller, !macro.parameters.contains("caller") {
            let caller = named.firstIndex { $0.name == "caller" }.map { named.remove(at: $0).value }
            scope.values["caller"] = caller ?? .undefined("no caller")
        }
        if macro.catchesNamed {
            scope.values["kwargs"] = .dict(
                try TemplateDict(named.map { (.string($0.name), $0.value) })
            )
        } else if let extra = named.first {
            throw TemplateFault("macro '\(macro.name)' takes no argument '\(extra.name)'")
        }
        let extra = Array(arguments.positional.dropFirst(count))
        if macro.catchesPositional {
            scope.values["varargs"] = .tuple(try TemplateItems(extra))
        } else if !extra.isEmpty {
            throw TemplateFault(
                "macro '\(macro.name)' takes at most \(count) arguments, got \(arguments.positional.count)"
            )
        }
    }
}
