/// The word patterns of GPT-2, Llama 3 and Qwen 2, scanned by hand.
///
/// Equal to the patterns in `Splitter`, which tests compare it with over random text.
struct WordScanner: Sendable {
    /// The two shapes of pattern.
    enum Kind: Sendable { case gpt2, modern }

    let kind: Kind
    /// How many digits one piece holds in the modern shape.
    let maximumDigits: Int

    /// GPT-2's scanner.
    static let gpt2 = WordScanner(kind: .gpt2, maximumDigits: .max)

    private static let ascii: [UInt8] = (0..<128).map { byte in
        switch byte {
        case 0x41...0x5a, 0x61...0x7a: 0
        case 0x30...0x39: 1
        case 0x09...0x0d, 0x20: 2
        default: 3
        }
    }

    /// Calls `emit` with every word; together they cover the range.
    func matches(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ range: Range<Int>,
        _ emit: (Range<Int>) -> Void
    ) {
        let table = CharacterTable.shared
        Self.ascii.withUnsafeBufferPointer { ascii in
            var reader = Reader(bytes: bytes, end: range.upperBound, ascii: ascii, table: table)
            var position = range.lowerBound
            while position < range.upperBound {
                let next =
                    kind == .gpt2
                    ? reader.gpt2(position) : reader.modern(position, maximumDigits)
                emit(position..<next)
                position = next
            }
        }
    }

    private struct Reader {
        let bytes: UnsafeBufferPointer<UInt8>
        let end: Int
        let ascii: UnsafeBufferPointer<UInt8>
        let table: CharacterTable

        /// 0 letter, 1 number, 2 space, 3 other; and the length of the character.
        @inline(__always)
        func look(_ position: Int) -> (kind: UInt8, length: Int) {
            let byte = bytes[position]
            if byte < 0x80 { return (ascii[Int(byte)], 1) }
            let flags = table[TextBytes.scalar(bytes, position)]
            let kind: UInt8 =
                flags.contains(.letter)
                ? 0 : flags.contains(.number) ? 1 : flags.contains(.space) ? 2 : 3
            return (kind, TextBytes.length(byte))
        }

        @inline(__always)
        func run(_ kind: UInt8, _ start: Int) -> Int {
            var position = start
            while position < end {
                let next = look(position)
                if next.kind != kind { break }
                position += next.length
            }
            return position
        }

        @inline(__always)
        func contraction(_ position: Int, ignoringCase: Bool) -> Int? {
            guard bytes[position] == 0x27, position + 1 < end else { return nil }
            let mask: UInt8 = ignoringCase ? 0x20 : 0
            let first = bytes[position + 1] | mask
            switch first {
            case 0x73, 0x74, 0x6d, 0x64: return position + 2
            case 0x72, 0x76, 0x6c:
                guard position + 2 < end else { return nil }
                let second = bytes[position + 2] | mask
                return second == (first == 0x6c ? 0x6c : 0x65) ? position + 3 : nil
            case 0xc5 | mask:
                // The long s folds to s.
                let isLong = ignoringCase && bytes[position + 1] == 0xc5
                return isLong && position + 2 < end && bytes[position + 2] == 0xbf
                    ? position + 3 : nil
            default: return nil
            }
        }

        /// White space with nothing else before it in the alternatives.
        @inline(__always)
        func spaces(_ start: Int) -> Int {
            let stop = run(2, start)
            if stop == end { return stop }
            let last = TextBytes.previous(bytes, stop)
            return last > start ? last : stop
        }

        @inline(__always)
        mutating func gpt2(_ start: Int) -> Int {
            if let stop = contraction(start, ignoringCase: false) { return stop }
            let first = look(start)
            if first.kind != 2 { return run(first.kind, start + first.length) }
            if bytes[start] == 0x20, start + 1 < end {
                let second = look(start + 1)
                if second.kind != 2 { return run(second.kind, start + 1 + second.length) }
            }
            return spaces(start)
        }

        @inline(__always)
        mutating func modern(_ start: Int, _ maximumDigits: Int) -> Int {
            if let stop = contraction(start, ignoringCase: true) { return stop }
            let first = look(start)
            if first.kind == 0 { return run(0, start + first.length) }
            if first.kind == 1 {
                var position = start + first.length
                var count = 1
                while count < maximumDigits, position < end {
                    let next = look(position)
                    if next.kind != 1 { break }
                    position += next.length
                    count += 1
                }
                return position
            }
            let byte = bytes[start]
            let next = start + first.length
            if byte != 0x0d, byte != 0x0a, next < end {
                let second = look(next)
                if second.kind == 0 { return run(0, next + second.length) }
                if byte == 0x20, second.kind == 3 { return newlines(run(3, next + second.length)) }
            }
            if first.kind == 3 { return newlines(run(3, next)) }
            let stop = run(2, start)
            var last = stop
            while last > start {
                if bytes[last - 1] == 0x0a || bytes[last - 1] == 0x0d { return last }
                last -= 1
            }
            return spaces(start)
        }

        @inline(__always)
        func newlines(_ start: Int) -> Int {
            var position = start
            while position < end, bytes[position] == 0x0a || bytes[position] == 0x0d {
                position += 1
            }
            return position
        }
    }
}
