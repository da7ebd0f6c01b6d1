public import SkeinCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// What is inside a model file or directory, for people and for programs.
public struct Inspection: Sendable {
    /// One tensor's line.
    public struct Tensor: Sendable {
        /// The name in the checkpoint.
        public let name: String
        /// The type as the format spells it.
        public let type: String
        /// The sizes of the axes, outermost first.
        public let shape: [Int]
        /// How many bytes the values take; 0 when the type's size is not known.
        public let bytes: Int
        /// The file's name, and where in it the bytes begin.
        public let place: (file: String, offset: Int)
        /// Whether values of this type can be read.
        public let isReadable: Bool
    }

    /// The format: `safetensors`, `gguf` or `llama2c`.
    public let format: String
    /// What was inspected.
    public let path: String
    /// The metadata in the order of the file; long arrays are summarised.
    public let metadata: [(key: String, value: JSON)]
    /// All tensors in the order of the file.
    public let tensors: [Tensor]

    /// How many values all tensors have together.
    public var parameters: Int {
        tensors.reduce(0) { total, tensor in
            total.addingReportingOverflow(Checked.product(tensor.shape) ?? 0).partialValue
        }
    }

    /// How many bytes all tensors take together.
    public var bytes: Int { tensors.reduce(0) { $0 + $1.bytes } }

    /// Opens a file, or a directory of safetensors, and lists what it holds.
    ///
    /// - Throws: `SkeinError` as the format's reader does; types that cannot be read are listed.
    public init(path: String) throws {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            self.init(try SafetensorsDirectory(path: path, allowsUnknownTypes: true), path: path)
            return
        }
        if path.hasSuffix(".index.json") {
            let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
            let directory = slash.map { String(path[..<$0]) } ?? "."
            let model = try SafetensorsDirectory(
                indexFile: path,
                directory: directory,
                allowsUnknownTypes: true
            )
            self.init(model, path: path)
            return
        }
        let file = try MappedFile(path: path)
        let head = file.withUnsafeBytes { Array($0.prefix(9)) }
        if head.starts(with: Array("GGUF".utf8)) {
            self.init(try GGUF(contentsOf: path, allowsUnknownTypes: true), path: path)
        } else if head.count == 9, head[8] == UInt8(ascii: "{") {
            let model = try Safetensors(parsing: file, allowsUnknownTypes: true)
            self.init(
                format: "safetensors",
                path: path,
                metadata: model.metadata.sorted { $0.key < $1.key }.map { ($0, .string($1)) },
                tensors: model.entries.map(Tensor.init)
            )
        } else if path.hasSuffix(".bin") || head.starts(with: Array("24ka".utf8)) {
            self.init(try Llama2C(parsing: file), path: path)
        } else if path.hasSuffix(".safetensors") {
            _ = try Safetensors(parsing: file)
            throw SkeinError(.corruptFile, "\(path): not a safetensors file")
        } else {
            throw SkeinError(
                .unsupported,
                "\(path) is neither GGUF nor safetensors nor llama2.c",
                hint: "pass a .gguf, .safetensors or llama2.c .bin file, or a model directory"
            )
        }
    }

    private init(
        format: String,
        path: String,
        metadata: [(key: String, value: JSON)],
        tensors: [Tensor]
    ) {
        self.format = format
        self.path = path
        self.metadata = metadata
        self.tensors = tensors
    }

    private init(_ model: SafetensorsDirectory, path: String) {
        self.init(
            format: "safetensors",
            path: path,
            metadata: [("files", .array(model.files.map { .string($0) }))],
            tensors: model.entries.map(Tensor.init)
        )
    }

    private init(_ model: GGUF, path: String) {
        let pairs = model.keys.compactMap { key in
            model.metadata[key].map { (key: key, value: Self.summary($0)) }
        }
        self.init(
            format: "gguf",
            path: path,
            metadata: [("gguf.version", .int(model.version))] + pairs,
            tensors: model.entries.map(Tensor.init)
        )
    }

    private init(_ model: Llama2C, path: String) {
        let configuration = model.configuration
        self.init(
            format: "llama2c",
            path: path,
            metadata: [
                ("version", .int(model.version)),
                ("dim", .int(configuration.width)),
                ("hidden_dim", .int(configuration.hiddenWidth)),
                ("n_layers", .int(configuration.layers)),
                ("n_heads", .int(configuration.heads)),
                ("n_kv_heads", .int(configuration.keyValueHeads)),
                ("vocab_size", .int(configuration.vocabulary)),
                ("seq_len", .int(configuration.contextLength)),
                ("shared_classifier", .bool(configuration.isHeadTied)),
            ],
            tensors: model.names.compactMap { model.tensors[$0] }.map(Tensor.init)
        )
    }

    /// A metadata value as JSON; of an array at most eight elements.
    private static func summary(_ value: GGUFValue) -> JSON {
        switch value {
        case .string(let text): return .string(text)
        case .bool(let flag): return .bool(flag)
        case .float32(let number): return .double(Double("\(number)") ?? Double(number))
        case .float64(let number): return .double(number)
        case .array(let array):
            guard array.count <= 8, let values = try? array.values() else {
                return .string("\(array.count) × \(array.elementType)")
            }
            return .array(values.map(summary))
        default:
            if let number = value.int { return .int(number) }
            return value.double.map(JSON.double) ?? .null
        }
    }
}

extension Inspection.Tensor {
    init(_ entry: TensorEntry) {
        self.init(
            name: entry.name,
            type: entry.typeName,
            shape: entry.shape,
            bytes: entry.byteRange.count,
            place: (Self.lastName(entry.file.path), entry.byteRange.lowerBound),
            isReadable: entry.dtype != nil
        )
    }

    init(_ record: TensorRecord) {
        self.init(
            name: record.name,
            type: record.dtype.name,
            shape: record.shape,
            bytes: record.byteRange.count,
            place: (Self.lastName(record.file.path), record.byteRange.lowerBound),
            isReadable: true
        )
    }

    private static func lastName(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
