extension JSON {
    /// Parses UTF-8 text as one JSON value (RFC 8259).
    ///
    /// - Parameters:
    ///   - bytes: The whole text; leading and trailing white space is allowed.
    ///   - maximumDepth: How deep arrays and objects may nest.
    ///   - allowingRepeatedKeys: Whether a repeated key replaces the earlier value or is an error.
    /// - Throws: `SkeinError.Code.syntax` with the byte offset and what was expected there.
    /// - Complexity: O(n) in the number of bytes.
    public init(
        parsing bytes: some Collection<UInt8>,
        maximumDepth: Int = 128,
        allowingRepeatedKeys: Bool = true
    ) throws {
        let parsed: JSON? = try bytes.withContiguousStorageIfAvailable { buffer in
            try Self.parse(buffer, maximumDepth, allowingRepeatedKeys)
        }
        if let parsed {
            self = parsed
        } else {
            self = try Array(bytes).withUnsafeBufferPointer {
                try Self.parse($0, maximumDepth, allowingRepeatedKeys)
            }
        }
    }

    private static func parse(
        _ buffer: UnsafeBufferPointer<UInt8>,
        _ depth: Int,
        _ allowsRepeatedKeys: Bool
    ) throws -> JSON {
        var parser = JSONParser(bytes: buffer, maximumDepth: depth)
        parser.allowsRepeatedKeys = allowsRepeatedKeys
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == buffer.count else {
            throw parser.failure("the end of the text")
        }
        return value
    }
}

/// A recursive-descent reader over borrowed bytes; lives only inside `JSON.init(parsing:)`.
private struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let maximumDepth: Int
    var allowsRepeatedKeys = true
    var position = 0

    init(bytes: UnsafeBufferPointer<UInt8>, maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
    }

    var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    func failure(_ expected: String) -> SkeinError {
        let found = current.map { byte in
            (0x20..<0x7f).contains(byte)
                ? "'\(Character(UnicodeScalar(byte)))'" : "byte 0x" + String(byte, radix: 16)
        }
        return SkeinError(
            .syntax,
            "JSON: expected \(expected) at byte \(position), found \(found ?? "the end of the text")"
        )
    }

    mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            position += 1
        }
    }

    mutating func value(depth: Int) throws -> JSON {
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case .some(let byte) where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte):
            return try number()
        default: throw failure("a value")
        }
    }

    mutating func literal(_ word: StaticString, _ value: JSON) throws -> JSON {
        let length = word.utf8CodeUnitCount
        guard position + length <= bytes.count,
            (0..<length).allSatisfy({ bytes[position + $0] == word.utf8Start[$0] })
        else { throw failure("'\(word)'") }
        position += length
        return value
    }

    mutating func expect(_ byte: UInt8) throws {
        guard current == byte else {
            throw failure("'\(Character(UnicodeScalar(byte)))'")
        }
        position += 1
    }

    mutating func object(depth: Int) throws -> JSONObject {
        guard depth < maximumDepth else { throw failure("at most \(maximumDepth) nested values") }
        position += 1
        var result = JSONObject()
        skipSpace()
        if current == UInt8(ascii: "}") {
            position += 1
            return result
        }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw failure("a key") }
            let start = position
            let key = try string()
            guard allowsRepeatedKeys || result[key] == nil else {
                throw SkeinError(.syntax, "JSON: the key \(key) at byte \(start) appears twice")
            }
            skipSpace()
            try expect(UInt8(ascii: ":"))
            result[key] = try value(depth: depth + 1)
            skipSpace()
            guard current == UInt8(ascii: ",") else {
                try expect(UInt8(ascii: "}"))
                return result
            }
            position += 1
        }
    }

    mutating func array(depth: Int) throws -> [JSON] {
        guard depth < maximumDepth else { throw failure("at most \(maximumDepth) nested values") }
        position += 1
        var result: [JSON] = []
        skipSpace()
        if current == UInt8(ascii: "]") {
            position += 1
            return result
        }
        while true {
            result.append(try value(depth: depth + 1))
            skipSpace()
            guard current == UInt8(ascii: ",") else {
                try expect(UInt8(ascii: "]"))
                return result
            }
            position += 1
        }
    }

    mutating func number() throws -> JSON {
        let start = position
        var isInteger = true
        if current == UInt8(ascii: "-") { position += 1 }
        if current == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        if current == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            try digits()
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            isInteger = false
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let value = Int(text) { return .int(value) }
        guard let value = Double(text) else { throw failure("a number") }
        return .double(value)
    }

    mutating func digits() throws {
        let start = position
        while let byte = current, (0x30...0x39).contains(byte) { position += 1 }
        guard position > start else { throw failure("a digit") }
    }

    mutating func string() throws -> String {
        position += 1
        let start = position
        while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
            guard byte >= 0x20 else { throw failure("an escaped control character") }
            position += 1
        }
        if current == UInt8(ascii: "\"") {
            let text = try decoded(bytes[start..<position], at: start)
            position += 1
            return text
        }
        return try escapedString(from: start)
    }

    /// The slow path: a string that holds at least one escape.
    private mutating func escapedString(from start: Int) throws -> String {
        var buffer = Array(bytes[start..<position])
        while true {
            guard let byte = current else { throw failure("a closing quote") }
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                return try buffer.withUnsafeBufferPointer { try decoded($0[...], at: start) }
            case UInt8(ascii: "\\"):
                try escape(into: &buffer)
            case 0..<0x20:
                position -= 1
                throw failure("an escaped control character")
            default:
                buffer.append(byte)
            }
        }
    }

    private func decoded(
        _ slice: Slice<UnsafeBufferPointer<UInt8>>,
        at start: Int
    ) throws -> String {
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw SkeinError(.syntax, "JSON: the string at byte \(start) is not valid UTF-8")
        }
        return text
    }

    private mutating func escape(into buffer: inout [UInt8]) throws {
        guard let byte = current else { throw failure("an escape") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(byte)
        case UInt8(ascii: "b"): buffer.append(0x08)
        case UInt8(ascii: "f"): buffer.append(0x0c)
        case UInt8(ascii: "n"): buffer.append(0x0a)
        case UInt8(ascii: "r"): buffer.append(0x0d)
        case UInt8(ascii: "t"): buffer.append(0x09)
        case UInt8(ascii: "u"):
            let scalar = try unicodeEscape()
            buffer.append(contentsOf: Array(String(Character(scalar)).utf8))
        default:
            position -= 1
            throw failure("one of \" \\ / b f n r t u after a backslash")
        }
    }

    /// Four hex digits, or two such escapes that form a surrogate pair; a lone surrogate becomes
    /// U+FFFD, as Python's and Rust's lenient readers have it.
    private mutating func unicodeEscape() throws -> UnicodeScalar {
        let high = try hexadecimal()
        if let scalar = UnicodeScalar(high) { return scalar }
        let mark = position
        if (0xd800..<0xdc00).contains(high), current == UInt8(ascii: "\\") {
            position += 1
            if current == UInt8(ascii: "u") {
                position += 1
                let low = try hexadecimal()
                if (0xdc00..<0xe000).contains(low) {
                    let joined = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
                    return UnicodeScalar(joined) ?? "\u{fffd}"
                }
            }
            position = mark
        }
        return "\u{fffd}"
    }

    private mutating func hexadecimal() throws -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(UnicodeScalar(byte)).hexDigitValue
            else {
                throw failure("a hexadecimal digit")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
