internal import SkeinCore

/// Reads the parts of a GGUF header in order, checking each length before it is used.
struct GGUFReader {
    private var cursor: ByteCursor
    private let file: MappedFile

    /// The longest key or tensor name that is read.
    static let maximumNameBytes = 65_535
    /// How deep arrays of arrays may nest.
    static let maximumDepth = 4

    init(_ bytes: UnsafeRawBufferPointer, file: MappedFile, position: Int = 0) {
        cursor = ByteCursor(bytes, path: file.path, position: position)
        self.file = file
    }

    var position: Int { cursor.position }

    private func corrupt(_ text: String, hint: String? = nil) -> SkeinError {
        SkeinError(.corruptFile, "\(file.path): \(text)", hint: hint)
    }

    /// The file's version and how many tensors and metadata values follow.
    mutating func head() throws -> (version: Int, tensors: Int, values: Int) {
        let magic = try cursor.read(UInt32.self, "the magic number")
        guard magic == 0x4655_4747 else {
            throw corrupt(
                "the file begins with 0x\(String(magic, radix: 16)), expected 'GGUF' (0x46554747)",
                hint: "this is not a GGUF file"
            )
        }
        let version = try cursor.read(UInt32.self, "the version")
        guard version == 2 || version == 3 else {
            let isSwapped = (1...3).contains(version.byteSwapped)
            throw SkeinError(
                .unsupported,
                isSwapped
                    ? "\(file.path): the file is big-endian; only little-endian files are read"
                    : "\(file.path): GGUF version \(version); versions 2 and 3 are read",
                hint: "convert the model again with a current converter"
            )
        }
        let tensors = try count(of: "tensors", leastBytes: 24)
        let values = try count(of: "metadata values", leastBytes: 13)
        return (Int(version), tensors, values)
    }

    /// A count that the rest of the file could hold.
    private mutating func count(of what: String, leastBytes: Int) throws -> Int {
        let claimed = try cursor.read(UInt64.self, "the number of \(what)")
        guard claimed <= UInt64(cursor.remaining / leastBytes) else {
            throw corrupt(
                "the header claims \(claimed) \(what), but only \(cursor.remaining) bytes follow"
            )
        }
        return Int(claimed)
    }

    /// One metadata pair.
    mutating func pair() throws -> (key: String, value: GGUFValue) {
        let key = try cursor.string(limit: Self.maximumNameBytes, "a metadata key")
        let type = try valueType("the type of \(key)")
        return (key, try value(type, depth: 0, key))
    }

    private mutating func valueType(_ what: @autoclosure () -> String) throws -> GGUFValueType {
        let start = position
        let number = try cursor.read(UInt32.self, what())
        guard let type = GGUFValueType(rawValue: number) else {
            throw corrupt("\(what()) at byte \(start) is \(number), expected 0 to 12")
        }
        return type
    }

    /// One value of a known type; arrays are checked and left in the file.
    mutating func value(
        _ type: GGUFValueType,
        depth: Int,
        _ what: @autoclosure () -> String
    ) throws -> GGUFValue {
        switch type {
        case .uint8: .uint8(try cursor.read(UInt8.self, what()))
        case .int8: .int8(try cursor.read(Int8.self, what()))
        case .uint16: .uint16(try cursor.read(UInt16.self, what()))
        case .int16: .int16(try cursor.read(Int16.self, what()))
        case .uint32: .uint32(try cursor.read(UInt32.self, what()))
        case .int32: .int32(try cursor.read(Int32.self, what()))
        case .float32: .float32(Float(bitPattern: try cursor.read(UInt32.self, what())))
        case .bool: .bool(try cursor.read(UInt8.self, what()) != 0)
        case .string: .string(try cursor.string(limit: .max, what()))
        case .array: .array(try array(depth: depth, what()))
        case .uint64: .uint64(try cursor.read(UInt64.self, what()))
        case .int64: .int64(try cursor.read(Int64.self, what()))
        case .float64: .float64(Double(bitPattern: try cursor.read(UInt64.self, what())))
        }
    }

