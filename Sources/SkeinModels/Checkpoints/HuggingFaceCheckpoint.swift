internal import SkeinCore
public import SkeinTensor

/// A Hugging Face directory: `config.json` and safetensors, or one pickled file of tensors.
public struct HuggingFaceCheckpoint: Checkpoint {
    /// What `config.json` says.
    public let configuration: ModelConfiguration
    private let files: any TensorFile
    private let prefix: String

    /// Opens a directory.
    ///
    /// - Parameter path: The directory.
    /// - Throws: `SkeinError` naming the file that is missing or malformed.
    public init(path: String) throws {
        let config = try MappedFile(path: "\(path)/config.json")
        var values = try config.json()
        let generation = "\(path)/generation_config.json"
        if case .object(var object) = values, MappedFile.isDirectory(generation) == false,
            let eos = try MappedFile(path: generation).json()["eos_token_id"]
        {
            object["eos_token_id"] = eos
            values = .object(object)
        }
        configuration = try ModelConfiguration(values, source: config.path).translated()
        files = try Self.weights(path)
        // Checkpoints of a bare base model leave the outer module's name out.
        let words = ["embed_tokens.weight", "wte.weight", "embeddings.weight"]
        let tensors = files.tensors
        let isBare = words.contains { tensors[$0] != nil || tensors["\($0).qweight"] != nil }
        prefix = isBare ? "bare" : ""
    }

    /// Safetensors, or what torch pickled where there are none.
    private static func weights(_ path: String) throws -> any TensorFile {
        let pickled = "\(path)/pytorch_model.bin"
        let names = ["model.safetensors", "model.safetensors.index.json"]
        let hasSafetensors = names.contains { MappedFile.isDirectory("\(path)/\($0)") == false }
        if !hasSafetensors, MappedFile.isDirectory(pickled) == false {
            return try TorchArchive(contentsOf: pickled)
        }
        return try SafetensorsDirectory(path: path)
    }

    /// A tensor by its full name, with or without the outer module's prefix in the file.
    public func tensor(_ name: String) -> TensorRecord? {
        if let record = files.tensors[name] { return record }
        if name == "backbone.embeddings.weight" {
            // The original repository's name.
            if let record = files.tensors["backbone.embedding.weight"] { return record }
        }
        guard !prefix.isEmpty, let dot = name.firstIndex(of: ".") else { return nil }
        return files.tensors[String(name[name.index(after: dot)...])]
    }

    /// How a matrix is stored as grouped codes.
    public func groupedFormat(of name: String) throws -> GroupedFormat? {
        if let format = try configuredFormat(of: name) { return format }
        guard !prefix.isEmpty, let dot = name.firstIndex(of: ".") else { return nil }
        return try configuredFormat(of: String(name[name.index(after: dot)...]))
    }

    /// Pairs lie half a head apart.
    public var hasInterleavedRotary: Bool { false }
    /// Only GPT-2's layers are stored the other way round.
    public var hasTransposedLinears: Bool { configuration.family == "gpt2" }
}
