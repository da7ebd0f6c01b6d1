/// Reading and writing scalars in UTF-8 bytes that are known to be valid.
enum TextBytes {
    /// The length of the character that starts with this byte.
    @inline(__always)
    static func length(_ lead: UInt8) -> Int {
        lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    }

    /// The scalar that starts at `position`; truncated characters read as their lead byte.
    @inline(__always)
    static func scalar(_ bytes: UnsafeBufferPointer<UInt8>, _ position: Int) -> UInt32 {
        let lead = bytes[position]
        if lead < 0x80 { return UInt32(lead) }
        guard position + length(lead) <= bytes.count else { return UInt32(lead) }
        let second = UInt32(bytes[position + 1] & 0x3f)
        if lead < 0xe0 { return UInt32(lead & 0x1f) << 6 | second }
        let third = UInt32(bytes[position + 2] & 0x3f)
        if lead < 0xf0 { return UInt32(lead & 0x0f) << 12 | second << 6 | third }
        return UInt32(lead & 0x07) << 18 | second << 12 | third << 6
            | UInt32(bytes[position + 3] & 0x3f)
    }

    /// The start of the character that ends before `position`.
    @inline(__always)
    static func previous(_ bytes: UnsafeBufferPointer<UInt8>, _ position: Int) -> Int {
        var start = position - 1
        while start > 0, bytes[start] & 0xc0 == 0x80 { start -= 1 }
        return start
    }

    /// All scalars of some bytes.
    static func scalars(_ bytes: [UInt8]) -> [UInt32] {
        bytes.withUnsafeBufferPointer { buffer in
            var result: [UInt32] = []
            result.reserveCapacity(buffer.count)
            var position = 0
            while position < buffer.count {
                result.append(scalar(buffer, position))
                position += length(buffer[position])
            }
            return result
        }
    }

    /// Appends a scalar.
    @inline(__always)
    static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
        if scalar < 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: scalar))
        } else if scalar < 0x800 {
            bytes.append(UInt8(truncatingIfNeeded: 0xc0 | scalar >> 6))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3f))
        } else if scalar < 0x10000 {
            bytes.append(UInt8(truncatingIfNeeded: 0xe0 | scalar >> 12))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3f))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3f))
        } else {
            bytes.append(UInt8(truncatingIfNeeded: 0xf0 | scalar >> 18))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3f))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3f))
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3f))
        }
    }

    /// The bytes of one scalar.
    static func bytes(_ scalar: UInt32) -> [UInt8] {
        var result: [UInt8] = []
        append(scalar, to: &result)
        return result
    }

    /// The number of bytes of one scalar.
    @inline(__always)
    static func width(_ scalar: UInt32) -> Int {
        scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4
    }

    /// Where `needle` begins in `bytes` at or after `start`.
    static func find(_ needle: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard let first = needle.first, bytes.count >= needle.count else { return nil }
        var position = start
        while position + needle.count <= bytes.count {
            if bytes[position] == first,
                (0..<needle.count).allSatisfy({ bytes[position + $0] == needle[$0] })
            {
                return position
            }
            position += 1
        }
        return nil
    }

    /// `bytes` with every occurrence of `needle` replaced.
    static func replacing(_ needle: [UInt8], in bytes: [UInt8], with content: [UInt8]) -> [UInt8] {
        guard var match = find(needle, in: bytes, from: 0) else { return bytes }
        var result: [UInt8] = []
        var position = 0
        while true {
            result += bytes[position..<match]
            result += content
            position = match + needle.count
            guard let next = find(needle, in: bytes, from: position) else { break }
            match = next
        }
        return result + bytes[position...]
    }
}

/// GPT-2's bijection between bytes and printable characters.
enum ByteAlphabet {
    /// The scalar of every byte.
    static let scalars: [UInt32] = {
        var result = [UInt32](repeating: 0, count: 256)
        var extra: UInt32 = 256
        for byte in 0..<256 {
            switch byte {
            case 0x21...0x7e, 0xa1...0xac, 0xae...0xff: result[byte] = UInt32(byte)
            default:
                result[byte] = extra
                extra += 1
            }
        }
        return result
    }()

    /// The byte of every scalar below 324, `-1` for none.
    static let bytes: [Int16] = {
        var result = [Int16](repeating: -1, count: 324)
        for (byte, scalar) in scalars.enumerated() { result[Int(scalar)] = Int16(byte) }
        return result
    }()

    /// The bytes a token stands for, `nil` if it has a character outside the alphabet.
    static func raw(_ token: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(token.count)
        for scalar in TextBytes.scalars(token) {
            guard scalar < 324, bytes[Int(scalar)] >= 0 else { return nil }
            result.append(UInt8(truncatingIfNeeded: bytes[Int(scalar)]))
        }
        return result
    }
}
