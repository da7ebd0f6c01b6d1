internal import Foundation

/// What a person types or pastes.
enum Terminal {
    /// How long the rest of a paste may take to arrive, in milliseconds.
    private static let pasteDelay: Int32 = 20

    /// The next message, without its line end; `nil` at the end of input.
    ///
    /// Lines that a terminal delivers at once were pasted, and are one message. From a pipe every line is
    /// a message. Bytes that are not UTF-8 become replacement characters.
    static func message() -> String? {
        guard var text = line() else { return nil }
        guard isatty(STDIN_FILENO) == 1, !text.hasPrefix("/") else { return text }
        while hasMore, let line = line() { text += "\n" + line }
        while text.hasSuffix("\n") { text.removeLast() }
        return text
    }

    /// One line; at the end of input, when an earlier call was interrupted, the library would else take
    /// that call's error for its own and try for ever.
    private static func line() -> String? {
        errno = 0
        return readLine()
    }

    private static var hasMore: Bool {
        var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&input, 1, pasteDelay) > 0
    }
}
