internal import SkeinCore
internal import SkeinTensor
public import SkeinText

/// Finds the tokenizer that belongs to a model.
public enum TokenizerLoader {
    /// Opens a model's tokenizer.
    ///
    /// - Parameter path: A model directory, a `tokenizer.json`, a GGUF file, or a llama2.c
    ///   `tokenizer.bin`; for a llama2.c model the only other `tok*.bin` beside it.
    /// - Returns: The tokenizer.
    /// - Throws: `SkeinError` that says what was looked for and where.
    public static func load(_ path: String) throws -> Tokenizer {
        guard let isDirectory = MappedFile.isDirectory(path) else {
            throw SkeinError(.notFound, "there is no file or directory \(path)")
        }
        if isDirectory { return try directory(path) }
        let file = try MappedFile(path: path)
        if file.prefix(4) == Array("GGUF".utf8) { return try gguf(GGUF(contentsOf: path)) }
        if path.hasSuffix(".json") { return try json(file, beside: parent(path)) }
        guard path.hasSuffix(".bin") else {
            throw SkeinError(
                .unsupported,
                "\(path) is no tokenizer: expected a directory, .json, .gguf or .bin"
            )
        }
        let name = String(path.split(separator: "/").last ?? "")
        if name.hasPrefix("tok") { return try Tokenizer(llama2c: file.prefix(file.count)) }
        for candidate in ["tokenizer.bin", "tok512.bin", "tok4096.bin", "tok32000.bin"] {
            let beside = "\(parent(path))/\(candidate)"
            guard MappedFile.isDirectory(beside) == false else { continue }
            let found = try MappedFile(path: beside)
            return try Tokenizer(llama2c: found.prefix(found.count))
        }
        throw SkeinError(
            .notFound,
            "there is no tokenizer.bin beside \(path)",
            hint: "pass one with --tokenizer"
        )
    }

    private static func directory(_ path: String) throws -> Tokenizer {
        guard MappedFile.isDirectory("\(path)/tokenizer.json") == false else {
            throw SkeinError(
                .notFound,
                "\(path) holds no tokenizer.json",
                hint: "pass a tokenizer with --tokenizer"
            )
        }
        return try json(MappedFile(path: "\(path)/tokenizer.json"), beside: path)
    }

    private static func json(_ file: MappedFile, beside path: String) throws -> Tokenizer {
        let side = "\(path)/tokenizer_config.json"
        let configuration =
            MappedFile.isDirectory(side) == false ? try MappedFile(path: side).json() : nil
        do {
            return try Tokenizer(json: file.json(), configuration: configuration)
        } catch let error as SkeinError {
            throw SkeinError(error.code, "\(file.path): \(error.message)", hint: error.hint)
        }
    }

    private static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A GGUF file's vocabulary.
    static func gguf(_ file: GGUF) throws -> Tokenizer {
        let prefix = "tokenizer.ggml."
        func value(_ key: String) -> GGUFValue? { file.metadata[prefix + key] }
        func id(_ key: String) -> Int32? { value(key)?.int.flatMap { Int32(exactly: $0) } }
        guard let model = value("model")?.string, let tokens = try value("tokens")?.array?.strings()
        else {
            throw SkeinError(
                .notFound,
                "the GGUF file holds no vocabulary (tokenizer.ggml.model and .tokens)",
                hint: "pass a tokenizer with --tokenizer"
            )
        }
        var vocabulary = GGUFVocabulary(model: model, tokens: tokens)
        vocabulary.preTokenizer = value("pre")?.string
        vocabulary.scores = value("scores")?.array?.doubles()?.map(Float.init) ?? []
        vocabulary.tokenTypes = value("token_type")?.array?.integers()?.map { Int($0) } ?? []
        vocabulary.merges = try value("merges")?.array?.strings() ?? []
        vocabulary.bosID = id("bos_token_id")
        vocabulary.eosID = id("eos_token_id")
        vocabulary.unkID = id("unknown_token_id")
        vocabulary.padID = id("padding_token_id")
        vocabulary.addsBOS = value("add_bos_token")?.bool
        vocabulary.addsEOS = value("add_eos_token")?.bool
        vocabulary.addsSpacePrefix = value("add_space_prefix")?.bool
        vocabulary.chatTemplate = file.metadata["tokenizer.chat_template"]?.string
        return try Tokenizer(gguf: vocabulary)
    }
}
