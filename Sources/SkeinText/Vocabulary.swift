/// Token ids and their bytes, both ways.
///
/// Bytes are looked up in an open-addressing table, so that no string is ever built while encoding.
struct Vocabulary: Sendable {
    /// The bytes of each id; empty where an id is not used.
    private(set) var pieces: [[UInt8]]
    private var slots: [Int32]
    private var mask: Int

    /// Creates a table; of ids with equal bytes the first is found.
    init(_ pieces: [[UInt8]]) {
        self.pieces = pieces
        var capacity = 16
        while capacity < pieces.count * 2 { capacity *= 2 }
        slots = Array(repeating: -1, count: capacity)
        mask = capacity - 1
        for (id, piece) in pieces.enumerated() where !piece.isEmpty {
            insert(Int32(id), piece)
        }
    }

    private mutating func insert(_ id: Int32, _ piece: [UInt8]) {
        var slot = piece.withUnsafeBufferPointer { Self.hash($0) } & mask
        while slots[slot] >= 0 {
            if pieces[Int(slots[slot])] == piece { return }
            slot = (slot + 1) & mask
        }
        slots[slot] = id
    }

    /// The id of some bytes.
    func id(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
        guard !bytes.isEmpty else { return nil }
        var slot = Self.hash(bytes) & mask
        while slots[slot] >= 0 {
            let piece = pieces[Int(slots[slot])]
            if piece.count == bytes.count,
                piece.withUnsafeBufferPointer({ $0.elementsEqual(bytes) })
            {
                return slots[slot]
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// The id of some bytes.
    func id(_ bytes: some Collection<UInt8>) -> Int32? {
        Array(bytes).withUnsafeBufferPointer { id($0) }
    }

    /// FNV-1a with a final mix.
    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash ^= hash >> 29
        return Int(truncatingIfNeeded: hash & 0x7fff_ffff_ffff_ffff)
    }
}

/// GPT-2's alphabet: a printable character for each byte.
enum ByteAlphabet {
    /// The character of each byte.
    static let characters: [Unicode.Scalar] = {
        var result: [Unicode.Scalar] = []
        var next: UInt32 = 256
        for byte in 0..<UInt32(256) {
            let isPrintable =
                (33...126).contains(byte) || (161...172).contains(byte)
                || (174...255).contains(byte)
            result.append(Unicode.Scalar(isPrintable ? byte : next) ?? " ")
            if !isPrintable { next += 1 }
        }
        return result
    }()

    private static let bytes = Dictionary(
        uniqueKeysWithValues: characters.enumerated().map { ($1, UInt8($0)) }
    )

    /// The bytes that a token spells, or `nil` when it holds other characters.
    static func bytes(of token: String) -> [UInt8]? {
        var result: [UInt8] = []
        for scalar in token.unicodeScalars {
            guard let byte = bytes[scalar] else { return nil }
            result.append(byte)
        }
        return result
    }
}
