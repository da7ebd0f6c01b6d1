internal import Foundation
internal import SkeinCore
public import SkeinTensor
public import SkeinText

/// A corpus as token ids, memory-mapped: documents end to end.
///
/// Layout, little-endian: the eight bytes `SKTOKEN1`; u64 bytes of an id (2 or 4), documents D, tokens
/// N, bytes of text, key; D u32 numbers of copies, padded to eight bytes; D + 1 u64 places where
/// documents begin; N ids. The key tells from which texts, tokenizer and rules the file was made.
public struct TokenFile: Sendable {
    /// The number of documents.
    public let documents: Int
    /// The number of ids.
    public let tokens: Int
    /// The UTF-8 bytes of the texts.
    public let textBytes: Int
    /// What the file was made from.
    public let key: UInt64
    private let file: MappedFile
    private let idBytes: Int
    private let copiesStart: Int, boundsStart: Int, idsStart: Int

    private static let magic = Array("SKTOKEN1".utf8)
    private static let headerBytes = 48

    /// Opens a file.
    ///
    /// - Parameters:
    ///   - path: Where it lies.
    ///   - vocabularySize: The ids that may occur.
    /// - Throws: `SkeinError.Code.notFound`, `.corruptFile` for anything that does not fit.
    public init(path: String, vocabularySize: Int) throws {
        let file = try MappedFile(path: path)
        func refuse(_ what: String) -> SkeinError {
            SkeinError(
                .corruptFile,
                "\(path): \(what)",
                hint: "delete the file; it is made again from the corpus"
            )
        }
        guard file.count >= Self.headerBytes, file.prefix(8) == Self.magic else {
            throw refuse("not a file of tokens")
        }
        let header = file.withUnsafeBytes { bytes in
            (1..<6).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self) }
        }
        let limit = UInt64(file.count)
        guard header[0] == 2 || header[0] == 4, header[1] <= limit, header[2] <= limit else {
            throw refuse("ids of \(header[0]) bytes, \(header[1]) documents, \(header[2]) tokens")
        }
        idBytes = Int(header[0])
        (documents, tokens, textBytes) = (Int(header[1]), Int(header[2]), Int(clamping: header[3]))
        key = header[4]
        copiesStart = Self.headerBytes
        boundsStart = copiesStart + (4 * documents + 7) / 8 * 8
        idsStart = boundsStart + 8 * (documents + 1)
        self.file = file
        guard idsStart + idBytes * tokens == file.count else {
            throw refuse("\(file.count) bytes, expected \(idsStart + idBytes * tokens)")
        }
        var last = 0
        for document in 0...documents {
            let place = bound(document)
            guard place >= last, place <= tokens else {
                throw refuse("document \(document) lies wrong")
            }
            last = place
        }
        guard last == tokens, documents == 0 || bound(0) == 0 else {
            throw refuse("the documents do not cover the tokens")
        }
        if let bad = firstID(notBelow: vocabularySize) {
            throw SkeinError(
                .corruptFile,
                "\(path): token \(bad.place) is \(bad.id), the vocabulary has \(vocabularySize)",
                hint: "the file belongs to another tokenizer; delete it"
            )
        }
    }

    private func bound(_ document: Int) -> Int {
        file.withUnsafeBytes {
            Int(
                clamping: $0.loadUnaligned(
                    fromByteOffset: boundsStart + 8 * document,
                    as: UInt64.self
                )
            )
        }
    }

    private func firstID(notBelow limit: Int) -> (place: Int, id: Int)? {
        for start in stride(from: 0, to: tokens, by: 1 << 16) {
            let ids = ids(start..<min(start + 1 << 16, tokens))
            if let bad = ids.firstIndex(where: { Int($0) >= limit || $0 < 0 }) {
                return (start + bad, Int(ids[bad]))
            }
        }
        return nil
    }

    /// Where a document's ids lie.
    public func range(of document: Int) -> Range<Int> { bound(document)..<bound(document + 1) }

    /// How often an epoch meets a document.
    public func copies(of document: Int) -> Int {
        file.withUnsafeBytes {
            Int($0.loadUnaligned(fromByteOffset: copiesStart + 4 * document, as: UInt32.self))
        }
    }

    /// Some ids.
    ///
    /// - Precondition: The range lies within the file.
    public func ids(_ range: Range<Int>) -> [Int32] {
        precondition(range.lowerBound >= 0 && range.upperBound <= tokens, "tokens \(range)")
        return file.withUnsafeBytes { bytes in
            let base = idsStart + range.lowerBound * idBytes
            return idBytes == 2
                ? range.map {
                    Int32(
                        bytes.loadUnaligned(
                            fromByteOffset: base + 2 * ($0 - range.lowerBound),
                            as: UInt16.self
                        )
                    )
                }
                : range.map {
                    bytes.loadUnaligned(
                        fromByteOffset: base + 4 * ($0 - range.lowerBound),
                        as: Int32.self
                    )
                }
        }
    }

    /// Tokenizes a corpus into a file.
    ///
    /// - Parameters:
    ///   - path: Where it shall appear.
    ///   - corpus: The texts.
    ///   - tokenizer: What makes ids of them; special tokens are not added.
    ///   - pool: The threads that do it.
    ///   - picks: Whether the document of a number belongs to the file.
    /// - Throws: What reading and writing throw.
    public static func write(
        path: String,
        corpus: Corpus,
        tokenizer: Tokenizer,
        on pool: ThreadPool,
        picking picks: (Int) -> Bool = { _ in true }
    ) throws {
        var (ids, bounds, copies): ([Int32], [UInt64], [UInt32]) = ([], [0], [])
        var (texts, textBytes, number): ([String], Int, Int) = ([], 0, 0)
        var key = FNV()
        func tokenize() {
            let batch = texts
            let parts = TextBatch(count: batch.count)
            pool.run(count: batch.count, grain: 1) { range in
                for index in range {
                    parts.set(
                        index,
                        tokenizer.encode(batch[index], addSpecialTokens: false, parseSpecial: false)
                    )
                }
            }
            for part in parts.values {
                ids += part
                bounds.append(UInt64(ids.count))
            }
            texts.removeAll(keepingCapacity: true)
        }
        var waiting = 0
        try corpus.forEachDocument { source, text in
            defer { number += 1 }
            guard picks(number) else { return }
            texts.append(text)
            copies.append(UInt32(clamping: source.copies))
            textBytes += text.utf8.count
            waiting += text.utf8.count
            key.add(text.utf8)
            guard waiting > 1 << 22 else { return }
            tokenize()
            waiting = 0
        }
        tokenize()
        let idBytes = tokenizer.vocabularySize <= 1 << 16 ? 2 : 4
        let output = try AtomicFile(path: path)
        try magic.withUnsafeBytes { try output.write($0) }
        let header = [
            UInt64(idBytes), UInt64(copies.count), UInt64(ids.count), UInt64(textBytes), key.value,
        ]
        try header.withUnsafeBytes { try output.write($0) }
        if copies.count % 2 == 1 {
            try (copies + [0]).withUnsafeBytes { try output.write($0) }
        } else {
            try copies.withUnsafeBytes { try output.write($0) }
        }
        try bounds.withUnsafeBytes { try output.write($0) }
        if idBytes == 2 {
            try ids.map { UInt16(truncatingIfNeeded: $0) }.withUnsafeBytes { try output.write($0) }
        } else {
            try ids.withUnsafeBytes { try output.write($0) }
        }
        try output.commit()
    }
}

/// Fowler, Noll and Vo's hash, variant 1a, of 64 bits.
struct FNV {
    private(set) var value: UInt64 = 14_695_981_039_346_656_037

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 1_099_511_628_211 }
    }
}

/// Results of tasks that own one place each.
///
/// Invariant: no two tasks set the same place, and `values` is read when they are done.
private final class TextBatch: @unchecked Sendable {
    private let places: UnsafeMutableBufferPointer<[Int32]>

    init(count: Int) {
        places = .allocate(capacity: count)
        places.initialize(repeating: [])
    }

    deinit {
        places.deinitialize()
        places.deallocate()
    }

    func set(_ index: Int, _ ids: [Int32]) { places[index] = ids }
    var values: [[Int32]] { Array(places) }
}
