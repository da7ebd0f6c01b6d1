/// Tokens that are found in text before anything else happens to it.
struct AddedTokens: Sendable {
    /// One such token.
    struct Entry: Sendable {
        var id: Int32
        var content: [UInt8]
        var isSpecial = false
        /// Whether white space before it belongs to it.
        var stripsLeft = false
        /// Whether white space after it belongs to it.
        var stripsRight = false
        /// Whether it must not touch a letter or digit.
        var isSingleWord = false
    }

    /// A stretch of text: plain, or one of the tokens.
    enum Part {
        case text(Range<Int>)
        case token(Int32)
    }

    /// Entries by first byte, longest first.
    private var table: [UInt8: [Entry]] = [:]

    init(_ entries: [Entry]) {
        for entry in entries {
            guard let first = entry.content.first else { continue }
            table[first, default: []].append(entry)
        }
        for (byte, list) in table {
            table[byte] = list.sorted { $0.content.count > $1.content.count }
        }
    }

    var isEmpty: Bool { table.isEmpty }

    /// Cuts text at the tokens it holds; the leftmost and longest win.
    func split(_ text: UnsafeBufferPointer<UInt8>, includingSpecial: Bool) -> [Part] {
        guard !table.isEmpty else { return text.isEmpty ? [] : [.text(0..<text.count)] }
        var parts: [Part] = []
        var start = 0
        var index = 0
        while index < text.count {
            guard let entry = match(text, index, includingSpecial) else {
                index += 1
                continue
            }
            var lower = index
            var upper = index + entry.content.count
            if entry.stripsLeft {
                while lower > start, Self.isSpace(text[lower - 1]) { lower -= 1 }
            }
            if entry.stripsRight {
                while upper < text.count, Self.isSpace(text[upper]) { upper += 1 }
            }
            if lower > start { parts.append(.text(start..<lower)) }
            parts.append(.token(entry.id))
            start = upper
            index = upper
        }
        if start < text.count { parts.append(.text(start..<text.count)) }
        return parts
    }

    private func match(
        _ text: UnsafeBufferPointer<UInt8>,
        _ index: Int,
        _ includingSpecial: Bool
    ) -> Entry? {
        guard let entries = table[text[index]] else { return nil }
        return entries.first { entry in
            guard includingSpecial || !entry.isSpecial, entry.content.count <= text.count - index
            else { return false }
            for offset in 0..<entry.content.count
            where text[index + offset] != entry.content[offset] {
                return false
            }
            guard entry.isSingleWord else { return true }
            let end = index + entry.content.count
            return !(index > 0 && Self.isWord(text[index - 1]))
                && !(end < text.count && Self.isWord(text[end]))
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0d).contains(byte)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        byte >= 0x80 || byte == 0x5f || (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte)
            || (0x61...0x7a).contains(byte)
    }
}
