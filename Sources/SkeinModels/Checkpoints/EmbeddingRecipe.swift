internal import SkeinCore
public import SkeinTensor

/// How final hidden states become one vector a text, as a model's directory or file says.
public struct EmbeddingRecipe: Sendable, Hashable {
    /// How a text's rows become one.
    public var pooling: Wanted.Pooling
    /// Whether vectors are scaled to unit length.
    public var isNormalized: Bool
    /// The most tokens of a text that the model was made to embed, if it says so.
    public var maximumLength: Int?
    /// Whether a text is turned into lower case before anything else.
    public var isLowercased = false
    /// Where the network and its tokenizer lie.
    public var modelPath: String

    /// Creates a recipe.
    public init(
        pooling: Wanted.Pooling,
        isNormalized: Bool,
        maximumLength: Int? = nil,
        modelPath: String
    ) {
        self.pooling = pooling
        self.isNormalized = isNormalized
        self.maximumLength = maximumLength
        self.modelPath = modelPath
    }
}

extension EmbeddingRecipe {
    /// Reads the layout of the sentence-transformers library; `nil` where there is no `modules.json`.
    ///
    /// `modules.json` lists the steps; `1_Pooling/config.json` says how rows are pooled and
    /// `sentence_bert_config.json` how long a text may be.
    ///
    /// - Parameter directory: The directory.
    /// - Throws: `SkeinError.Code.unsupported` for a step or a pooling that is not known, `.corruptFile`
    ///   for a list without them.
    public init?(directory: String) throws {
        let list = "\(directory)/modules.json"
        guard MappedFile.isDirectory(list) == false else { return nil }
        guard let modules = try MappedFile(path: list).json().array else {
            throw SkeinError(.corruptFile, "\(list) is no array of modules")
        }
        var pooling: Wanted.Pooling?
        var isNormalized = false
        var folder = directory
        for module in modules {
            let type = module["type"]?.string ?? ""
            let path = module["path"]?.string ?? ""
            let place = path.isEmpty ? directory : "\(directory)/\(path)"
            switch type.split(separator: ".").last {
            case "Transformer": folder = place
            case "Pooling": pooling = try Self.pooling("\(place)/config.json")
            case "Normalize": isNormalized = true
            default:
                throw SkeinError(
                    .unsupported,
                    "\(list): module \"\(type)\"; known are Transformer, Pooling and Normalize"
                )
            }
        }
        guard let pooling else {
            throw SkeinError(.corruptFile, "\(list) names no Pooling module")
        }
        self.init(pooling: pooling, isNormalized: isNormalized, modelPath: folder)
        try readLimits("\(folder)/sentence_bert_config.json")
    }

    private mutating func readLimits(_ path: String) throws {
        guard MappedFile.isDirectory(path) == false else { return }
        let limits = ModelConfiguration(try MappedFile(path: path).json(), source: path)
        maximumLength = try limits.optionalInteger("max_seq_length")
        isLowercased = limits.flag("do_lower_case", default: false)
    }

    /// The one pooling that a module's configuration switches on.
    private static func pooling(_ path: String) throws -> Wanted.Pooling {
        let values = try MappedFile(path: path).json()
        let known: [String: Wanted.Pooling] = ["cls": .first, "mean": .mean, "lasttoken": .last]
        var names: [String] = []
        if let name = values["pooling_mode"]?.string {
            names = [name]
        } else if let object = values.object {
            let stem = "pooling_mode_"
            names = object.members.filter { $0.key.hasPrefix(stem) && $0.value.bool == true }
                .map { String($0.key.dropFirst(stem.count)) }
                .map { $0.hasSuffix("_tokens") ? String($0.dropLast("_tokens".count)) : $0 }
                .map { $0 == "cls_token" ? "cls" : $0 }
        }
        guard names.count == 1, let pooling = names.first.flatMap({ known[$0] }) else {
            throw SkeinError(
                .unsupported,
                "\(path): pooling \(names.joined(separator: " + ")); known are cls, mean and lasttoken,"
                    + " one of them"
            )
        }
        return pooling
    }

    /// What a checkpoint without a layout around it implies: the pooling that a GGUF file names, else the
    /// mean for encoders and the last token for decoders; unit length.
    public init(_ checkpoint: any Checkpoint, isEncoder: Bool, modelPath: String) throws {
        var pooling = isEncoder ? Wanted.Pooling.mean : .last
        if let number = checkpoint.configuration.values["pooling_type"]?.int {
            switch number {
            case 0: break
            case 1: pooling = .mean
            case 2: pooling = .first
            case 3: pooling = .last
            default:
                throw SkeinError(
                    .unsupported,
                    "\(checkpoint.configuration.source): pooling_type \(number); known are 0 (none),"
                        + " 1 (mean), 2 (cls) and 3 (last)"
                )
            }
        }
        self.init(pooling: pooling, isNormalized: true, modelPath: modelPath)
    }
}
