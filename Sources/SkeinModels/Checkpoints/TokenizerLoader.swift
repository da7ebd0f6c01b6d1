internal import SkeinCore
internal import SkeinTensor
public import SkeinText

/// Finds the tokenizer that belongs to a model.
public enum TokenizerLoader {
    /// Opens a model's tokenizer.
    ///
    /// - Parameter path: A model directory, a `tokenizer.json` or `.model` file, a GGUF file, or a
    ///   llama2.c `tok*.bin`; for a llama2.c model the one that lies beside it.
    /// - Returns: The tokenizer.
    /// - Throws: `SkeinError` that says what was looked for and where.
    public static func load(_ path: String) throws -> Tokenizer {
        guard let isDirectory = MappedFile.isDirectory(path) else {
            throw SkeinError(.notFound, "there is no file or directory \(path)")
        }
        guard !isDirectory else { return try Tokenizer(contentsOf: path) }
        if try MappedFile(path: path).prefix(4) == Array("GGUF".utf8) {
            return try gguf(GGUF(contentsOf: path))
        }
        let name = String(path.split(separator: "/").last ?? "")
        guard path.hasSuffix(".bin"), !name.hasPrefix("tok") else {
            return try Tokenizer(contentsOf: path)
        }
        for candidate in ["tokenizer.bin", "tok512.bin", "tok4096.bin", "tok32000.bin"] {
            let beside = "\(parent(path))/\(candidate)"
            if MappedFile.isDirectory(beside) == false { return try Tokenizer(contentsOf: beside) }
        }
        throw SkeinError(
            .notFound,
            "there is no tokenizer.bin beside \(path)",
            hint: "pass one with --tokenizer"
        )
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
        var vocabulary = GGUFVocabulary(
            model: model,
            preTokenizer: value("pre")?.string,
            tokens: tokens,
            scores: value("scores")?.array?.doubles()?.map(Float.init),
            tokenTypes: value("token_type")?.array?.integers()?.map { Int($0) },
            merges: try value("merges")?.array?.strings(),
            bosID: id("bos_token_id"),
            eosID: id("eos_token_id"),
            unkID: id("unknown_token_id"),
            padID: id("padding_token_id"),
            addsBOS: value("add_bos_token")?.bool,
            addsEOS: value("add_eos_token")?.bool,
            addsSpacePrefix: value("add_space_prefix")?.bool,
            chatTemplate: file.metadata["tokenizer.chat_template"]?.string
        )
        vocabulary.eotID = id("eot_token_id")
        vocabulary.clsID = id("cls_token_id")
        vocabulary.sepID = id("seperator_token_id")
        vocabulary.removesExtraSpaces = value("remove_extra_whitespaces")?.bool
        if let map = value("precompiled_charsmap")?.array?.integers() {
            vocabulary.precompiledMap = map.map { UInt8(truncatingIfNeeded: $0) }
        }
        return try Tokenizer(gguf: vocabulary)
    }
}
