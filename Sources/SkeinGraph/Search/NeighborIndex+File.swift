internal import SkeinCore
internal import SkeinTensor

/// The index on disk: a header, the vectors at unit length, then the links of every layer.
///
/// Layout, little-endian: `SKEINHN1`, then as Int64 the hash of the vectors it was made of, rows,
/// dimensions, links, entry, layers; Float32 rows; Int32 link counts and links of the ground layer; and
/// of every other layer its node count (Int64), then Int32 nodes, link counts and links.
extension NeighborIndex {
    private static let magic = Array("SKEINHN1".utf8)

    /// Writes the index.
    ///
    /// - Parameter path: Where to.
    /// - Throws: `SkeinError.Code.ioFailure`.
    public func write(to path: String) throws {
        try BinaryFile.write(path) { file in
            try file.append(Self.magic)
            try file.append([fingerprint])
            let numbers = [vectors.rows, vectors.dimensions, links, entry, layers.count]
            try file.append(numbers.map { Int64($0) })
            for row in 0..<vectors.rows {
                try file.append(
                    UnsafePointer(vectors.base + row * vectors.stride),
                    count: vectors.dimensions
                )
            }
            try Self.append(ground, to: file)
            for layer in layers {
                let nodes = layer.keys.sorted()
                try file.append([Int64(nodes.count)])
                try file.append(nodes)
                try Self.append(nodes.map { layer[$0] ?? [] }, to: file)
            }
        }
    }

    private static func append(_ lists: [[Int32]], to file: BinaryFile) throws {
        try file.append(lists.map { Int32($0.count) })
        try file.append(Array(lists.joined()))
    }

    /// Reads an index.
    ///
    /// - Parameter path: The file.
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure` or `.corruptFile`.
    public convenience init(path: String) throws {
        let file = try MappedFile(path: path)
        let parts = try file.withUnsafeBytes { bytes in
            var reader = try Reader(bytes: bytes, path: path)
            return try reader.parts()
        }
        self.init(
            vectors: parts.vectors,
            links: parts.links,
            layers: parts.layers,
            ground: parts.ground,
            entry: parts.entry,
            fingerprint: parts.fingerprint
        )
    }

    /// Whether a file is an index of these vectors; reads only its first bytes.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - vectors: The vectors.
    /// - Returns: Whether `init(path:)` gives the index that would be built of them.
    public static func isIndex(_ path: String, of vectors: NodeMatrix) -> Bool {
        guard let head = try? MappedFile(path: path).prefix(16), head.count == 16,
            Array(head[..<8]) == magic
        else { return false }
        let word = (8..<16).reduce(UInt64(0)) { $0 | UInt64(head[$1]) << UInt64(8 * ($1 - 8)) }
        return word == Self.fingerprint(vectors)
    }

    /// A hash of all values.
    static func fingerprint(_ vectors: NodeMatrix) -> UInt64 {
        var hash = GraphRandom.mixed(UInt64(vectors.rows) << 32 | UInt64(vectors.dimensions))
        for row in 0..<vectors.rows {
            for column in 0..<vectors.dimensions {
                hash = GraphRandom.mixed(hash ^ UInt64(vectors[row, column].bitPattern))
            }
        }
        return hash
    }

    /// Walks over the bytes of an index and checks every number.
    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        let path: String
        private var position = 8
        private var rows = 0

        init(bytes: UnsafeRawBufferPointer, path: String) throws {
            self.bytes = bytes
            self.path = path
            guard bytes.count >= 56, bytes.prefix(8).elementsEqual(NeighborIndex.magic) else {
                throw corrupt("found \(bytes.count) bytes without the header of an index")
            }
        }

        func corrupt(_ what: String) -> SkeinError { SkeinError(.corruptFile, "\(path): \(what)") }

        mutating func parts() throws -> (
            vectors: NodeMatrix, links: Int, layers: [[Int32: [Int32]]], ground: [[Int32]],
            entry: Int, fingerprint: UInt64
        ) {
            let hash = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            position += 8
            let head = try numbers(5, as: Int64.self).map { Int($0) }
            guard (0..<1 << 31).contains(head[0]), (1..<1 << 16).contains(head[1]),
                (1..<1 << 16).contains(head[2]), (0..<max(head[0], 1)).contains(head[3]),
                (0...16).contains(head[4]), head[0] * (head[1] + 1) * 4 <= bytes.count
            else { throw corrupt("found impossible sizes \(head)") }
            rows = head[0]
            let vectors = NodeMatrix(rows: rows, dimensions: head[1])
            for row in 0..<rows { vectors[row] = try numbers(head[1], as: Float.self) }
            guard vectors.isFinite else { throw corrupt("a vector is not finite") }
            let ground = try lists(rows)
            var layers: [[Int32: [Int32]]] = []
            for _ in 0..<head[4] {
                let count = Int(try numbers(1, as: Int64.self)[0])
                guard (0...rows).contains(count) else { throw corrupt("a layer of \(count) nodes") }
                let nodes = try numbers(count, as: Int32.self)
                guard Set(nodes).count == count,
                    nodes.allSatisfy({ (0..<Int32(rows)).contains($0) })
                else { throw corrupt("a layer names nodes that the index lacks") }
                layers.append(Dictionary(uniqueKeysWithValues: zip(nodes, try lists(count))))
            }
            guard position == bytes.count else { throw corrupt("found bytes after the last layer") }
            return (vectors, head[2], layers, ground, head[3], hash)
        }

        private mutating func lists(_ count: Int) throws -> [[Int32]] {
            let counts = try numbers(count, as: Int32.self)
            return try counts.map { count in
                guard count >= 0 else { throw corrupt("a node with \(count) links") }
                let list = try numbers(Int(count), as: Int32.self)
                guard list.allSatisfy({ (0..<Int32(rows)).contains($0) }) else {
                    throw corrupt("a link to a node that the index lacks")
                }
                return list
            }
        }

        private mutating func numbers<Number: BitwiseCopyable>(
            _ count: Int,
            as type: Number.Type
        ) throws -> [Number] {
            let size = MemoryLayout<Number>.size
            guard count <= (bytes.count - position) / size else {
                throw corrupt("found its end at \(bytes.count), in the middle of a list")
            }
            defer { position += count * size }
            return (0..<count).map {
                bytes.loadUnaligned(fromByteOffset: position + $0 * size, as: type)
            }
        }
    }
}
