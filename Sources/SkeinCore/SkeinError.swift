/// An error about the world outside the program: files, flags, requests, checkpoints, networks.
///
/// The message says what was found and what was expected; the hint says what to try.
public struct SkeinError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure; open, so that later floors may add their own.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable spelling, `lower_snake_case`.
        public let rawValue: String

        /// Creates a code from its stable spelling.
        public init(_ rawValue: String) { self.rawValue = rawValue }

        /// The stable spelling.
        public var description: String { rawValue }

        /// A file or directory that was asked for does not exist.
        public static let notFound = Self("not_found")
        /// The system refused to open, read, map or write.
        public static let ioFailure = Self("io_failure")
        /// Bytes that do not follow their format: truncated, overlapping, out of range.
        public static let corruptFile = Self("corrupt_file")
        /// Well-formed, but of a kind this version does not handle.
        public static let unsupported = Self("unsupported")
        /// A tensor that the model needs is absent.
        public static let missingTensor = Self("missing_tensor")
        /// A tensor's shape disagrees with the configuration.
        public static let shapeMismatch = Self("shape_mismatch")
        /// A flag, parameter or request field outside its domain.
        public static let invalidArgument = Self("invalid_argument")
        /// Text that cannot be parsed: JSON, templates, patterns.
        public static let syntax = Self("syntax")
        /// More tokens than the context holds.
        public static let contextOverflow = Self("context_overflow")
        /// Weights or results that are not finite numbers.
        public static let notFinite = Self("not_finite")
        /// A state or strategy was asked for something it declared it cannot do.
        public static let incapable = Self("incapable")
        /// More work is waiting than may wait; later it may be taken.
        public static let overloaded = Self("overloaded")
        /// Not taking work: ending, or not ready yet.
        public static let unavailable = Self("unavailable")
    }

    /// What kind of failure this is.
    public var code: Code
    /// What was found and what was expected.
    public var message: String
    /// What to try, if there is something.
    public var hint: String?

    /// Creates an error from its code, its message and an optional hint.
    public init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// The message, with the hint in parentheses.
    public var description: String {
        guard let hint else { return message }
        return "\(message) (\(hint))"
    }
}
