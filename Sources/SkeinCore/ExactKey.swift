/// A string compared and hashed by its UTF-8 bytes.
///
/// `String` compares by canonical equivalence, so that two vocabulary entries which differ only in
/// how an accent is composed would collide as dictionary keys; these do not.
public struct ExactKey: Hashable, Sendable {
    /// The string itself.
    public let string: String

    /// Wraps a string.
    public init(_ string: String) { self.string = string }

    /// Whether both strings have the same bytes.
    public static func == (a: Self, b: Self) -> Bool {
        a.string.utf8.elementsEqual(b.string.utf8)
    }

    /// Feeds the bytes.
    public func hash(into hasher: inout Hasher) {
        var string = string
        string.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
