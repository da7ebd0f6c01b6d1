/// The byte strings of a vocabulary as a trie, for walking all tokens at once.
///
/// Nodes are in depth-first order, so that a subtree is a range; tokens are in the order of their
/// bytes. Built once a tokenizer; O(total bytes) memory.
public final class TokenVocabulary: Sendable {
    /// The bytes of each token; empty for those that no grammar allows.
    public let tokens: [[UInt8]]
    /// The last byte of each node's path; node 0 is the empty path.
    let bytes: [UInt8]
    /// The length of each node's path.
    let depths: [UInt8]
    /// The first node after each node's subtree.
    let ends: [Int32]
    /// Where each node's tokens begin in `sorted`, and one more entry for the end.
    let firstTokens: [Int32]
    /// Token ids by their bytes.
    let sorted: [Int32]

    /// The longest token that is looked at; longer ones are never allowed.
    static let longest = 255

    /// Creates the trie.
    ///
    /// - Parameter tokens: The bytes of each id; empty for a special token, which no grammar allows.
    /// - Complexity: O(n · log n) in the number of tokens.
    public init(tokens: [[UInt8]]) {
        self.tokens = tokens
        let keyed = tokens.indices
            .filter { !tokens[$0].isEmpty && tokens[$0].count <= Self.longest }
            .map { (key: Self.key(tokens[$0]), id: $0) }
        let order = keyed.sorted { a, b in
            if a.key != b.key { return a.key < b.key }
            let (x, y) = (tokens[a.id], tokens[b.id])
            if x == y { return a.id < b.id }
            return x.lexicographicallyPrecedes(y)
        }
        var bytes: [UInt8] = [0]
        var depths: [UInt8] = [0]
        var ends: [Int32] = [0]
        var firsts: [Int32] = [0]
        var path: [Int] = [0]
        var previous: [UInt8] = []
        for (rank, entry) in order.enumerated() {
            let token = tokens[entry.id]
            var shared = 0
            let bound = min(previous.count, token.count)
            while shared < bound, previous[shared] == token[shared] { shared += 1 }
            while path.count - 1 > shared {
                ends[path.removeLast()] = Int32(bytes.count)
            }
            for place in shared..<token.count {
                path.append(bytes.count)
                bytes.append(token[place])
                depths.append(UInt8(place + 1))
                ends.append(0)
                firsts.append(Int32(rank))
            }
            previous = token
        }
        for node in path { ends[node] = Int32(bytes.count) }
        firsts.append(Int32(order.count))
        self.bytes = bytes
        self.depths = depths
        self.ends = ends
        firstTokens = firsts
        sorted = order.map { Int32($0.id) }
    }

    /// The first eight bytes, so that most comparisons look at one number.
    private static func key(_ token: [UInt8]) -> UInt64 {
        var key: UInt64 = 0
        for place in 0..<8 {
            key = key << 8 | (place < token.count ? UInt64(token[place]) : 0)
        }
        return key
    }
}
