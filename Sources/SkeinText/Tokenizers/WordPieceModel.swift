/// Greedy longest-match-first pieces of words, as BERT has them; or whole words only.
final class WordPieceModel: Sendable {
    private let heads: ByteTrie
    private let tails: ByteTrie
    private let words: ByteTable?
    private let unkID: Int32?
    private let maximumCharacters: Int

    /// Word pieces; keys in `tails` come without their prefix.
    init(
        heads: [(key: [UInt8], id: Int32)],
        tails: [(key: [UInt8], id: Int32)],
        unkID: Int32?,
        maximumCharacters: Int
    ) {
        self.heads = ByteTrie(heads)
        self.tails = ByteTrie(tails)
        words = nil
        self.unkID = unkID
        self.maximumCharacters = maximumCharacters
    }

    /// Whole words.
    init(words: ByteTable, unkID: Int32?) {
        heads = ByteTrie([])
        tails = ByteTrie([])
        self.words = words
        self.unkID = unkID
        maximumCharacters = .max
    }

    /// Encodes every piece; `emit` gets the piece's index, the token and its bytes in the text.
    func encode(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ ranges: [Range<Int32>],
        _ emit: (Int, Int32, Range<Int>) -> Void
    ) {
        var found: [(Int32, Range<Int>)] = []
        for (index, range) in ranges.enumerated() {
            let base = Int(range.lowerBound)
            let whole = base..<Int(range.upperBound)
            let word = UnsafeBufferPointer(rebasing: bytes[whole])
            if let words {
                if let id = words.id(word) ?? unkID { emit(index, id, whole) }
                continue
            }
            found.removeAll(keepingCapacity: true)
            var position = 0
            let count = word.count <= maximumCharacters ? 0 : word.count { $0 & 0xc0 != 0x80 }
            if count <= maximumCharacters {
                while position < word.count {
                    let trie = position == 0 ? heads : tails
                    guard let (end, id) = trie.longest(word, position) else { break }
                    found.append((id, base + position..<base + end))
                    position = end
                }
            }
            if position == word.count {
                for (id, place) in found { emit(index, id, place) }
            } else if let unkID {
                emit(index, unkID, whole)
            }
        }
    }
}

/// The models a tokenizer may have.
enum TokenModel: Sendable {
    case bpe(BPEModel)
    case unigram(UnigramModel)
    case words(WordPieceModel)

    /// Encodes every piece; `emit` gets the piece's index, the token and its bytes in the text.
    func encode(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ ranges: [Range<Int32>],
        _ emit: (Int, Int32, Range<Int>) -> Void
    ) {
        switch self {
        case .bpe(let model): model.encode(bytes, ranges, emit)
        case .unigram(let model): model.encode(bytes, ranges, emit)
        case .words(let model): model.encode(bytes, ranges, emit)
        }
    }
}
