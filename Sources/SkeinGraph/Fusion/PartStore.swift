internal import Foundation
internal import SkeinCore
internal import SkeinTensor

/// Keeps the vectors of finished parts, so that a run that was stopped goes on where it was.
public struct PartStore: Sendable {
    /// What names a part's file.
    package struct Key: Hashable, Sendable {
        package var level: Int
        package var part: Int
        package var dimensions: Int
        /// A hash of the part's subgraph; 0 where the settings already say which graph it is.
        package var content: UInt64

        package init(level: Int, part: Int, dimensions: Int, content: UInt64 = 0) {
            (self.level, self.part) = (level, part)
            (self.dimensions, self.content) = (dimensions, content)
        }
    }

    /// The directory of the files.
    public let directory: String
    /// A hash of all settings that the vectors depend on; files with another one are not taken, nor
    /// those of a part with other edges.
    public let fingerprint: UInt64
    private static let magic = Array("SKEINVP1".utf8)

    /// Opens or makes a directory.
    ///
    /// - Parameters:
    ///   - directory: Where the files are.
    ///   - settings: Everything that the vectors of a given subgraph depend on, as text.
    /// - Throws: `SkeinError.Code.ioFailure`.
    public init(directory: String, settings: String) throws {
        self.directory = directory
        fingerprint = settings.utf8.reduce(0xcbf2_9ce4_8422_2325) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
        do {
            try FileManager.default.createDirectory(
                atPath: directory,
                withIntermediateDirectories: true
            )
        } catch {
            throw SkeinError(.ioFailure, "cannot make \(directory): \(error.localizedDescription)")
        }
    }

    private func path(_ key: Key) -> String {
        "\(directory)/level\(key.level)-part\(key.part)-dim\(key.dimensions).skp"
    }

    /// Keeps a part.
    package func save(_ matrix: NodeMatrix, _ key: Key) throws {
        try BinaryFile.write(path(key)) { file in
            try file.append(Self.magic)
            try file.append([
                fingerprint ^ key.content, UInt64(matrix.rows), UInt64(matrix.dimensions),
            ])
            for row in 0..<matrix.rows {
                try file.append(
                    UnsafePointer(matrix.base + row * matrix.stride),
                    count: matrix.dimensions
                )
            }
        }
    }

    /// A part that was kept by a run with the same settings; `nil` otherwise.
    package func load(_ key: Key, rows: Int) -> NodeMatrix? {
        guard let file = try? MappedFile(path: path(key)),
            file.count == 32 + 4 * rows * key.dimensions
        else { return nil }
        return file.withUnsafeBytes { bytes -> NodeMatrix? in
            guard bytes.prefix(8).elementsEqual(Self.magic),
                bytes.load(fromByteOffset: 8, as: UInt64.self) == fingerprint ^ key.content,
                bytes.load(fromByteOffset: 16, as: UInt64.self) == UInt64(rows),
                bytes.load(fromByteOffset: 24, as: UInt64.self) == UInt64(key.dimensions),
                let base = bytes.baseAddress
            else { return nil }
            let matrix = NodeMatrix(rows: rows, dimensions: key.dimensions)
            let values = (base + 32).assumingMemoryBound(to: Float.self)
            for row in 0..<rows {
                (matrix.base + row * matrix.stride)
                    .update(from: values + row * key.dimensions, count: key.dimensions)
            }
            return matrix
        }
    }
}
