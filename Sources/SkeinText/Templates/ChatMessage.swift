public import SkeinCore

/// One message of a conversation.
public struct ChatMessage: Sendable, Hashable {
    /// Who speaks: `system`, `user`, `assistant`, `tool`.
    public var role: String
    /// The text, or a list of parts, or `null`.
    public var content: JSON
    /// Further members, such as `tool_calls`.
    public var extra: JSONObject

    /// Creates a message with text.
    public init(_ role: String, _ text: String) {
        self.init(role: role, content: .string(text))
    }

    /// Creates a message from its parts.
    public init(role: String, content: JSON, extra: JSONObject = JSONObject()) {
        self.role = role
        self.content = content
        self.extra = extra
    }

    /// The message as templates see it.
    public var json: JSON {
        var object = JSONObject()
        object["role"] = .string(role)
        object["content"] = content
        for member in extra.members { object[member.key] = member.value }
        return .object(object)
    }
}
