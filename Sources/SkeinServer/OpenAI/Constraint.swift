internal import HTTPTypes
internal import SkeinCore
internal import SkeinDecoding
internal import SkeinEngine

/// What `response_format`, `tools` and `tool_choice` demand of an answer.
struct Constraint: Sendable {
    /// Tool descriptions for the template.
    var tools: [JSON]?
    /// Whether the answer is looked through for calls.
    var parsesCalls = false
    /// What the answer must be.
    var grammar: CompiledGrammar?

    /// Reads a request's demands.
    ///
    /// - Throws: `APIError` that names the field.
    static func make(_ request: Fields, _ model: ServedModel) throws -> Constraint {
        var constraint = Constraint()
        var grammar = try format(request)
        if let demanded = try constraint.readTools(request, model) {
            guard grammar == nil else {
                throw APIError.invalid(
                    "tool_choice",
                    "tool_choice demands a call and response_format demands JSON, expected one of them"
                )
            }
            grammar = demanded
        }
        constraint.grammar = try grammar.map { try compile($0, model) }
        return constraint
    }

    /// A request that has only a format, such as a completion.
    static func makeFormat(_ request: Fields, _ model: ServedModel) throws -> Constraint {
        var constraint = Constraint()
        constraint.grammar = try format(request).map { try compile($0, model) }
        return constraint
    }

    private static func compile(_ grammar: Grammar, _ model: ServedModel) throws -> CompiledGrammar
    {
        do {
            return try model.grammars.compiled(grammar)
        } catch let error as SkeinError {
            throw APIError(.badRequest, "\(error)", parameter: "response_format")
        }
    }

    // MARK: - Formats

    /// The grammar of `response_format`, or of the fields that vLLM and llama.cpp have for it.
    private static func format(_ request: Fields) throws -> Grammar? {
        if let format = try request.fields("response_format") {
            switch try format.requiredString("type") {
            case "text": return nil
            case "json_object": return .jsonObject()
            case "json_schema":
                guard let named = try format.fields("json_schema") else {
                    throw format.missing("json_schema")
                }
                guard let schema = named["schema"] else { throw named.missing("schema") }
                return try grammar(
                    schema,
                    path: named.name("schema"),
                    strict: named.bool("strict") ?? false
                )
            case let other:
                throw APIError.invalid(
                    "response_format.type",
                    "response_format.type is \"\(other)\", expected text, json_object or json_schema"
                )
            }
        }
        for key in ["guided_json", "json_schema"] {
            if let schema = request[key] { return try grammar(schema, path: key, strict: false) }
        }
        if let choices = try request.strings("guided_choice") { return Grammar(choices: choices) }
        for (key, make) in [
            ("guided_regex", { try Grammar(regex: $0) }),
            ("guided_grammar", { try Grammar(ebnf: $0) }), ("grammar", { try Grammar(ebnf: $0) }),
        ] as [(String, (String) throws -> Grammar)] {
            guard let text = try request.string(key) else { continue }
            do {
                return try make(text)
            } catch let error as SkeinError {
                throw APIError.invalid(key, "\(key): \(error)")
            }
        }
        return nil
    }

    private static func grammar(_ schema: JSON, path: String, strict: Bool) throws -> Grammar {
        do {
            return try Grammar(jsonSchema: schema, strict: strict)
        } catch let error as SkeinError {
            throw APIError.invalid(path, "\(path): \(error)")
        }
    }

    // MARK: - Tools

    /// Reads the tools; the grammar of a call where one is demanded.
    private mutating func readTools(_ request: Fields, _ model: ServedModel) throws -> Grammar? {
        guard let tools = try request.array("tools"), !tools.isEmpty else {
            if let choice = request["tool_choice"], choice.string != "none", choice.string != "auto"
            {
                throw APIError.invalid(
                    "tool_choice",
                    "tool_choice demands a call, but there are no tools"
                )
            }
            return nil
        }
        var functions: [(name: String, parameters: JSON)] = []
        for (number, tool) in tools.enumerated() {
            let path = "tools[\(number)]"
            let fields = try Fields(tool, path: path)
            let type = try fields.requiredString("type")
            guard type == "function", let function = try fields.fields("function") else {
                throw APIError.invalid(path, "\(path) is no function, expected type \"function\"")
            }
            functions.append(
                (try function.requiredString("name"), function["parameters"] ?? ["type": "object"])
            )
        }
        let choice = request["tool_choice"] ?? "auto"
        switch choice {
        case "none": return nil
        case "auto":
            self.tools = tools
            parsesCalls = true
            return nil
        case "required": break
        default:
            guard let name = choice["function"]?["name"]?.string ?? choice["name"]?.string else {
                throw APIError.invalid(
                    "tool_choice",
                    "tool_choice is \(choice.text()), expected none, auto, required or a function"
                )
            }
            functions = functions.filter { $0.name == name }
            guard !functions.isEmpty else {
                throw APIError.invalid(
                    "tool_choice",
                    "tool_choice names \"\(name)\", which no tool is"
                )
            }
        }
        self.tools = tools
        parsesCalls = true
        let isParallel = try request.bool("parallel_tool_calls") ?? true
        return try ToolDialect(model).grammar(functions, isParallel: isParallel)
    }

    func apply(to request: inout GenerationRequest) { request.grammar = grammar }

    func makeParser() -> ToolCallParser { ToolCallParser(isActive: parsesCalls) }
}

/// How a model's template writes calls.
private enum ToolDialect {
    case hermes, mistral, plain

    init(_ model: ServedModel) {
        let template = model.templateSource ?? ""
        self =
            template.contains("<tool_call>")
            ? .hermes : template.contains("[TOOL_CALLS]") ? .mistral : .plain
    }

    /// One call or several, each with arguments that fit their schema.
    func grammar(
        _ functions: [(name: String, parameters: JSON)],
        isParallel: Bool
    ) throws -> Grammar {
        let key = self == .plain ? "parameters" : "arguments"
        let call = Grammar.any(
            try functions.map { function in
                let head = "{\"name\": \(JSON.string(function.name).text()), \"\(key)\": "
                return .sequence([
                    Grammar(literal: head),
                    try Grammar(jsonSchema: function.parameters, strict: false),
                    Grammar(literal: "}"),
                ])
            }
        )
        switch self {
        case .hermes:
            let one = Grammar.sequence([
                Grammar(literal: "<tool_call>\n"), call, Grammar(literal: "\n</tool_call>"),
            ])
            guard isParallel else { return one }
            return .sequence([
                one, Grammar.sequence([Grammar(literal: "\n"), one]).repeated(atMost: 7),
            ])
        case .mistral:
            guard isParallel else {
                return .sequence([Grammar(literal: "[TOOL_CALLS] ["), call, Grammar(literal: "]")])
            }
            let more = Grammar.sequence([Grammar(literal: ", "), call]).repeated(atMost: 7)
            return .sequence([
                Grammar(literal: "[TOOL_CALLS] ["), call, more, Grammar(literal: "]"),
            ])
        case .plain: return call
        }
    }
}
