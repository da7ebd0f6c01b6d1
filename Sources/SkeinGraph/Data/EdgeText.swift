internal import SkeinCore
internal import Synchronization

/// The edges of a stretch of text, under the ids of the file.
struct EdgeLines: Sendable {
    var sources: [Int64] = []
    var destinations: [Int64] = []
    /// One an edge; none when no line has one.
    var weights: [Float] = []
    /// Nodes that adjacency lists name without neighbours.
    var loners: [Int64] = []
    /// Lines that hold something.
    var lines = 0
}

/// A text of edges, which is parsed in pieces on all threads, as often as it is asked for.
struct EdgeText: @unchecked Sendable {
    // Invariant: the bytes are never written and outlive the text.

    let bytes: UnsafeRawBufferPointer
    let path: String
    let format: GraphFormat
    /// Stretches of whole lines, in order.
    private let pieces: [Range<Int>]
    /// How many lines come before the first piece.
    private let headerLines: Int
    /// Told of every stretch that is done with for now.
    var release: ((Range<Int>) -> Void)?

    init(
        bytes: UnsafeRawBufferPointer,
        path: String,
        format: GraphFormat,
        headerLines: Int,
        pieceBytes: Int = 1 << 20
    ) {
        self.bytes = bytes
        self.path = path
        self.format = format
        var scanner = LineScanner(bytes: bytes, path: path)
        scanner.skip(lines: headerLines)
        self.headerLines = scanner.line
        var pieces: [Range<Int>] = []
        var start = scanner.nextPosition
        while start < bytes.count {
            var end = min(start + max(pieceBytes, 1), bytes.count)
            while end < bytes.count, bytes[end - 1] != 0x0a { end += 1 }
            pieces.append(start..<end)
            start = end
        }
        self.pieces = pieces
    }

    /// Parses all pieces and hands over what becomes of them, several at a time and in order.
    ///
    /// - Parameters:
    ///   - compute: Where pieces are parsed.
    ///   - transform: What a piece becomes; runs on any thread.
    ///   - body: Takes what some pieces became.
    /// - Throws: `SkeinError.Code.syntax` that names the first bad line, or what `body` throws.
    func forEach<Value: Sendable>(
        _ compute: GraphCompute,
        _ transform: @escaping @Sendable (EdgeLines) -> Value,
        _ body: ([Value]) throws -> Void
    ) throws {
        var line = headerLines
        let wave = 4 * compute.threads
        for first in stride(from: 0, to: pieces.count, by: wave) {
            let range = first..<min(first + wave, pieces.count)
            let results = Mutex<[(value: Value?, lines: Int)]>(
                .init(repeating: (nil, 0), count: range.count)
            )
            compute.run(tasks: range.count) { index in
                let piece = self.pieces[first + index]
                var scanner = LineScanner(
                    bytes: .init(rebasing: self.bytes[piece]),
                    path: self.path
                )
                let value = (try? self.lines(&scanner)).map(transform)
                let lines = scanner.line
                results.withLock { $0[index] = (value, lines) }
            }
            let values = try results.withLock { results in
                try results.enumerated().map { index, result -> Value in
                    guard let value = result.value else {
                        // Again with the right line number, for its message.
                        let piece = UnsafeRawBufferPointer(rebasing: bytes[pieces[first + index]])
                        var scanner = LineScanner(bytes: piece, path: path)
                        scanner.line = line
                        return transform(try lines(&scanner))
                    }
                    line += result.lines
                    return value
                }
            }
            try body(values)
            release?(pieces[range.lowerBound].lowerBound..<pieces[range.upperBound - 1].upperBound)
        }
    }

    /// How many lines there are.
    var lineCount: Int { headerLines + bytes.lazy.count { $0 == 0x0a } }

    private func lines(_ scanner: inout LineScanner) throws -> EdgeLines {
        var result = EdgeLines()
        while scanner.nextLine() {
            result.lines += 1
            guard let source = try scanner.integer("a node id") else { continue }
            guard let first = try scanner.integer("a node id") else {
                guard format == .adjacency else {
                    throw scanner.failure("found 1 column, expected 2 or 3")
                }
                result.loners.append(source)
                continue
            }
            result.sources.append(source)
            result.destinations.append(first)
            if format == .edges {
                if let weight = try scanner.weight() {
                    if result.weights.isEmpty {
                        result.weights = .init(repeating: 1, count: result.sources.count - 1)
                    }
                    result.weights.append(weight)
                } else if !result.weights.isEmpty {
                    result.weights.append(1)
                }
                if scanner.field() != nil {
                    throw scanner.failure(
                        "found more than 3 columns, expected source, destination and weight",
                        hint: "pass --format adjacency when a line lists all neighbours of a node"
                    )
                }
            } else {
                while let next = try scanner.integer("a node id") {
                    result.sources.append(source)
                    result.destinations.append(next)
                }
            }
        }
        return result
    }
}
