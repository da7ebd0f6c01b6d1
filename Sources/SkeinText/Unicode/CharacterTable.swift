/// What a scalar is, as the reference library's several Unicode versions see it.
struct CharacterFlags: OptionSet, Sendable {
    var rawValue: UInt16

    /// `\p{L}`.
    static let letter = Self(rawValue: 1)
    /// `\p{Lu}` and `\p{Lt}`.
    static let upper = Self(rawValue: 2)
    /// `\p{Ll}`.
    static let lower = Self(rawValue: 4)
    /// `\p{N}`.
    static let number = Self(rawValue: 8)
    /// `\p{M}`.
    static let mark = Self(rawValue: 16)
    /// `\s` of a pattern.
    static let space = Self(rawValue: 32)
    /// `\p{P}`.
    static let punctuation = Self(rawValue: 64)
    /// `\p{S}`.
    static let symbol = Self(rawValue: 128)
    /// White space as strippers and splitters see it.
    static let plainSpace = Self(rawValue: 256)
    /// Numeric as the digit splitter sees it.
    static let numeric = Self(rawValue: 512)
    /// `\w` of the white space splitter and of whole-word tokens.
    static let word = Self(rawValue: 1024)
    /// Set apart by the punctuation splitters.
    static let isolated = Self(rawValue: 2048)
    /// Removed by BERT's cleaning.
    static let control = Self(rawValue: 4096)
    /// A combining mark, removed by StripAccents.
    static let combining = Self(rawValue: 8192)
    /// A non-spacing mark, removed by BERT's accent stripping.
    static let nonspacing = Self(rawValue: 16384)
    /// Of another general category in Unicode 14, which the pattern library may still speak.
    static let recent = Self(rawValue: 32768)
}

/// Flags of every scalar: pages of 256, equal pages stored once.
struct CharacterTable: Sendable {
    private var index: [UInt16]
    private var pages: [UInt16]

    /// The one table, built at first use.
    static let shared = CharacterTable(runs: UnicodeData.flags)

    private init(runs: StaticString) {
        var flat = [UInt16](repeating: 0, count: 0x110000)
        var position = 0
        RunReader.read(runs) { length, value in
            for scalar in position..<min(position + Int(length), flat.count) {
                flat[scalar] = UInt16(truncatingIfNeeded: value)
            }
            position += Int(length)
        }
        index = []
        pages = []
        var known: [[UInt16]: UInt16] = [:]
        for start in stride(from: 0, to: flat.count, by: 256) {
            let page = Array(flat[start..<start + 256])
            if let place = known[page] {
                index.append(place)
            } else {
                let place = UInt16(pages.count / 256)
                known[page] = place
                index.append(place)
                pages.append(contentsOf: page)
            }
        }
    }

    /// The flags of a scalar value; none above U+10FFFF.
    @inline(__always)
    subscript(scalar: UInt32) -> CharacterFlags {
        guard scalar < 0x110000 else { return [] }
        let page = Int(index[Int(scalar >> 8)])
        return CharacterFlags(rawValue: pages[page << 8 | Int(scalar & 0xff)])
    }
}

/// Reads the hexadecimal words of the generated tables.
enum RunReader {
    /// Calls `body` for every `a:b`.
    static func read(_ text: StaticString, _ body: (UInt32, UInt32) -> Void) {
        words(text) { numbers in
            if numbers.count == 2 { body(numbers[0], numbers[1]) }
        }
    }

    /// Calls `body` with the numbers of every word, whatever separates them inside the word.
    static func words(_ text: StaticString, _ body: ([UInt32]) -> Void) {
        let bytes = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        var numbers: [UInt32] = []
        var value: UInt32 = 0
        for byte in bytes {
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x61...0x66: value = value << 4 | UInt32(byte - 0x57)
            case 0x20, 0x0a:
                numbers.append(value)
                body(numbers)
                numbers.removeAll(keepingCapacity: true)
                value = 0
            default:
                numbers.append(value)
                value = 0
            }
        }
        numbers.append(value)
        body(numbers)
    }
}
