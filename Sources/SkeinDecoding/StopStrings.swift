/// Ends a stream of text at the first stop string that is complete.
///
/// Text that may be the beginning of a stop string is held back until it is known. Matching is by UTF-8
/// bytes, one byte after another, so neither the result nor the cut depends on how the text is cut into
/// pieces; of several strings complete at the same byte the longest counts.
///
/// - Paper: Knuth, Morris & Pratt 1977, "Fast pattern matching in strings".
public struct StopStrings: Sendable {
    /// One string, with how much of it the end of the text matches.
    private struct Matcher: Sendable {
        let bytes: [UInt8]
        /// For each matched length, the longest shorter prefix that is also a suffix of it.
        let fallback: [Int]
        var matched = 0

        init(_ text: String) {
            let bytes = Array(text.utf8)
            var fallback = [0, 0]
            var length = 0
            for byte in bytes.dropFirst() {
                while length > 0, bytes[length] != byte { length = fallback[length] }
                if bytes[length] == byte { length += 1 }
                fallback.append(length)
            }
            self.bytes = bytes
            self.fallback = fallback
        }

        /// Whether the string is complete with this byte.
        mutating func advance(_ byte: UInt8) -> Bool {
            while matched > 0, bytes[matched] != byte { matched = fallback[matched] }
            if bytes[matched] == byte { matched += 1 }
            return matched == bytes.count
        }
    }

    private var matchers: [Matcher]
    private var held: [UInt8] = []
    /// The stop string that has come, if one has; nothing is emitted after it.
    public private(set) var found: String?
    /// Whether a stop string has come.
    public var isStopped: Bool { found != nil }

    /// Creates a matcher; empty strings are passed over.
    public init(_ strings: [String]) {
        matchers = strings.filter { !$0.isEmpty }.map(Matcher.init)
    }

    /// Adds text and returns what is certain to precede any stop string.
    ///
    /// - Complexity: O(bytes · strings), amortised.
    public mutating func append(_ text: String) -> (emit: String, stopped: Bool) {
        guard !isStopped else { return ("", true) }
        guard !matchers.isEmpty else { return (text, false) }
        for byte in text.utf8 {
            held.append(byte)
            var longest = 0
            for i in matchers.indices where matchers[i].advance(byte) {
                longest = max(longest, matchers[i].bytes.count)
            }
            guard longest == 0 else {
                found = String(decoding: held.suffix(longest), as: UTF8.self)
                held.removeLast(longest)
                return (finish(), true)
            }
        }
        let kept = matchers.reduce(0) { max($0, $1.matched) }
        let emit = String(decoding: held.dropLast(kept), as: UTF8.self)
        held.removeFirst(held.count - kept)
        return (emit, false)
    }

    /// What is still held back, once no more text can come.
    public mutating func finish() -> String {
        defer { held.removeAll() }
        return String(decoding: held, as: UTF8.self)
    }
}
