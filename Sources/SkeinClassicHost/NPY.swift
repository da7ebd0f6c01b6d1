internal import SkeinCore
internal import SkeinTensor

/// NumPy's array file, versions 1 to 3: little-endian numbers in C order.
public enum NPY {
    /// Reads an array.
    public static func read(path: String) throws -> NumberArray {
        let bytes = try MappedFile(path: path).withUnsafeBytes { Array($0) }
        return try parse(bytes, path: path)
    }

    /// Parses an array.
    public static func parse(_ bytes: [UInt8], path: String = "memory") throws -> NumberArray {
        func damage(_ what: String) -> SkeinError {
            SkeinError(.corruptFile, "\(path) is not a NumPy array: \(what)")
        }
        guard bytes.count >= 12, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
            throw damage("the first bytes are not \\x93NUMPY")
        }
        let isLong = bytes[6] > 1
        let start = isLong ? 12 : 10
        var length = Int(bytes[8]) | Int(bytes[9]) << 8
        if isLong { length |= Int(bytes[10]) << 16 | Int(bytes[11]) << 24 }
        guard start + length <= bytes.count else { throw damage("its header is cut short") }
        let header = String(decoding: bytes[start..<start + length], as: UTF8.self)
        guard !header.contains("'fortran_order': True") else {
            throw damage("columns come first; save numpy.ascontiguousarray(x)")
        }
        guard let type = between(header, "'descr': '", "'"),
            let axes = between(header, "'shape': (", ")")
        else { throw damage("its header is \(header)") }
        let shape = axes.split(separator: ",").compactMap { Int($0.filter(\.isNumber)) }
        var count = 1
        for size in shape {
            let (product, isOver) = count.multipliedReportingOverflow(by: size)
            if isOver { throw damage("shape \(shape) is too large") }
            count = product
        }
        let kind = String(type.drop { "<|=".contains($0) })
        let body = bytes[(start + length)...]
        let (width, decode) = try decoder(kind, path)
        guard count <= body.count / width else {
            throw damage(
                "shape \(shape) needs \(count) values of \(width) bytes, got \(body.count) bytes"
            )
        }
        let values = body.withUnsafeBytes { raw in (0..<count).map { decode(raw, $0 * width) } }
        return NumberArray(values, shape: shape, isWide: kind != "f4")
    }

    private static func between(_ text: String, _ start: String, _ end: Character) -> Substring? {
        guard let range = text.firstRange(of: start) else { return nil }
        return text[range.upperBound...].prefix { $0 != end }
    }

    private static func decoder(
        _ kind: String,
        _ path: String
    ) throws -> (Int, (UnsafeRawBufferPointer, Int) -> Double) {
        switch kind {
        case "f4": (4, { Double($0.loadUnaligned(fromByteOffset: $1, as: Float.self)) })
        case "f8": (8, { $0.loadUnaligned(fromByteOffset: $1, as: Double.self) })
        case "i8": (8, { Double($0.loadUnaligned(fromByteOffset: $1, as: Int64.self)) })
        case "i4": (4, { Double($0.loadUnaligned(fromByteOffset: $1, as: Int32.self)) })
        case "i2": (2, { Double($0.loadUnaligned(fromByteOffset: $1, as: Int16.self)) })
        case "u1": (1, { Double($0[$1]) })
        case "i1": (1, { Double(Int8(bitPattern: $0[$1])) })
        default:
            throw SkeinError(
                .unsupported,
                "\(path) holds \(kind); expected f4, f8, i1, i2, i4, i8 or u1"
            )
        }
    }
}