    private mutating func array(
        depth: Int,
        _ what: @autoclosure () -> String
    ) throws -> GGUFArray {
        guard depth < Self.maximumDepth else {
            throw corrupt("\(what()): arrays nest deeper than \(Self.maximumDepth)")
        }
        let type = try valueType("the element type of \(what())")
        let start = position
        let claimed = try cursor.read(UInt64.self, "the length of \(what())")
        let least = type.width ?? (type == .string ? 8 : 12)
        guard claimed <= UInt64(cursor.remaining / least) else {
            throw corrupt(
                "\(what()) at byte \(start) claims \(claimed) elements, but only "
                    + "\(cursor.remaining) bytes are left"
            )
        }
        let count = Int(claimed)
        let begin = position
        if let width = type.width {
            _ = try cursor.skip(count * width, what())
        } else {
            for _ in 0..<count {
                if type == .string {
                    let length = try cursor.read(UInt64.self, "a string of \(what())")
                    _ = try cursor.skip(length, "a string of \(what())")
                } else {
                    _ = try array(depth: depth + 1, what())
                }
            }
        }
        return GGUFArray(
            elementType: type,
            count: count,
            file: file,
            byteRange: begin..<position
        )
    }

    /// What the header says of one tensor; its place is counted from the start of the data.
    struct TensorInfo {
        let name: String
        let type: UInt32
        /// Outermost first.
        let shape: [Int]
        let offset: Int
        /// `nil` when the type is not known to the format.
        let bytes: Int?
    }

    /// One tensor's description.
    mutating func tensorInfo() throws -> TensorInfo {
        let name = try cursor.string(limit: Self.maximumNameBytes, "a tensor's name")
        let axes = try cursor.read(UInt32.self, "the number of axes of \(name)")
        guard axes <= 4 else {
            throw corrupt("tensor \(name) has \(axes) axes; at most 4 are allowed")
        }
        var sizes: [Int] = []
        for _ in 0..<axes {
            let size = try cursor.read(UInt64.self, "a size of \(name)")
            guard let size = Int(exactly: size) else {
                throw corrupt("tensor \(name) has an axis of \(size)")
            }
            sizes.append(size)
        }
        let type = try cursor.read(UInt32.self, "the type of \(name)")
        let offset = try cursor.read(UInt64.self, "the offset of \(name)")
        guard let offset = Int(exactly: offset) else {
            throw corrupt("tensor \(name) lies at byte \(offset) of the data")
        }
        guard let count = Checked.product(sizes) else {
            throw corrupt("tensor \(name) has sizes \(sizes), whose product overflows")
        }
        var bytes: Int?
        if let block = GGUFBlock.known[type] {
            let row = sizes.first ?? 1
            guard row % block.values == 0 else {
                throw corrupt(
                    "tensor \(name) has rows of \(row) values, but \(block.name) stores blocks of "
                        + "\(block.values)"
                )
            }
            let size = (count / block.values).multipliedReportingOverflow(by: block.bytes)
            guard !size.overflow else {
                throw corrupt("tensor \(name) has sizes \(sizes), whose bytes overflow")
            }
            bytes = size.partialValue
        }
        return TensorInfo(
            name: name,
            type: type,
            shape: sizes.reversed(),
            offset: offset,
            bytes: bytes
        )
    }
}

/// The layout of a type that the format numbers, readable here or not.
struct GGUFBlock {
    let name: String
    let values: Int
    let bytes: Int

    /// The types of version 3 by number.
    static let known: [UInt32: GGUFBlock] = {
        var known: [UInt32: GGUFBlock] = [:]
        for type in DType.allCases {
            guard let number = UInt32(exactly: type.rawValue), type.isGGUF else { continue }
            known[number] = Self(
                name: type.name,
                values: type.blockValues,
                bytes: type.blockBytes
            )
        }
        for (number, name, values, bytes) in others {
            known[number] = Self(name: name, values: values, bytes: bytes)
        }
        return known
    }()

    /// The types that can be listed but not read.
    private static let others: [(UInt32, String, Int, Int)] = [
        (10, "Q2_K", 256, 84), (11, "Q3_K", 256, 110), (15, "Q8_K", 256, 292),
        (16, "IQ2_XXS", 256, 66), (17, "IQ2_XS", 256, 74), (18, "IQ3_XXS", 256, 98),
        (19, "IQ1_S", 256, 50), (20, "IQ4_NL", 32, 18), (21, "IQ3_S", 256, 110),
        (22, "IQ2_S", 256, 82), (23, "IQ4_XS", 256, 136), (29, "IQ1_M", 256, 56),
        (34, "TQ1_0", 256, 54), (35, "TQ2_0", 256, 66), (39, "MXFP4", 32, 17),
    ]
}

extension DType {
    /// Whether GGUF has a number for the type.
    var isGGUF: Bool { rawValue < 1024 }

    init?(ggufType number: UInt32) {
        guard let raw = Int32(exactly: number), let type = DType(rawValue: raw), type.isGGUF else {
            return nil
        }
        self = type
    }
}
