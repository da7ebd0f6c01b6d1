/// A token that is found in text before the model sees it.
struct AddedToken: Sendable {
    var id: Int32
    var content: [UInt8]
    var isSpecial = false
    var isSingleWord = false
    var stripsLeft = false
    var stripsRight = false
    var isNormalized = false
    /// What to look for in normalised text, where that is not the normalised content.
    var normalizedKey: [UInt8]?
}

/// Finds added tokens, leftmost and longest first.
struct AddedTokens: Sendable {
    /// The tokens by id.
    private let tokens: [Int32: AddedToken]
    private let trie: ByteTrie
    private let leads: [Bool]

    /// Whether there is nothing to find.
    let isEmpty: Bool

    /// A finder of these contents, which may differ from the tokens' own by normalisation.
    init(_ entries: [(key: [UInt8], token: AddedToken)]) {
        let entries = entries.filter { !$0.key.isEmpty }
        tokens = Dictionary(entries.map { ($0.token.id, $0.token) }) { $1 }
        trie = ByteTrie(entries.map { ($0.key, $0.token.id) })
        leads = (0..<256).map { [trie] in trie.begins(UInt8($0)) }
        isEmpty = entries.isEmpty
    }

    /// Cuts `bytes` into stretches, each with its token or none; together they cover all.
    func cut(
        _ bytes: UnsafeBufferPointer<UInt8>,
        parsesSpecial: Bool,
        _ body: (Range<Int>, Int32?) -> Void
    ) {
        var last = 0
        var position = 0
        while position < bytes.count {
            guard leads[Int(bytes[position])], let match = trie.longest(bytes, position),
                let token = tokens[match.id]
            else {
                position += 1
                continue
            }
            var start = position
            var end = match.end
            position = end
            if token.isSpecial, !parsesSpecial { continue }
            if token.isSingleWord, touchesWord(bytes, start, end) { continue }
            if token.stripsLeft {
                while start > last {
                    let before = TextBytes.previous(bytes, start)
                    guard isSpace(TextBytes.scalar(bytes, before)) else { break }
                    start = before
                }
                start = max(start, last)
            }
            if token.stripsRight {
                while end < bytes.count, isSpace(TextBytes.scalar(bytes, end)) {
                    end += TextBytes.length(bytes[end])
                }
            }
            if last < start { body(last..<start, nil) }
            body(start..<end, match.id)
            last = end
        }
        if last < bytes.count { body(last..<bytes.count, nil) }
    }

    private func isSpace(_ scalar: UInt32) -> Bool {
        CharacterTable.shared[scalar].contains(.plainSpace)
    }

    private func touchesWord(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ start: Int,
        _ end: Int
    ) -> Bool {
        func isWord(_ place: Int) -> Bool {
            CharacterTable.shared[TextBytes.scalar(bytes, place)].contains(.word)
        }
        return start > 0 && isWord(TextBytes.previous(bytes, start))
            || end < bytes.count && isWord(end)
    }
}
