public import SkeinTensor

/// Which rows each step learns from: a function of the seed and the place, so that a run resumes exactly.
public struct BatchSource: Sendable {
    /// How steps find their rows.
    public enum Packing: String, Sendable, CaseIterable {
        /// Documents in a shuffled order, side by side; rows see only their own document, and one that
        /// is longer than a sequence is cut, its parts shuffled like documents.
        case documents
        /// Windows that begin anywhere in the documents laid end to end.
        case windows
    }

    /// Where the next batch begins: all that a checkpoint must keep.
    public struct Place: Sendable, Hashable {
        /// Batches given so far.
        public var batch = 0
        /// Passes over the corpus completed.
        public var epoch = 0
        /// Parts of the epoch's order already given.
        public var part = 0

        /// The beginning.
        public init() {}
    }

    /// The texts.
    public let file: TokenFile
    /// How steps find their rows.
    public let packing: Packing
    /// Most rows of a batch.
    public let rows: Int
    /// Most rows of a sequence.
    public let length: Int
    /// The token before the first and after the last of a document.
    public let boundary: Int32
    /// The seed of the order.
    public let seed: UInt64
    /// A document and its row where a part of it begins.
    private var order: [(document: Int32, row: Int32)] = []
    private var orderedEpoch = -1

    /// Creates a source.
    ///
    /// - Precondition: `rows` is at least `length`; the file has tokens.
    public init(
        _ file: TokenFile,
        packing: Packing,
        rows: Int,
        length: Int,
        boundary: Int32,
        seed: UInt64
    ) {
        precondition(rows >= length && length > 0 && file.tokens > 0, "an empty batch")
        self.file = file
        self.packing = packing
        self.rows = rows
        self.length = length
        self.boundary = boundary
        self.seed = seed
    }

    /// The batch at a place; the place moves on.
    public mutating func next(_ place: inout Place) -> TokenBatch {
        var batch = TokenBatch()
        switch packing {
        case .windows:
            // A window needs a token after its last one.
            let starts = max(file.tokens - length, 1)
            let width = min(length, file.tokens - 1)
            let generator = Philox(NoiseKey(seed: seed, stream: Self.windowStream))
            for index in 0..<rows / length {
                let draw = UInt64(place.batch * (rows / length) + index)
                let start = min(Int(generator.uniform(at: draw) * Double(starts)), starts - 1)
                let ids = file.ids(start..<start + width + 1)
                batch.append(ids.dropLast(), targets: ids.dropFirst())
            }
        case .documents:
            while true {
                if orderedEpoch != place.epoch { shuffle(place.epoch) }
                let part = order[place.part]
                let range = file.range(of: Int(part.document))
                let row = Int(part.row)
                let count = min(length, range.count + 1 - row)
                guard batch.tokens.isEmpty || batch.tokens.count + count <= rows else { break }
                append(range, row..<row + count, to: &batch)
                place.part += 1
                guard place.part == order.count else { continue }
                (place.part, place.epoch) = (0, place.epoch + 1)
            }
        }
        place.batch += 1
        return batch
    }

    /// The first documents or windows in the file's own order, for evaluation.
    ///
    /// - Parameters:
    ///   - limit: About how many rows.
    ///   - body: Called with batches of at most `rows` rows.
    public func inOrder(limit: Int, _ body: (TokenBatch) throws -> Void) rethrows {
        var batch = TokenBatch()
        var done = 0
        func flush() throws {
            if !batch.tokens.isEmpty { try body(batch) }
            done += batch.tokens.count
            batch = TokenBatch()
        }
        switch packing {
        case .windows:
            for start in stride(from: 0, to: file.tokens - 1, by: length) {
                let ids = file.ids(start..<min(start + length + 1, file.tokens))
                if batch.tokens.count + ids.count - 1 > rows { try flush() }
                if done >= limit { break }
                batch.append(ids.dropLast(), targets: ids.dropFirst())
            }
        case .documents:
            for document in 0..<file.documents where done < limit {
                let range = file.range(of: document)
                for row in stride(from: 0, to: range.count + 1, by: length) {
                    let count = min(length, range.count + 1 - row)
                    if batch.tokens.count + count > rows { try flush() }
                    append(range, row..<row + count, to: &batch)
                }
            }
        }
        if done < limit { try flush() }
    }

    /// Rows of a document between two boundaries.
    private func append(_ range: Range<Int>, _ rows: Range<Int>, to batch: inout TokenBatch) {
        // Row i reads token i - 1 of the document and is judged by token i.
        let first = range.lowerBound + max(rows.lowerBound - 1, 0)
        let last = range.lowerBound + min(rows.upperBound, range.count)
        var ids = file.ids(first..<last)
        if rows.lowerBound == 0 { ids.insert(boundary, at: 0) }
        if rows.upperBound == range.count + 1 { ids.append(boundary) }
        batch.append(ids.dropLast(), targets: ids.dropFirst())
    }

    /// - Source: Fisher and Yates' shuffle.
    private mutating func shuffle(_ epoch: Int) {
        order = []
        for document in 0..<file.documents {
            for _ in 0..<file.copies(of: document) {
                for row in stride(from: 0, to: file.range(of: document).count + 1, by: length) {
                    order.append(
                        (Int32(truncatingIfNeeded: document), Int32(truncatingIfNeeded: row))
                    )
                }
            }
        }
        let generator = Philox(
            NoiseKey(seed: seed &+ UInt64(epoch) &* 0x9e37_79b9_7f4a_7c15, stream: Self.orderStream)
        )
        for place in order.indices.dropFirst() {
            let other = Int(generator.uniform(at: UInt64(place)) * Double(place + 1))
            order.swapAt(place, min(other, place))
        }
        orderedEpoch = epoch
    }

    private static let orderStream: UInt32 = 0x0bde_5001
    private static let windowStream: UInt32 = 0x0bde_5002
}

/// Sequences side by side, each row with the token that came after it.
public struct TokenBatch: Sendable, Hashable {
    /// The ids.
    public private(set) var tokens: [Int32] = []
    /// The token after each.
    public private(set) var targets: [Int32] = []
    /// The rows of each sequence.
    public private(set) var sequences: [Range<Int>] = []

    /// Creates a batch without sequences.
    public init() {}

    /// Adds a sequence.
    ///
    /// - Precondition: There are as many targets as tokens, at least one.
    public mutating func append(_ tokens: ArraySlice<Int32>, targets: ArraySlice<Int32>) {
        precondition(tokens.count == targets.count && !tokens.isEmpty, "a misshapen sequence")
        sequences.append(self.tokens.count..<self.tokens.count + tokens.count)
        self.tokens += tokens
        self.targets += targets
    }

    /// The rows as a model takes them: each sequence sees itself alone.
    public var rows: RowBatch {
        RowBatch(
            inputs: .tokens(tokens),
            positions: sequences.flatMap { (0..<$0.count).map { Int32(truncatingIfNeeded: $0) } },
            segments: sequences.map {
                Segment(rows: $0, slot: 0, reads: .nothing, visibility: .causal)
            },
            headRows: []
        )
    }
}
