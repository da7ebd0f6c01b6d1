internal import Foundation
internal import SkeinCore
internal import SkeinTensor
internal import Synchronization

/// Vectors with the ids of their nodes, on disk.
public struct VectorFile: Sendable {
    /// The ids, one a row.
    public var ids: [Int64]
    /// The vectors.
    public var vectors: NodeMatrix
    private static let magic = Array("SKEINVM1".utf8)

    /// Joins vectors with ids.
    public init(ids: [Int64], vectors: NodeMatrix) {
        self.ids = ids
        self.vectors = vectors
    }

    /// Writes the text that word2vec reads: `n d`, then `id` and the values.
    ///
    /// - Parameters:
    ///   - path: Where to.
    ///   - compute: Where numbers become text.
    /// - Throws: `SkeinError.Code.ioFailure`.
    public func writeText(to path: String, compute: GraphCompute = GraphCompute()) throws {
        try BinaryFile.write(path) { file in
            try file.append("\(ids.count) \(vectors.dimensions)\n")
            let (size, wave) = (1024, 4 * compute.threads)
            for first in stride(from: 0, to: ids.count, by: size * wave) {
                let tasks = min(wave, (ids.count - first + size - 1) / size)
                let texts = Mutex([String](repeating: "", count: tasks))
                compute.run(tasks: tasks) { task in
                    let start = first + task * size
                    let text = lines(start..<min(start + size, ids.count))
                    texts.withLock { $0[task] = text }
                }
                for text in texts.withLock({ $0 }) { try file.append(text) }
            }
        }
    }

    private func lines(_ rows: Range<Int>) -> String {
        var text = ""
        for row in rows {
            text += "\(ids[row])"
            for column in 0..<vectors.dimensions { text += " \(vectors[row, column])" }
            text += "\n"
        }
        return text
    }

    /// Writes the binary matrix: a magic word, rows and dimensions (Int64), ids, then Float32 rows.
    ///
    /// - Parameter path: Where to.
    /// - Throws: `SkeinError.Code.ioFailure`.
    public func writeBinary(to path: String) throws {
        try BinaryFile.write(path) { file in
            try file.append(Self.magic)
            try file.append([Int64(vectors.rows), Int64(vectors.dimensions)])
            try file.append(ids)
            for row in 0..<vectors.rows {
                try file.append(
                    UnsafePointer(vectors.base + row * vectors.stride),
                    count: vectors.dimensions
                )
            }
        }
    }

    /// Reads either form.
    ///
    /// - Parameter path: The file.
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure`, `.corruptFile` or `.syntax`.
    public init(path: String) throws {
        let file = try MappedFile(path: path)
        guard file.prefix(8) == Self.magic else {
            self = try file.withUnsafeBytes { try Self(text: $0, path: path) }
            return
        }
        self = try file.withUnsafeBytes { bytes in
            guard bytes.count >= 24, let base = bytes.baseAddress else {
                throw SkeinError(
                    .corruptFile,
                    "\(path) has \(file.count) bytes, expected a header of 24"
                )
            }
            let rows = bytes.load(fromByteOffset: 8, as: Int64.self)
            let dimensions = bytes.load(fromByteOffset: 16, as: Int64.self)
            guard (0..<1 << 31).contains(rows), (1..<1 << 16).contains(dimensions),
                Int64(file.count) == 24 + 8 * rows + 4 * rows * dimensions
            else {
                throw SkeinError(
                    .corruptFile,
                    "\(path) has \(file.count) bytes, which do not hold \(rows) rows of \(dimensions)"
                )
            }
            let matrix = NodeMatrix(rows: Int(rows), dimensions: Int(dimensions))
            let ids = (base + 24).assumingMemoryBound(to: Int64.self)
            let values = (base + 24 + 8 * Int(rows)).assumingMemoryBound(to: Float.self)
            for row in 0..<Int(rows) {
                (matrix.base + row * matrix.stride)
                    .update(from: values + row * Int(dimensions), count: Int(dimensions))
            }
            return VectorFile(
                ids: Array(UnsafeBufferPointer(start: ids, count: Int(rows))),
                vectors: matrix
            )
        }
    }

    private init(text bytes: UnsafeRawBufferPointer, path: String) throws {
        var scanner = LineScanner(bytes: bytes, path: path)
        guard scanner.nextLine(), let rows = try scanner.integer("a row count"),
            let dimensions = try scanner.integer("a dimension"),
            (0..<1 << 31).contains(rows), (1..<1 << 16).contains(dimensions),
            rows * dimensions <= Int64(bytes.count)
        else { throw SkeinError(.syntax, "\(path), line 1: expected \"rows dimensions\"") }
        ids = []
        vectors = NodeMatrix(rows: Int(rows), dimensions: Int(dimensions))
        while ids.count < Int(rows), scanner.nextLine() {
            guard let id = try scanner.integer("a node id") else { continue }
            for column in 0..<Int(dimensions) {
                guard let field = scanner.field() else {
                    throw scanner.failure("found \(column) values, expected \(dimensions)")
                }
                let text = String(decoding: bytes[field], as: UTF8.self)
                guard let value = Float(text), value.isFinite else {
                    throw scanner.malformed(field, "expected a finite number")
                }
                vectors[ids.count, column] = value
            }
            ids.append(id)
        }
        guard ids.count == Int(rows) else {
            throw SkeinError(.syntax, "\(path) has \(ids.count) rows, its first line says \(rows)")
        }
    }
}
