internal import SkeinCore
internal import Foundation
internal import SkeinTensor

/// Texts to learn from: files and folders of `.txt` and `.jsonl`.
///
/// A text file is one document, or several with a separator between them; each line of a JSONL file is
/// one. Folders are read with all that lies below them, in the order of their names.
public struct Corpus: Sendable {
    /// A file or folder and how often an epoch meets its documents.
    public struct Source: Sendable {
        /// Where it lies.
        public var path: String
        /// How many times an epoch meets each document.
        public var copies: Int

        /// Joins the facts.
        public init(path: String, copies: Int = 1) {
            self.path = path
            self.copies = copies
        }
    }

    /// The files and folders.
    public var sources: [Source]
    /// What lies between the documents of a text file.
    public var separator: String?
    /// The member of a JSONL line that holds the text.
    public var field: String

    /// Joins the facts.
    public init(_ sources: [Source], separator: String? = nil, field: String = "text") {
        self.sources = sources
        self.separator = separator
        self.field = field
    }

    /// What a walk over a corpus met.
    public struct Summary: Sendable, Hashable {
        /// Documents with text in them.
        public var documents = 0
        /// Documents without text; they are left out.
        public var emptyDocuments = 0
        /// UTF-8 bytes of the documents.
        public var bytes = 0
    }

    /// Calls `body` with each document's source and text.
    ///
    /// - Parameter body: Called in order.
    /// - Returns: What was met.
    /// - Throws: `SkeinError.Code.notFound`, `.corruptFile` naming file and line or byte,
    ///   `.invalidArgument` when there is no text at all; and what `body` throws.
    @discardableResult
    public func forEachDocument(_ body: (Source, String) throws -> Void) throws -> Summary {
        var summary = Summary()
        for source in sources {
            for file in try Self.files(below: source.path) {
                try documents(of: file) { text in
                    guard text.contains(where: { !$0.isWhitespace }) else {
                        summary.emptyDocuments += 1
                        return
                    }
                    summary.documents += 1
                    summary.bytes += text.utf8.count
                    try body(source, text)
                }
            }
        }
        guard summary.documents > 0 else {
            throw SkeinError(
                .invalidArgument,
                "no text in \(sources.map(\.path).joined(separator: ", ")):"
                    + " \(summary.emptyDocuments) empty documents",
                hint: "expected .txt files or .jsonl files with a member \"\(field)\""
            )
        }
        return summary
    }

    /// The files of a path, sorted by name.
    private static func files(below path: String) throws -> [String] {
        switch MappedFile.isDirectory(path) {
        case nil:
            throw SkeinError(.notFound, "there is nothing at \(path)")
        case false?:
            return [path]
        case true?:
            let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String }
            return (names ?? []).filter { $0.hasSuffix(".txt") || $0.hasSuffix(".jsonl") }
                .sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
                .map { path + "/" + $0 }
        }
    }

    private func documents(of path: String, _ body: (String) throws -> Void) throws {
        let file = try MappedFile(path: path)
        if path.hasSuffix(".jsonl") {
            try lines(of: file, body)
            return
        }
        let text = try file.withUnsafeBytes { try Self.text($0, path, from: 0) }
        guard let separator, !separator.isEmpty else { return try body(text) }
        for part in text.components(separatedBy: separator) {
            try body(part.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    private func lines(of file: MappedFile, _ body: (String) throws -> Void) throws {
        try file.withUnsafeBytes { bytes in
            var (start, number) = (0, 1)
            while start < bytes.count {
                let end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
                let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
                if line.contains(where: { $0 > 0x20 }) {
                    try body(try text(ofLine: line, "\(file.path), line \(number)"))
                }
                (start, number) = (end + 1, number + 1)
            }
        }
    }

    private func text(ofLine line: UnsafeRawBufferPointer, _ place: String) throws -> String {
        let value: JSON
        do {
            value = try JSON(parsing: line)
        } catch let error as SkeinError {
            throw SkeinError(.corruptFile, "\(place): \(error.message)")
        }
        guard let text = value[field]?.string else {
            let found = value.object?.members.map(\.key).joined(separator: ", ")
            throw SkeinError(
                .corruptFile,
                "\(place) has no text \"\(field)\", found \(found ?? "no object")",
                hint: "name the member that holds the text with data.field"
            )
        }
        return text
    }

    private static func text(
        _ bytes: UnsafeRawBufferPointer,
        _ path: String,
        from first: Int
    ) throws -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        // The first byte that no valid prefix holds.
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var place = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) {
            place += UTF8.width(scalar)
        }
        throw SkeinError(
            .corruptFile,
            "\(path) is not UTF-8 at byte \(first + place)",
            hint: "convert it, for example with iconv"
        )
    }
}
