public import SkeinCore

/// A chat template: the subset of Jinja that models' chat templates use, with Python's semantics.
///
/// White space follows `trim_blocks` and `lstrip_blocks`; nothing is escaped; work, depth and memory
/// are bounded, so that a hostile template ends in an error.
///
/// - Deviation: `safe` and `escape` give plain text, so adding to their result escapes nothing, where
///   jinja2's marked text would; chat prompts want the text itself.
public struct ChatTemplate: Sendable {
    private let statements: [TemplateStatement]

    /// Parses a template.
    ///
    /// - Throws: `SkeinError.Code.syntax` with the line, or `unsupported` for tags that load other
    ///   templates.
    /// - Complexity: O(n) in the length of the source.
    public init(_ source: String) throws {
        statements = try TemplateParser.parse(source)
    }

    /// Renders the template with the given variables.
    ///
    /// - Parameters:
    ///   - context: `messages`, `tools`, `add_generation_prompt`, `bos_token` and so on.
    ///   - now: What `strftime_now` sees.
    /// - Returns: The prompt.
    /// - Throws: `SkeinError.Code.invalidArgument` with the line and the reason; this includes what the
    ///   template itself raises.
    public func render(_ context: JSONObject, now: LocalTime = .current()) throws -> String {
        var line = 1
        do {
            let renderer = try TemplateRenderer(context: context, now: now)
            defer { line = renderer.line }
            try renderer.run(statements)
            return renderer.out
        } catch let fault as TemplateFault {
            throw SkeinError(fault.code, "chat template, line \(line): \(fault.message)")
        }
    }

    /// Renders a conversation with the variables that every template expects.
    ///
    /// - Parameters:
    ///   - messages: The conversation.
    ///   - addGenerationPrompt: Whether the text ends where the assistant begins.
    ///   - bos: The text of the token that begins a sequence.
    ///   - eos: The text of the token that ends one.
    ///   - tools: Tool descriptions in the OpenAI form; `nil` leaves `tools` as `none`.
    ///   - extra: Further variables; they win over the others.
    ///   - now: What `strftime_now` sees.
    /// - Returns: The prompt.
    /// - Throws: As `render(_:now:)`.
    public func render(
        messages: [ChatMessage],
        addGenerationPrompt: Bool = true,
        bos: String = "",
        eos: String = "",
        tools: [JSON]? = nil,
        extra: JSONObject = JSONObject(),
        now: LocalTime = .current()
    ) throws -> String {
        var context = JSONObject()
        context["messages"] = .array(messages.map(\.json))
        context["tools"] = tools.map(JSON.array) ?? .null
        context["documents"] = .null
        context["add_generation_prompt"] = .bool(addGenerationPrompt)
        context["bos_token"] = .string(bos)
        context["eos_token"] = .string(eos)
        for member in extra.members { context[member.key] = member.value }
        return try render(context, now: now)
    }
}
