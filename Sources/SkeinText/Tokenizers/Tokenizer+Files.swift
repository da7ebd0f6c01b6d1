import SkeinCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Tokenizer {
    /// Reads a tokenizer from a directory or a file.
    ///
    /// A directory holds tokenizer.json (preferred) or tokenizer.model, and may hold
    /// tokenizer_config.json and chat_template.jinja; a file is a tokenizer.json, a tokenizer.model
    /// or a llama2.c tokenizer.bin.
    ///
    /// - Throws: `SkeinError` for a missing file or one that cannot be understood.
    public init(contentsOf path: String) throws {
        guard Self.exists(path) else { throw SkeinError(.notFound, "no tokenizer at \(path)") }
        let isDirectory = Self.isDirectory(path)
        let directory =
            isDirectory ? path : path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        var file = path
        if isDirectory {
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
                || isDirectory
        {
            configuration = try JSON(parsing: try Self.read(configurationPath))
        }
        if bytes.first(where: { $0 > 0x20 }) == 0x7b {
            try self.init(json: try JSON(parsing: bytes), configuration: configuration)
        } else if file.hasSuffix(".bin") {
            try self.init(llama2c: bytes)
        } else {
            try self.init(sentencePiece: bytes)
            takeFlags(configuration)
        }
        let template =
            directory.isEmpty
            ? "chat_template.jinja" : "\(directory)/chat_template.jinja"
        if isDirectory, Self.exists(template) {
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

    private static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private static func isDirectory(_ path: String) -> Bool {
        guard let folder = opendir(path) else { return false }
        closedir(folder)
        return true
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "rb") else {
            throw SkeinError(.ioFailure, "cannot open \(path)")
        }
        defer { fclose(file) }
        var result: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = fread(&part, 1, part.count, file)
            if count == 0 { break }
            result.append(contentsOf: part[..<count])
        }
        guard ferror(file) == 0 else { throw SkeinError(.ioFailure, "cannot read \(path)") }
        return result
    }
}
