/// Joins pieces of bytes into text without ever splitting a character.
///
/// A token may end in the middle of a multi-byte character; `append` holds such a tail back until the
/// rest arrives. Bytes that can never become valid UTF-8 turn into U+FFFD at once.
public struct UTF8Stream: Sendable {
    private var pending: [UInt8] = []

    /// Creates a stream with nothing pending.
    public init() {}

    /// The text that became complete with these bytes; possibly empty.
    ///
    /// - Complexity: O(n) in the number of bytes.
    public mutating func append(_ bytes: some Sequence<UInt8>) -> String {
        pending.append(contentsOf: bytes)
        let tail = Self.incompleteTail(of: pending)
        let text = String(decoding: pending.dropLast(tail), as: UTF8.self)
        pending.removeFirst(pending.count - tail)
        return text
    }

    /// What is still pending, with U+FFFD for the unfinished character.
    public mutating func finish() -> String {
        defer { pending.removeAll() }
        return String(decoding: pending, as: UTF8.self)
    }

    /// The number of bytes at the end that begin a character whose rest may still come.
    private static func incompleteTail(of bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let byte = bytes[bytes.count - length]
            let needed =
                switch byte {
                case 0xc2...0xdf: 2
                case 0xe0...0xef: 3
                case 0xf0...0xf4: 4
                default: 0
                }
            if needed > length { return length }
            if needed > 0 || byte < 0x80 { return 0 }
        }
        return 0
    }
}
