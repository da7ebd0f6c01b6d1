internal import SkeinCore

/// One file in the safetensors format: a JSON header, then the tensors' bytes without gaps.
public struct Safetensors: TensorFile {
    /// The names in the order of the header.
    public let names: [String]
    /// The tensors by name.
    public let tensors: [String: TensorRecord]
    /// What the header says of every tensor, including those whose type cannot be read.
    public let entries: [TensorEntry]
    /// The strings of the header's `__metadata__`.
    public let metadata: [String: String]

    /// The longest header the format allows, in bytes.
    public static let maximumHeaderBytes = 100_000_000

    /// Maps and checks a file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - allowsUnknownTypes: Whether tensors of unreadable types are merely left out of `tensors`.
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure`, `.corruptFile` or `.unsupported`.
    public init(contentsOf path: String, allowsUnknownTypes: Bool = false) throws {
        try self.init(parsing: MappedFile(path: path), allowsUnknownTypes: allowsUnknownTypes)
    }

    /// Checks bytes that are already mapped.
    ///
    /// - Parameters:
    ///   - file: The bytes.
    ///   - allowsUnknownTypes: Whether tensors of unreadable types are merely left out of `tensors`.
    /// - Throws: `SkeinError` with `.corruptFile` or `.unsupported`.
    /// - Complexity: O(h + n log n) for a header of h bytes and n tensors.
    public init(parsing file: MappedFile, allowsUnknownTypes: Bool = false) throws {
        let header = try file.withUnsafeBytes { try SafetensorsHeader($0, file: file) }
        metadata = header.metadata
        entries = header.entries
        var tensors: [String: TensorRecord] = [:]
        var names: [String] = []
        for entry in header.entries {
            guard let record = entry.record else {
                if allowsUnknownTypes { continue }
                throw SkeinError(
                    .unsupported,
                    "\(file.path): tensor \(entry.name) has type \(entry.typeName)",
                    hint: "readable types are F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL"
                )
            }
            guard tensors.updateValue(record, forKey: entry.name) == nil else {
                throw SkeinError(
                    .corruptFile,
                    "\(file.path): tensor \(entry.name) appears twice"
                )
            }
            names.append(entry.name)
        }
        self.names = names
        self.tensors = tensors
    }
}

/// The checked header of a safetensors file.
struct SafetensorsHeader {
    var metadata: [String: String] = [:]
    var entries: [TensorEntry] = []

    /// Bits of one element for every type of the format; types absent here are unknown to it.
    private static let bits: [String: Int] = [
        "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
        "F8_E5M2FNUZ": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "I16": 16, "U16": 16, "F16": 16,
        "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64,
    ]

    init(_ bytes: UnsafeRawBufferPointer, file: MappedFile) throws {
        let path = file.path
        var cursor = ByteCursor(bytes, path: path)
        let length = try cursor.read(UInt64.self, "the header's length")
        guard length <= UInt64(Safetensors.maximumHeaderBytes) else {
            throw SkeinError(
                .corruptFile,
                "\(path): the header claims \(length) bytes; at most "
                    + "\(Safetensors.maximumHeaderBytes) are allowed",
                hint: "this may not be a safetensors file"
            )
        }
        let range = try cursor.skip(length, "the header")
        guard bytes[range].first == UInt8(ascii: "{") else {
            throw SkeinError(
                .corruptFile,
                "\(path): the header does not begin with '{'",
                hint: "this may not be a safetensors file"
            )
        }
        let text = UnsafeRawBufferPointer(rebasing: bytes[range])
        let json: JSON
        do {
            json = try JSON(parsing: text, maximumDepth: 8, allowingRepeatedKeys: false)
        } catch let error as SkeinError {
            throw SkeinError(.corruptFile, "\(path): header: \(error.message)", hint: error.hint)
        }
        for (name, value) in json.object?.members ?? [] {
            if name == "__metadata__" {
                metadata = try Self.strings(value, path: path)
            } else {
                entries.append(
                    try Self.entry(name, value, dataStart: range.upperBound, file: file)
                )
            }
        }
        try checkPlaces(dataStart: range.upperBound, file: file)
    }

    private static func strings(_ value: JSON, path: String) throws -> [String: String] {
        guard let members = value.object?.members else {
            throw SkeinError(.corruptFile, "\(path): __metadata__ is not an object")
        }
        var strings: [String: String] = [:]
        for (key, value) in members {
            guard let text = value.string else {
                throw SkeinError(.corruptFile, "\(path): __metadata__.\(key) is not a string")
            }
            strings[key] = text
        }
        return strings
    }

    private static func entry(
        _ name: String,
        _ value: JSON,
        dataStart: Int,
        file: MappedFile
    ) throws -> TensorEntry {
        func corrupt(_ text: String) -> SkeinError {
            SkeinError(.corruptFile, "\(file.path): tensor \(name) \(text)")
        }
        guard let typeName = value["dtype"]?.string else { throw corrupt("has no dtype") }
        guard let bits = Self.bits[typeName] else {
            throw corrupt("has dtype \(typeName), which the format does not have")
        }
        guard let shape = sizes(value["shape"]) else {
            throw corrupt("has no shape of non-negative integers")
        }
        guard let offsets = sizes(value["data_offsets"]), offsets.count == 2 else {
            throw corrupt("has no data_offsets of two non-negative integers")
        }
        let dataBytes = file.count - dataStart
        guard offsets[0] <= offsets[1], offsets[1] <= dataBytes else {
            throw corrupt(
                "lies at bytes \(offsets[0])..<\(offsets[1]) of the data, which has \(dataBytes)"
            )
        }
        guard let (total, overflow) = Checked.product(shape)?.multipliedReportingOverflow(by: bits),
            !overflow, total % 8 == 0
        else { throw corrupt("has shape \(shape), whose size in bytes is out of range") }
        guard offsets[1] - offsets[0] == total / 8 else {
            throw corrupt(
                "takes \(offsets[1] - offsets[0]) bytes, but \(typeName) of shape \(shape) needs "
                    + "\(total / 8)"
            )
        }
        return TensorEntry(
            name: name,
            typeName: typeName,
            dtype: DType(safetensorsName: typeName),
            shape: shape,
            file: file,
            byteRange: dataStart + offsets[0]..<dataStart + offsets[1]
        )
    }

    private static func sizes(_ value: JSON?) -> [Int]? {
        guard let elements = value?.array else { return nil }
        var sizes: [Int] = []
        for element in elements {
            guard case .int(let size) = element, size >= 0 else { return nil }
            sizes.append(size)
        }
        return sizes
    }

    /// The tensors must tile the data exactly: no gap, no overlap, nothing after the last.
    private func checkPlaces(dataStart: Int, file: MappedFile) throws {
        let ordered = entries.sorted {
            ($0.byteRange.lowerBound, $0.byteRange.upperBound)
                < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
        }
        var end = dataStart
        for entry in ordered {
            let start = entry.byteRange.lowerBound
            guard start == end else {
                let fault =
                    start < end ? "overlaps the tensor before it" : "leaves a hole before it"
                throw SkeinError(
                    .corruptFile,
                    "\(file.path): tensor \(entry.name) begins at byte \(start - dataStart) of the "
                        + "data, expected \(end - dataStart): it \(fault)"
                )
            }
            end = entry.byteRange.upperBound
        }
        guard end == file.count else {
            throw SkeinError(
                .corruptFile,
                "\(file.path): the tensors end at byte \(end), but the file has \(file.count)"
            )
        }
    }
}

extension DType {
    /// The readable types as safetensors spells them.
    private static let safetensorsTypes: [String: DType] = [
        "F64": .f64, "F32": .f32, "F16": .f16, "BF16": .bf16, "I64": .i64, "I32": .i32,
        "I16": .i16, "I8": .i8, "U8": .u8, "BOOL": .bool,
    ]

    init?(safetensorsName name: String) {
        guard let type = Self.safetensorsTypes[name] else { return nil }
        self = type
    }

    /// The name in safetensors headers, or `nil` for block types.
    var safetensorsName: String? {
        isQuantized ? nil : name
    }
}
