internal import SkeinCore
internal import SkeinTensor

/// Text files from outside.
enum TextFile {
    /// A file's text.
    ///
    /// - Throws: `SkeinError.Code.corruptFile` with the offset of the first byte that is not UTF-8.
    static func read(_ path: String) throws -> String {
        let file = try MappedFile(path: path)
        let bytes = file.prefix(file.count)
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        var valid = 0
        var upper = bytes.count
        while upper - valid > 1 {
            let middle = (valid + upper) / 2
            // A prefix may end inside a character; three bytes of grace tell that from damage.
            let isValid = (0...3).contains {
                middle >= $0 && String(validating: bytes[..<(middle - $0)], as: UTF8.self) != nil
            }
            if isValid { valid = middle } else { upper = middle }
        }
        throw SkeinError(
            .corruptFile,
            "\(path) is not UTF-8 text: the bytes near \(valid) are invalid"
        )
    }
}
