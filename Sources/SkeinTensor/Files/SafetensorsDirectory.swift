internal import SkeinCore

/// The safetensors files of a model directory, merged into one table of names.
///
/// Either `model.safetensors` alone, or the shards that `model.safetensors.index.json` lists.
public struct SafetensorsDirectory: TensorFile {
    /// The names: file by file, in the order of each header.
    public let names: [String]
    /// The tensors by name.
    public let tensors: [String: TensorRecord]
    /// What the headers say of every tensor, including those whose type cannot be read.
    public let entries: [TensorEntry]
    /// The names of the files, in order.
    public let files: [String]

    /// Maps and checks a directory's files.
    ///
    /// - Parameters:
    ///   - path: The directory.
    ///   - allowsUnknownTypes: Whether tensors of unreadable types are merely left out of `tensors`.
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure`, `.corruptFile`, `.missingTensor` or
    ///   `.unsupported`.
    public init(path: String, allowsUnknownTypes: Bool = false) throws {
        do {
            let file = try MappedFile(path: "\(path)/model.safetensors")
            try self.init(
                single: Safetensors(parsing: file, allowsUnknownTypes: allowsUnknownTypes)
            )
        } catch let error as SkeinError where error.code == .notFound {
            try self.init(
                indexFile: "\(path)/model.safetensors.index.json",
                directory: path,
                allowsUnknownTypes: allowsUnknownTypes
            )
        }
    }

    private init(single model: Safetensors) {
        names = model.names
        tensors = model.tensors
        entries = model.entries
        files = ["model.safetensors"]
    }

    /// Maps and checks the shards that an index file lists.
    ///
    /// - Parameters:
    ///   - indexFile: The index, a JSON object with a `weight_map` from tensor names to file names.
    ///   - directory: Where the shards lie.
    ///   - allowsUnknownTypes: Whether tensors of unreadable types are merely left out of `tensors`.
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure`, `.corruptFile`, `.missingTensor` or
    ///   `.unsupported`.
    public init(indexFile: String, directory: String, allowsUnknownTypes: Bool = false) throws {
        let map = try Self.weightMap(indexFile)
        var shardOf: [ExactKey: String] = [:]
        var files: [String] = []
        var known: Set<ExactKey> = []
        for (name, value) in map.members {
            guard let shard = value.string, Self.isPlainName(shard) else {
                throw SkeinError(
                    .corruptFile,
                    "\(indexFile): weight_map.\(name) is not the name of a file beside the index"
                )
            }
            shardOf[ExactKey(name)] = shard
            if known.insert(ExactKey(shard)).inserted { files.append(shard) }
        }
        var names: [String] = []
        var tensors: [String: TensorRecord] = [:]
        var entries: [TensorEntry] = []
        for shard in files {
            let model = try Safetensors(
                contentsOf: "\(directory)/\(shard)",
                allowsUnknownTypes: allowsUnknownTypes
            )
            for entry in model.entries where shardOf[ExactKey(entry.name)] == shard {
                shardOf.removeValue(forKey: ExactKey(entry.name))
                entries.append(entry)
                guard let record = entry.record else { continue }
                guard tensors.updateValue(record, forKey: entry.name) == nil else {
                    throw SkeinError(.corruptFile, "\(indexFile): \(entry.name) appears twice")
                }
                names.append(entry.name)
            }
        }
        if let (name, shard) = shardOf.min(by: { $0.key.string < $1.key.string }) {
            throw SkeinError(
                .missingTensor,
                "\(indexFile) places tensor \(name.string) in \(shard), which does not hold it"
            )
        }
        self.names = names
        self.tensors = tensors
        self.entries = entries
        self.files = files
    }

    private static func weightMap(_ path: String) throws -> JSONObject {
        let file = try MappedFile(path: path)
        guard file.count <= Safetensors.maximumHeaderBytes else {
            throw SkeinError(
                .corruptFile,
                "\(path) has \(file.count) bytes; at most \(Safetensors.maximumHeaderBytes) are "
                    + "allowed"
            )
        }
        let json: JSON
        do {
            json = try file.withUnsafeBytes { try JSON(parsing: $0, maximumDepth: 16) }
        } catch let error as SkeinError {
            throw SkeinError(.corruptFile, "\(path): \(error.message)")
        }
        guard let map = json["weight_map"]?.object else {
            throw SkeinError(.corruptFile, "\(path): there is no object weight_map")
        }
        return map
    }

    /// Whether a name stays inside its directory.
    private static func isPlainName(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".."
            && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0)
    }
}
