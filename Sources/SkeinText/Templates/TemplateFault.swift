import SkeinCore

/// A failure inside a template, before its line is known.
struct TemplateFault: Error {
    var message: String
    var code = SkeinError.Code.invalidArgument

    init(_ message: String, code: SkeinError.Code = .invalidArgument) {
        self.message = message
        self.code = code
    }

    static func unsupported(_ message: String) -> Self { Self(message, code: .unsupported) }
}
