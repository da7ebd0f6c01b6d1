internal import SkeinCore
internal import SkeinEngine

/// What `response_format`, `tools` and `tool_choice` demand of an answer.
struct Constraint: Sendable {
    /// Tool descriptions for the template.
    var tools: [JSON]?
    /// Whether the answer is looked through for calls.
    var parsesCalls = false

    /// Reads a request's demands.
    ///
    /// - Throws: `APIError` that names the field.
    static func make(_ request: Fields, _ model: ServedModel) throws -> Constraint {
        var constraint = Constraint()
        if let tools = try request.array("tools"), !tools.isEmpty {
            for (number, tool) in tools.enumerated() {
                let path = "tools[\(number)]"
                let fields = try Fields(tool, path: path)
                let type = try fields.requiredString("type")
                guard type == "function", let function = try fields.fields("function") else {
                    throw APIError.invalid(
                        path,
                        "\(path) is no function, expected type \"function\""
                    )
                }
                _ = try function.requiredString("name")
            }
            constraint.tools = tools
            constraint.parsesCalls = true
        }
        return constraint
    }

    func apply(to request: inout GenerationRequest) {}

    func makeParser() -> ToolCallParser { ToolCallParser(isActive: parsesCalls) }
}
