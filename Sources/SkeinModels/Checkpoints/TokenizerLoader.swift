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
        guard path.hasSuffix(".bin") else { return try Tokenizer(contentsOf: path) }
        if name.hasPrefix("tok") { return try llama2c(path) }
        for candidate in ["tokenizer.bin", "tok512.bin", "tok4096.bin", "tok32000.bin"] {
            let beside = "\(parent(path))/\(candidate)"
            if MappedFile.isDirectory(beside) == false { return try llama2c(beside) }
        }
        throw SkeinError(
            .notFound,
            "there is no tokenizer.bin beside \(path)",
            hint: "pass one with --tokenizer"
        )
    }

    /// A llama2.c file does not say how many pieces it holds: they are counted first.
    private static func llama2c(_ path: String) throws -> Tokenizer {
        let file = try MappedFile(path: path)
        let bytes = file.prefix(file.count)
        var count = 0
        var offset = 4
        while offset + 8 <= bytes.count {
            let length = (0..<4).reduce(0) { $0 | Int(bytes[offset + 4 + $1]) << (8 * $1) }
            offset += 8 + length
            count += 1
        }
        guard offset == bytes.count else {
            throw SkeinError(
                .corruptFile,
                "\(path): piece \(count) ends at byte \(offset), but the file has \(bytes.count)"
            )
        }
        return try Tokenizer(llama2c: bytes, vocabularySize: count)
    }

    /// The strings of an array as bytes, which need not be UTF-8.
    private static func bytes(_ array: GGUFArray) -> [[UInt8]] {
        var result: [[UInt8]] = []
        result.reserveCapacity(array.count)
        unsafe array.forEachString { _, bytes in result.append(unsafe Array(bytes)) }
        return result
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
        guard let model = value("model")?.string,
            let tokens = value("tokens")?.array.map(Self.bytes)
        else {
            throw SkeinError(
                .notFound,
                "the GGUF file holds no vocabulary (tokenizer.ggml.model and .tokens)",
                hint: "pass a tokenizer with --tokenizer"
            )
        }
        var vocabulary = GGUFVocabulary(
            model: model,
            pre: value("pre")?.string ?? "default",
            tokens: tokens
        )
        vocabulary.scores = value("scores")?.array?.doubles()?.map(Float.init) ?? []
        vocabulary.tokenTypes =
            value("token_type")?.array?.integers()?.map { Int32(truncatingIfNeeded: $0) } ?? []
        vocabulary.merges = value("merges")?.array.map(Self.bytes) ?? []
        vocabulary.bosID = id("bos_token_id")
        vocabulary.eosID = id("eos_token_id")
        vocabulary.eotID = id("eot_token_id")
        vocabulary.unkID = id("unknown_token_id")
        vocabulary.padID = id("padding_token_id")
        vocabulary.clsID = id("cls_token_id")
        vocabulary.sepID = id("seperator_token_id")
        vocabulary.addBOS = value("add_bos_token")?.bool
        vocabulary.addEOS = value("add_eos_token")?.bool
        vocabulary.addSpacePrefix = value("add_space_prefix")?.bool
        vocabulary.removeExtraWhitespaces = value("remove_extra_whitespaces")?.bool
        vocabulary.chatTemplate = file.metadata["tokenizer.chat_template"]?.string
        if let map = value("precompiled_charsmap")?.array?.integers() {
            vocabulary.precompiledMap = map.map { UInt8(truncatingIfNeeded: $0) }
        }
        return try Tokenizer(gguf: vocabulary)
    }
}
