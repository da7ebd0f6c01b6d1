import Foundation
import SkeinText

/// The tokenizer metadata of a small GGUF file, read for tests only.
struct VocabularyFile {
    private var bytes: [UInt8]
    private var position = 0
    private var values: [String: Value] = [:]

    private enum Value {
        case number(Int)
        case real(Float)
        case text([UInt8])
        case list([Value])
    }

    private struct Malformed: Error {}

    init(_ url: URL) throws {
        bytes = Array(try Data(contentsOf: url))
        guard bytes.starts(with: Array("GGUF".utf8)) else { throw Malformed() }
        position = 16
        let count = try integer(8)
        for _ in 0..<count {
            let key = String(decoding: try text(), as: UTF8.self)
            values[key] = try value(try integer(4))
        }
    }

    private mutating func integer(_ width: Int) throws -> Int {
        guard position + width <= bytes.count else { throw Malformed() }
        defer { position += width }
        return Int(
            truncatingIfNeeded: (0..<width).reduce(UInt64(0)) {
                $0 | UInt64(bytes[position + $1]) << UInt64(8 * $1)
            }
        )
    }

    private mutating func text() throws -> [UInt8] {
        let length = try integer(8)
        defer { position += length }
        return Array(bytes[position..<position + length])
    }

    private mutating func value(_ type: Int) throws -> Value {
        switch type {
        case 0, 1, 7: return .number(try integer(1))
        case 2, 3: return .number(try integer(2))
        case 4, 5: return .number(try integer(4))
        case 6: return .real(Float(bitPattern: UInt32(truncatingIfNeeded: try integer(4))))
        case 8: return .text(try text())
        case 9:
            let inner = try integer(4)
            let count = try integer(8)
            return .list(try (0..<count).map { _ in try value(inner) })
        case 10, 11, 12: return .number(try integer(8))
        default: throw Malformed()
        }
    }

    private func text(_ key: String) -> String? {
        guard case .text(let bytes)? = values[key] else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func list(_ key: String) -> [Value] {
        guard case .list(let list)? = values[key] else { return [] }
        return list
    }

    private func number(_ key: String) -> Int? {
        guard case .number(let number)? = values[key] else { return nil }
        return number
    }

    /// What the file says of its tokenizer.
    func vocabulary() -> GGUFVocabulary {
        let prefix = "tokenizer.ggml."
        func texts(_ key: String) -> [[UInt8]] {
            list(prefix + key).map { if case .text(let bytes) = $0 { bytes } else { [] } }
        }
        func id(_ key: String) -> Int32? { number(prefix + key).map { Int32($0) } }
        var result = GGUFVocabulary(
            model: text(prefix + "model") ?? "",
            pre: text(prefix + "pre") ?? "default",
            tokens: texts("tokens")
        )
        result.scores = list(prefix + "scores").map { if case .real(let x) = $0 { x } else { 0 } }
        result.tokenTypes = list(prefix + "token_type").map {
            if case .number(let x) = $0 { Int32(x) } else { 0 }
        }
        result.merges = texts("merges")
        result.bosID = id("bos_token_id")
        result.eosID = id("eos_token_id")
        result.unkID = id("unknown_token_id")
        result.padID = id("padding_token_id")
        result.clsID = id("cls_token_id")
        result.sepID = id("seperator_token_id")
        result.addBOS = number(prefix + "add_bos_token").map { $0 != 0 }
        result.addEOS = number(prefix + "add_eos_token").map { $0 != 0 }
        result.addSpacePrefix = number(prefix + "add_space_prefix").map { $0 != 0 }
        return result
    }
}
