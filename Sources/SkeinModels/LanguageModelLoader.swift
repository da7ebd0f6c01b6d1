internal import SkeinCore
public import SkeinTensor

/// How a model is loaded.
public struct LoadOptions: Sendable {
    /// What float weights are multiplied as; `nil` keeps each tensor's own type.
    ///
    /// bf16 doubles the arithmetic of processors that multiply it directly, at 8 bits of precision.
    public var computeType: DType?

    /// Where the weights of a model that learns come from.
    public enum Learning: Sendable, Hashable {
        /// From the checkpoint, all of them.
        case fromCheckpoint
        /// Drawn, except those that the checkpoint has.
        case fromScratch(Initialization)
    }

    /// Whether the weights are parameters of a tape, and where they come from.
    public var learning: Learning?

    /// The defaults: every tensor in its own type, nothing learns.
    public init(computeType: DType? = nil, learning: Learning? = nil) {
        self.computeType = computeType
        self.learning = learning
    }
}

/// Opens model files of every known format and family.
public enum LanguageModelLoader {
    /// Opens a checkpoint: a Hugging Face directory, a `.gguf` file or a llama2.c `.bin` file.
    ///
    /// - Parameter path: The directory or file.
    /// - Returns: The checkpoint, its weights not yet read.
    /// - Throws: `SkeinError` that says what was found and what was expected.
    public static func checkpoint(_ path: String) throws -> any Checkpoint {
        guard let isDirectory = MappedFile.isDirectory(path) else {
            throw SkeinError(
                .notFound,
                "there is no file or directory \(path)",
                hint: "pass a Hugging Face directory, a .gguf file or a llama2.c .bin file"
            )
        }
        if isDirectory { return try HuggingFaceCheckpoint(path: path) }
        let magic = try MappedFile(path: path).prefix(4)
        if magic == Array("GGUF".utf8) { return try GGUFCheckpoint(path: path) }
        if path.hasSuffix(".bin") { return try Llama2CCheckpoint(path: path) }
        if path.hasSuffix(".safetensors"), let slash = path.lastIndex(of: "/") {
            return try HuggingFaceCheckpoint(path: String(path[..<slash]))
        }
        throw SkeinError(
            .unsupported,
            "\(path) is neither a directory nor a GGUF or llama2.c file; it begins with \(magic)"
        )
    }

    /// Loads and packs a model.
    ///
    /// - Parameters:
    ///   - checkpoint: Where its tensors are.
    ///   - processor: Where it will run.
    ///   - options: How to load it.
    /// - Returns: The model.
    /// - Throws: `SkeinError.Code.unsupported` for an unknown family, `.missingTensor`,
    ///   `.shapeMismatch`, `.notFinite` or `.corruptFile`.
    public static func load(
        _ checkpoint: any Checkpoint,
        processor: Processor,
        options: LoadOptions = LoadOptions()
    ) throws -> any LanguageModel {
        var loader = ParameterLoader(checkpoint, processor: processor, options: options)
        switch checkpoint.configuration.family {
        case "llama": return try Llama.load(&loader)
        case "mistral": return try Mistral.load(&loader)
        case "qwen2": return try Qwen2.load(&loader)
        case "qwen3": return try Qwen3.load(&loader)
        case "smollm3": return try SmolLM3.load(&loader)
        case "gpt2": return try GPT2.load(&loader)
        case "mamba": return try Mamba.load(&loader)
        case let other where BERTDialect(family: other) != nil:
            throw SkeinError(
                .unsupported,
                "\(checkpoint.configuration.source): model_type \"\(other)\" reads texts whole and"
                    + " cannot continue one",
                hint: "skein embed turns texts into vectors with it"
            )
        case let other:
            throw SkeinError(
                .unsupported,
                "\(checkpoint.configuration.source): model_type \"\(other)\"; known are llama, mistral,"
                    + " qwen2, qwen3, smollm3, gpt2 and mamba"
            )
        }
    }
}

extension ParameterLoader {
    /// What is known once all parameters are loaded.
    func description(vocabulary: Int, width: Int, layers: Int, context: Int) -> ModelDescription {
        ModelDescription(
            family: checkpoint.configuration.family,
            vocabularySize: vocabulary,
            width: width,
            layers: layers,
            contextLength: context,
            parameters: parameters,
            matrixTypes: matrixTypes,
            weightBytes: bytes
        )
    }
}
