/// A unigram language model over pieces: the segmentation of the highest score.
final class UnigramModel: Sendable {
    private let trie: ByteTrie
    private let table: ByteTable
    private let scores: [Double]
    private let unkID: Int32?
    private let unkScore: Double
    private let fallback: [Int32]?
    private let roundsToSingle: Bool
    private let skipped: Set<Int32>

    /// A model; `roundsToSingle` sums in single precision as SentencePiece does.
    init(
        pieces: [(key: [UInt8], id: Int32)],
        scores: [Double],
        unkID: Int32?,
        fallback: [Int32]?,
        minimum: Double? = nil,
        roundsToSingle: Bool = false,
        skipped: Set<Int32> = []
    ) {
        trie = ByteTrie(pieces.filter { !skipped.contains($0.id) })
        table = ByteTable(pieces)
        self.scores = scores
        self.unkID = unkID
        let unkScore = (minimum ?? scores.min() ?? 0) - 10
        self.unkScore = roundsToSingle ? Double(Float(unkScore)) : unkScore
        self.fallback = fallback
        self.roundsToSingle = roundsToSingle
        self.skipped = skipped
    }

    private struct Node {
        var id: Int32 = -1
        var start: Int32 = -1
        var score = 0.0
    }

    /// Encodes every piece; `emit` gets the piece's index, the token and its bytes in the text.
    func encode(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ ranges: [Range<Int32>],
        _ emit: (Int, Int32, Range<Int>) -> Void
    ) {
        var nodes: [Node] = []
        var path: [Range<Int>] = []
        for (index, range) in ranges.enumerated() {
            let base = Int(range.lowerBound)
            let word = UnsafeBufferPointer(rebasing: bytes[base..<Int(range.upperBound)])
            best(word, &nodes)
            trace(word.count, nodes, &path)
            for part in path.reversed() {
                let place = base + part.lowerBound..<base + part.upperBound
                let text = UnsafeBufferPointer(rebasing: word[part])
                if let id = table.id(text), !skipped.contains(id) {
                    emit(index, id, place)
                } else if let fallback, text.allSatisfy({ fallback[Int($0)] >= 0 }) {
                    for byte in text { emit(index, fallback[Int(byte)], place) }
                } else if let unkID {
                    emit(index, unkID, place)
                }
            }
        }
    }

    private func best(_ word: UnsafeBufferPointer<UInt8>, _ nodes: inout [Node]) {
        nodes.removeAll(keepingCapacity: true)
        nodes.append(contentsOf: repeatElement(Node(), count: word.count + 1))
        var position = 0
        nodes.withUnsafeMutableBufferPointer { nodes in
            while position < word.count {
                let width = min(TextBytes.length(word[position]), word.count - position)
                let here = nodes[position].score
                var hasSingle = false
                trie.prefixes(word, position) { end, id in
                    var candidate = scores[Int(id)] + here
                    if roundsToSingle { candidate = Double(Float(candidate)) }
                    if nodes[end].start < 0 || candidate > nodes[end].score {
                        nodes[end] = Node(
                            id: id,
                            start: Int32(truncatingIfNeeded: position),
                            score: candidate
                        )
                    }
                    if end - position == width { hasSingle = true }
                }
                if !hasSingle {
                    let end = position + width
                    var candidate = unkScore + here
                    if roundsToSingle { candidate = Double(Float(candidate)) }
                    if nodes[end].start < 0 || candidate > nodes[end].score {
                        nodes[end] = Node(
                            id: unkID ?? -1,
                            start: Int32(truncatingIfNeeded: position),
                            score: candidate
                        )
                    }
                }
                position += width
            }
        }
    }

    /// The pieces from the last to the first; neighbouring unknown ones are one.
    private func trace(_ count: Int, _ nodes: [Node], _ path: inout [Range<Int>]) {
        path.removeAll(keepingCapacity: true)
        var end = count
        var wasUnknown = false
        while end > 0, nodes[end].start >= 0 {
            let node = nodes[end]
            let start = Int(node.start)
            let isUnknown = unkID != nil && node.id == unkID
            if isUnknown, wasUnknown, let last = path.last {
                path[path.count - 1] = start..<last.upperBound
            } else {
                path.append(start..<end)
            }
            wasUnknown = isUnknown
            end = start
        }
    }
}

/// A trie over bytes with children in one flat table.
struct ByteTrie: Sendable {
    private var ids: [Int32] = [-1]
    private var edges: PairTable
    private var first: [Int32]

    /// A trie of these keys; of equal keys the last counts.
    init(_ entries: [(key: [UInt8], id: Int32)]) {
        edges = PairTable(capacity: entries.reduce(0) { $0 + $1.key.count } + 1)
        first = [Int32](repeating: -1, count: 256)
        for entry in entries {
            guard let lead = entry.key.first else { continue }
            var node = first[Int(lead)]
            if node < 0 {
                node = Int32(truncatingIfNeeded: ids.count)
                ids.append(-1)
                first[Int(lead)] = node
            }
            for byte in entry.key.dropFirst() {
                if let merge = edges.merge(node, Int32(byte)) {
                    node = merge.id
                } else {
                    let made = Int32(truncatingIfNeeded: ids.count)
                    ids.append(-1)
                    edges.set(node, Int32(byte), .init(rank: 0, id: made))
                    node = made
                }
            }
            ids[Int(node)] = entry.id
        }
    }

    /// Calls `body` with the end and id of every key that begins at `start`, shortest first.
    @inline(__always)
    func prefixes(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ start: Int,
        _ body: (Int, Int32) -> Void
    ) {
        var node = first[Int(bytes[start])]
        var position = start + 1
        while node >= 0 {
            if ids[Int(node)] >= 0 { body(position, ids[Int(node)]) }
            guard position < bytes.count else { return }
            guard let merge = edges.merge(node, Int32(bytes[position])) else { return }
            node = merge.id
            position += 1
        }
    }

    /// The longest key that begins at `start`.
    func longest(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> (end: Int, id: Int32)? {
        var found: (Int, Int32)?
        prefixes(bytes, start) { found = ($0, $1) }
        return found
    }

    /// Whether any key begins with this byte.
    func begins(_ byte: UInt8) -> Bool { first[Int(byte)] >= 0 }
}
