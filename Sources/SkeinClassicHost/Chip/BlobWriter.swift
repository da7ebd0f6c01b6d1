internal import SkeinClassic

/// Gathers the words and tables of a blob.
struct BlobWriter {
    private var words = [UInt32](repeating: 0, count: ModelBlob.headerBytes / 4)
    private var body: [UInt8] = []

    init(_ kind: BlobKind, _ numbers: BlobNumbers) {
        words[ModelBlob.Word.magic.rawValue] = ModelBlob.magic
        words[ModelBlob.Word.version.rawValue] = ModelBlob.version
        words[ModelBlob.Word.kind.rawValue] = kind.rawValue
        words[ModelBlob.Word.numbers.rawValue] = numbers.rawValue
    }

    subscript(word: ModelBlob.Word) -> Int {
        get { Int(words[word.rawValue]) }
        set { words[word.rawValue] = UInt32(newValue) }
    }

    /// Appends a table at a multiple of 64 bytes.
    mutating func add<Element: BitwiseCopyable>(_ values: [Element], at word: ModelBlob.Word) {
        body += [UInt8](repeating: 0, count: -body.count & 63)
        self[word] = ModelBlob.headerBytes + body.count
        values.withUnsafeBytes { body += $0 }
    }

    /// The bytes, with their checksum; a multiple of 64.
    mutating func finish() -> [UInt8] {
        body += [UInt8](repeating: 0, count: -body.count & 63)
        self[.bytes] = ModelBlob.headerBytes + body.count
        let sum = body.withUnsafeBytes { bytes in
            bytes.baseAddress.map { ModelBlob.checksum($0, bytes.count) } ?? 0
        }
        words[ModelBlob.Word.checksum.rawValue] = sum
        return words.withUnsafeBytes(Array.init) + body
    }
}

/// Memory at a multiple of 64 that frees itself.
final class AlignedMemory {
    let start: UnsafeMutableRawPointer

    init(bytes: Int) {
        start = .allocate(byteCount: max(bytes, 64), alignment: 64)
        start.initializeMemory(as: UInt8.self, repeating: 0, count: max(bytes, 64))
    }

    convenience init(_ bytes: [UInt8]) {
        self.init(bytes: bytes.count)
        bytes.withUnsafeBytes {
            start.copyMemory(from: $0.baseAddress ?? .init(start), byteCount: $0.count)
        }
    }

    deinit { start.deallocate() }
}
