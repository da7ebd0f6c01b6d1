internal import SkeinCore

/// A model in the GGUF format, version 2 or 3, all its splits included.
public struct GGUF: TensorFile {
    /// The names in the order of the file.
    public let names: [String]
    /// The tensors by name.
    public let tensors: [String: TensorRecord]
    /// What the header says of every tensor, including those whose type cannot be read.
    public let entries: [TensorEntry]
    /// The metadata's keys in the order of the file.
    public let keys: [String]
    /// The metadata by key; of a split model, that of the first split.
    public let metadata: [String: GGUFValue]
    /// The version of the format: 2 or 3.
    public let version: Int
    /// The files, in order.
    public let files: [MappedFile]

    /// Maps and checks a file and, if it is one of several splits, its siblings.
    ///
    /// - Parameters:
    ///   - path: The file; of a split model any split, named `…-00001-of-00003.gguf`.
    ///   - allowsUnknownTypes: Whether tensors of unreadable types are merely left out of `tensors`.
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure`, `.corruptFile` or `.unsupported`.
    public init(contentsOf path: String, allowsUnknownTypes: Bool = false) throws {
        let first = try GGUFPart(MappedFile(path: path))
        var parts = [first]
        if let (number, count) = try first.split(), count > 1 {
            guard let paths = Self.splitPaths(path, number: number, count: count) else {
                throw SkeinError(
                    .corruptFile,
                    "\(path) says that it is split \(number + 1) of \(count), but its name does "
                        + "not end in \(Self.splitSuffix(number, count))",
                    hint: "give all splits the names they were written with"
                )
            }
            parts = []
            for (index, sibling) in paths.enumerated() {
                let part = index == number ? first : try GGUFPart(MappedFile(path: sibling))
                guard let (other, total) = try part.split(), other == index, total == count else {
                    throw SkeinError(
                        .corruptFile,
                        "\(sibling) is not split \(index + 1) of \(count)"
                    )
                }
                parts.append(part)
            }
        }
        try self.init(parts: parts, allowsUnknownTypes: allowsUnknownTypes)
        let expected = parts[0].metadata["split.tensors.count"]?.int ?? entries.count
        guard parts.count == 1 || expected == entries.count else {
            throw SkeinError(
                .corruptFile,
                "\(path): the splits hold \(entries.count) tensors, expected \(expected)"
            )
        }
    }

    /// Checks bytes that are already mapped; splits are not followed.
    ///
    /// - Parameters:
    ///   - file: The bytes.
    ///   - allowsUnknownTypes: Whether tensors of unreadable types are merely left out of `tensors`.
    /// - Throws: `SkeinError` with `.corruptFile` or `.unsupported`.
    /// - Complexity: O(h + n log n) for a header of h bytes and n tensors.
    public init(parsing file: MappedFile, allowsUnknownTypes: Bool = false) throws {
        try self.init(parts: [GGUFPart(file)], allowsUnknownTypes: allowsUnknownTypes)
    }

    private init(parts: [GGUFPart], allowsUnknownTypes: Bool) throws {
        var names: [String] = []
        var tensors: [String: TensorRecord] = [:]
        for part in parts {
            for entry in part.entries {
                guard let record = entry.record else {
                    if allowsUnknownTypes { continue }
                    throw SkeinError(
                        .unsupported,
                        "\(entry.file.path): tensor \(entry.name) has type \(entry.typeName)",
                        hint: "readable types are F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q4_K Q5_K "
                            + "Q6_K and plain integers"
                    )
                }
                guard tensors.updateValue(record, forKey: entry.name) == nil else {
                    throw SkeinError(
                        .corruptFile,
                        "\(entry.file.path): tensor \(entry.name) appears twice"
                    )
                }
                names.append(entry.name)
            }
        }
        self.names = names
        self.tensors = tensors
        entries = parts.flatMap(\.entries)
        keys = parts[0].keys
        metadata = parts[0].metadata
        version = parts[0].version
        files = parts.map(\.file)
    }

    private static func splitSuffix(_ index: Int, _ count: Int) -> String {
        func padded(_ number: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, 5 - digits.utf8.count)) + digits
        }
        return "-\(padded(index + 1))-of-\(padded(count)).gguf"
    }

    private static func splitPaths(_ path: String, number: Int, count: Int) -> [String]? {
        let suffix = splitSuffix(number, count)
        guard path.hasSuffix(suffix) else { return nil }
        let prefix = path.dropLast(suffix.count)
        return (0..<count).map { prefix + splitSuffix($0, count) }
    }
}

/// One checked file of a GGUF model.
struct GGUFPart {
    let file: MappedFile
    let version: Int
    let keys: [String]
    let metadata: [String: GGUFValue]
    private(set) var entries: [TensorEntry] = []

    init(_ file: MappedFile) throws {
        self.file = file
        let header = try file.withUnsafeBytes { try Header($0, file: file) }
        version = header.version
        keys = header.keys
        metadata = header.metadata
        let alignment = try alignment()
        let dataStart = (header.end + alignment - 1) / alignment * alignment
        entries = try place(header.infos, dataStart: dataStart, alignment: alignment)
    }

    /// The parts of the header as they stand in the file.
    private struct Header {
        let version: Int
        var keys: [String] = []
        var metadata: [String: GGUFValue] = [:]
        let infos: [GGUFReader.TensorInfo]
        let end: Int

        init(_ bytes: UnsafeRawBufferPointer, file: MappedFile) throws {
            var reader = GGUFReader(bytes, file: file)
            let head = try reader.head()
            version = head.version
            for _ in 0..<head.values {
                let (key, value) = try reader.pair()
                guard metadata.updateValue(value, forKey: key) == nil else {
                    throw SkeinError(.corruptFile, "\(file.path): key \(key) appears twice")
                }
                keys.append(key)
            }
            infos = try (0..<head.tensors).map { _ in try reader.tensorInfo() }
            end = reader.position
        }
    }

    private func corrupt(_ text: String) -> SkeinError {
        SkeinError(.corruptFile, "\(file.path): \(text)")
    }

    private func alignment() throws -> Int {
        guard let value = metadata["general.alignment"] else { return 32 }
        guard case .uint32(let alignment) = value, alignment > 0, alignment <= 1 << 30,
            alignment & (alignment - 1) == 0
        else {
            throw corrupt("general.alignment is \(value), expected a power of two up to 2^30")
        }
        return Int(alignment)
    }

    /// This file's number (from 0) and how many there are, if it is a split.
    func split() throws -> (number: Int, count: Int)? {
        guard let count = metadata["split.count"]?.int, count > 0 else { return nil }
        guard let number = metadata["split.no"]?.int, (0..<count).contains(number), count < 100_000
        else { throw corrupt("split.count is \(count), but split.no is not below it") }
        return (number, count)
    }

    /// Checks that every tensor lies inside the data, aligned, and apart from all others.
    private func place(
        _ infos: [GGUFReader.TensorInfo],
        dataStart: Int,
        alignment: Int
    ) throws -> [TensorEntry] {
        let available = max(0, file.count - dataStart)
        for info in infos {
            guard info.offset % alignment == 0 else {
                throw corrupt(
                    "tensor \(info.name) lies at byte \(info.offset) of the data, which is not a "
                        + "multiple of the alignment \(alignment)"
                )
            }
            guard info.offset <= available || info.bytes == 0,
                info.bytes ?? 0 <= available - min(info.offset, available)
            else {
                throw corrupt(
                    "tensor \(info.name) takes \(info.bytes ?? 0) bytes at byte \(info.offset) of "
                        + "the data, which has \(available): the file is truncated or damaged"
                )
            }
        }
        let order = infos.indices.sorted { infos[$0].offset < infos[$1].offset }
        var last: GGUFReader.TensorInfo?
        for index in order where infos[index].bytes != 0 {
            let info = infos[index]
            if let last, last.offset + (last.bytes ?? 1) > info.offset {
                throw corrupt(
                    "tensor \(info.name) at byte \(info.offset) of the data overlaps "
                        + "\(last.name), which ends at byte \(last.offset + (last.bytes ?? 1))"
                )
            }
            last = info
        }
        return infos.map { info in
            let start = min(file.count, dataStart + min(info.offset, available))
            return TensorEntry(
                name: info.name,
                typeName: GGUFBlock.known[info.type]?.name ?? "number \(info.type)",
                dtype: DType(ggufType: info.type),
                shape: info.shape,
                file: file,
                byteRange: info.bytes.map { start..<start + $0 } ?? start..<start
            )
        }
    }
}
