import SkeinCore

/// SentencePiece's compiled character map: a double-array trie into a table of replacements.
struct PrecompiledMap: Sendable {
    private let units: [UInt32]
    private let replacements: [UInt8]

    /// Whether the map is applied by longest prefix, as SentencePiece does, and not by graphemes.
    var usesLongestPrefix = false

    /// Reads the blob: the trie's size in bytes, the trie, the zero-terminated replacements.
    init(_ blob: [UInt8], field: String) throws {
        func word(_ place: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(blob[place + $1]) << UInt32(8 * $1) }
        }
        guard blob.count >= 4, Int(word(0)) <= blob.count - 4, word(0) % 4 == 0 else {
            throw SkeinError(
                .corruptFile,
                "\(field): \(blob.count) bytes do not hold the character map they announce"
            )
        }
        let size = Int(word(0))
        units = stride(from: 4, to: 4 + size, by: 4).map(word)
        replacements = Array(blob[(4 + size)...])
    }

    /// The longest key at `position`: its length and replacement; SentencePiece's own reading.
    private func longest(_ bytes: [UInt8], _ range: Range<Int>) -> (Int, ArraySlice<UInt8>)? {
        var found: (Int, ArraySlice<UInt8>)?
        walk(bytes, range) { length, text in
            found = (length, text)
            return true
        }
        return found
    }

    /// The replacement of the shortest key at the start of a part, which is what the reference uses.
    private func first(_ bytes: [UInt8], _ range: Range<Int>) -> ArraySlice<UInt8>? {
        var found: ArraySlice<UInt8>?
        walk(bytes, range) { _, text in
            found = text
            return false
        }
        return found
    }

    private func walk(
        _ bytes: [UInt8],
        _ range: Range<Int>,
        _ body: (Int, ArraySlice<UInt8>) -> Bool
    ) {
        guard let root = units.first else { return }
        var node = Self.offset(root)
        for position in range {
            let byte = UInt32(bytes[position])
            if byte == 0 { return }
            node ^= Int(byte)
            guard node < units.count else { return }
            let unit = units[node]
            guard unit & (1 << 31 | 0xff) == byte else { return }
            node ^= Self.offset(unit)
            guard node < units.count else { return }
            if unit >> 8 & 1 == 1 {
                let start = Int(units[node] & 0x7fff_ffff)
                guard start < replacements.count else { return }
                let end = replacements[start...].firstIndex(of: 0) ?? replacements.count
                guard body(position + 1 - range.lowerBound, replacements[start..<end]) else {
                    return
                }
            }
        }
    }

    private static func offset(_ unit: UInt32) -> Int {
        Int((unit >> 10) << ((unit & (1 << 9)) >> 6))
    }

    /// Rewrites the text.
    func apply(_ text: inout NormalizedText) {
        var changes: [NormalForms.Change] = []
        var modified = false
        let bytes = text.bytes
        func replace(_ old: Range<Int>, _ new: ArraySlice<UInt8>) {
            modified = true
            let oldCount = bytes[old].count { $0 & 0xc0 != 0x80 }
            let scalars = String(decoding: new, as: UTF8.self).unicodeScalars.map(\.value)
            let extra = scalars.count - oldCount
            for (index, scalar) in scalars.enumerated() {
                changes.append((scalar, extra > 0 && index >= scalars.count - extra ? 1 : 0))
            }
            if extra < 0, !changes.isEmpty { changes[changes.count - 1].change += extra }
        }
        if usesLongestPrefix {
            var position = 0
            while position < bytes.count {
                let limit = min(bytes.count, position + 64)
                if let (length, new) = longest(bytes, position..<limit) {
                    replace(position..<position + length, new)
                    position += length
                } else {
                    let length = TextBytes.length(bytes[position])
                    scalars(bytes, position..<position + length, &changes)
                    position += length
                }
            }
        } else {
            let string = String(decoding: bytes, as: UTF8.self)
            var position = 0
            for character in string {
                let length = character.utf8.count
                defer { position += length }
                if length < 6, let new = first(bytes, position..<position + length) {
                    replace(position..<position + length, new)
                    continue
                }
                var place = position
                while place < position + length {
                    let width = TextBytes.length(bytes[place])
                    if let new = first(bytes, place..<place + width) {
                        replace(place..<place + width, new)
                    } else {
                        scalars(bytes, place..<place + width, &changes)
                    }
                    place += width
                }
            }
        }
        if modified { text.transform(changes) }
    }

    private func scalars(
        _ bytes: [UInt8],
        _ range: Range<Int>,
        _ changes: inout [NormalForms.Change]
    ) {
        for scalar in TextBytes.scalars(Array(bytes[range])) { changes.append((scalar, 0)) }
    }
}
