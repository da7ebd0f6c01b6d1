internal import SkeinCore

/// One value of a GGUF file's metadata.
public enum GGUFValue: Sendable {
    case uint8(UInt8)
    case int8(Int8)
    case uint16(UInt16)
    case int16(Int16)
    case uint32(UInt32)
    case int32(Int32)
    case float32(Float)
    case bool(Bool)
    case string(String)
    case array(GGUFArray)
    case uint64(UInt64)
    case int64(Int64)
    case float64(Double)

    /// The value of any integer that fits.
    public var int: Int? {
        switch self {
        case .uint8(let value): Int(value)
        case .int8(let value): Int(value)
        case .uint16(let value): Int(value)
        case .int16(let value): Int(value)
        case .uint32(let value): Int(value)
        case .int32(let value): Int(value)
        case .uint64(let value): Int(exactly: value)
        case .int64(let value): Int(value)
        case .float32, .bool, .string, .array, .float64: nil
        }
    }

    /// The value of any number.
    public var double: Double? {
        switch self {
        case .float32(let value): Double(value)
        case .float64(let value): value
        case .uint64(let value): Double(value)
        default: int.map(Double.init)
        }
    }

    /// The value of a boolean.
    public var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The text of a string.
    public var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// The array, whose elements are still in the file.
    public var array: GGUFArray? {
        guard case .array(let value) = self else { return nil }
        return value
    }
}

/// The types of metadata values, numbered as GGUF numbers them.
public enum GGUFValueType: UInt32, Sendable, CaseIterable {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array
    case uint64, int64, float64

    /// Bytes of one value, or `nil` for strings and arrays.
    var width: Int? {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .string, .array: nil
        }
    }
}

/// An array of metadata values, decoded from the file only when asked for.
///
/// A vocabulary of 128 000 tokens costs one pass over its lengths when the file is opened, and no
/// strings until somebody wants them.
public struct GGUFArray: Sendable {
    /// The type of every element.
    public let elementType: GGUFValueType
    /// How many elements there are.
    public let count: Int
    /// The file that holds them.
    public let file: MappedFile
    /// Where they lie; checked when the file was opened.
    public let byteRange: Range<Int>

    /// Gives a closure the bytes of each string in turn; does nothing for other arrays.
    ///
    /// - Complexity: O(n), without allocation.
    public func forEachString(
        _ body: (_ index: Int, _ bytes: UnsafeRawBufferPointer) throws -> Void
    ) rethrows {
        guard elementType == .string else { return }
        try file.withUnsafeBytes { bytes in
            var position = byteRange.lowerBound
            for index in 0..<count {
                let length = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                let start = position + 8
                position = start + Int(truncatingIfNeeded: UInt64(littleEndian: length))
                try body(index, UnsafeRawBufferPointer(rebasing: bytes[start..<position]))
            }
        }
    }

    /// The strings, or `nil` for another kind of array.
    ///
    /// - Throws: `SkeinError` with `.corruptFile` if one is not valid UTF-8.
    /// - Complexity: O(n) in bytes.
    public func strings() throws -> [String]? {
        guard elementType == .string else { return nil }
        var strings: [String] = []
        strings.reserveCapacity(count)
        try forEachString { index, bytes in
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw SkeinError(
                    .corruptFile,
                    "\(file.path): string \(index) of a metadata array is not valid UTF-8"
                )
            }
            strings.append(text)
        }
        return strings
    }

    /// The integers, or `nil` for another kind of array or one that holds a number above `Int.max`.
    ///
    /// - Complexity: O(n).
    public func integers() -> [Int]? {
        guard elementType != .bool else { return nil }
        return numbers { $0.int }
    }

    /// The numbers in double precision, or `nil` for another kind of array.
    ///
    /// - Complexity: O(n).
    public func doubles() -> [Double]? { numbers { $0.double } }

    /// The booleans, or `nil` for another kind of array.
    ///
    /// - Complexity: O(n).
    public func booleans() -> [Bool]? {
        elementType == .bool ? numbers { $0.bool } : nil
    }

    /// All elements as values, inner arrays included.
    ///
    /// - Throws: `SkeinError` with `.corruptFile` if a string is not valid UTF-8.
    /// - Complexity: O(n) in bytes.
    public func values() throws -> [GGUFValue] {
        try file.withUnsafeBytes { bytes in
            var reader = GGUFReader(bytes, file: file, position: byteRange.lowerBound)
            return try (0..<count).map { _ in
                try reader.value(elementType, depth: 1, "an element of a metadata array")
            }
        }
    }

    private func numbers<Value>(_ convert: (GGUFValue) -> Value?) -> [Value]? {
        guard elementType.width != nil else { return nil }
        return file.withUnsafeBytes { bytes in
            var reader = GGUFReader(bytes, file: file, position: byteRange.lowerBound)
            var result: [Value] = []
            result.reserveCapacity(count)
            for _ in 0..<count {
                guard let value = try? reader.value(elementType, depth: 1, "an element"),
                    let converted = convert(value)
                else { return nil }
                result.append(converted)
            }
            return result
        }
    }
}
