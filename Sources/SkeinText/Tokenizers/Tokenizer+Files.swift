import Foundation
import SkeinCore

extension Tokenizer {
    /// Reads a tokenizer from a directory or a file.
    ///
    /// A directory holds tokenizer.json (preferred) or tokenizer.model, and may hold
    /// tokenizer_config.json and chat_template.jinja; a file is a tokenizer.json, a tokenizer.model
    /// or a llama2.c tokenizer.bin, which needs `vocabularySize`.
    ///
    /// - Throws: `SkeinError` for a missing file or one that cannot be understood.
    public init(contentsOf path: String, vocabularySize: Int? = nil) throws {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw SkeinError(.notFound, "no tokenizer at \(path)")
        }
        let directory = isDirectory.boolValue ? path : (path as NSString).deletingLastPathComponent
        var file = path
        if isDirectory.boolValue {
            let names = ["tokenizer.json", "tokenizer.model"]
            guard let name = names.first(where: { Self.exists("\(path)/\($0)") }) else {
                throw SkeinError(
                    .notFound,
                    "\(path) holds neither tokenizer.json nor tokenizer.model"
                )
            }
            file = "\(path)/\(name)"
        }
        let bytes = try Self.read(file)
        let configurationPath =
            directory.isEmpty
            ? "tokenizer_config.json" : "\(directory)/tokenizer_config.json"
        var configuration: JSON?
        if Self.exists(configurationPath),
            bytes.first(where: { $0 > 0x20 }) == 0x7b
                || isDirectory.boolValue
        {
            configuration = try JSON(parsing: try Self.read(configurationPath))
        }
        if bytes.first(where: { $0 > 0x20 }) == 0x7b {
            try self.init(json: try JSON(parsing: bytes), configuration: configuration)
        } else if file.hasSuffix(".bin") {
            guard let vocabularySize else {
                throw SkeinError(
                    .invalidArgument,
                    "\(file): a llama2.c tokenizer needs the model's vocabulary size"
                )
            }
            try self.init(llama2c: bytes, vocabularySize: vocabularySize)
        } else {
            try self.init(sentencePiece: bytes)
            takeFlags(configuration)
        }
        let template =
            directory.isEmpty
            ? "chat_template.jinja" : "\(directory)/chat_template.jinja"
        if isDirectory.boolValue, Self.exists(template) {
            chatTemplate = String(decoding: try Self.read(template), as: UTF8.self)
        }
    }

    private mutating func takeFlags(_ configuration: JSON?) {
        guard let configuration else { return }
        surround(
            bos: configuration["add_bos_token"]?.bool ?? addsBOS,
            eos: configuration["add_eos_token"]?.bool ?? addsEOS
        )
        chatTemplate = configuration["chat_template"]?.string
    }

    private static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: path)
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SkeinError(.ioFailure, "cannot read \(path)")
        }
        return Array(data)
    }
}
