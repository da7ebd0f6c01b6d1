import Foundation
import SkeinCore
import SkeinTestSupport
import SkeinText

/// Cases that Scripts/oracle_tokenizers.py wrote for one tokenizer.
struct OracleCases {
    let name: String
    let tokenizer: Tokenizer
    let isSentencePiece: Bool
    let cases: [JSON]

    /// The tokenizers of a folder.
    static func names(in folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".jsonl") }.map { String($0.dropLast(6)) }.sorted()
    }

    init(_ name: String, in folder: URL) throws {
        self.name = name
        let model = folder.appending(path: "\(name).model")
        isSentencePiece = FileManager.default.fileExists(atPath: model.path)
        tokenizer = try Tokenizer(
            contentsOf: isSentencePiece ? model.path : folder.appending(path: "\(name).json").path
        )
        let text = try Data(contentsOf: folder.appending(path: "\(name).jsonl"))
        cases = try text.split(separator: 0x0a).map { try JSON(parsing: Array($0)) }
    }

    /// The first disagreements, in words, and how many there are.
    func disagreements(limit: Int = 3) throws -> (count: Int, first: [String]) {
        var count = 0
        var first: [String] = []
        for row in cases {
            if let complaint = try check(row) {
                count += 1
                if first.count < limit { first.append("\(name): \(complaint)") }
            }
        }
        return (count, first)
    }

    private func check(_ row: JSON) throws -> String? {
        guard let text = row["text"]?.string, let expected = row["ids"]?.array?.compactMap(\.int)
        else { return "the case has no text or ids" }
        let shown = JSON.string(text).text()
        let ids = tokenizer.encode(
            text,
            addSpecialTokens: !isSentencePiece,
            parseSpecial: !isSentencePiece
        )
        guard ids.map(Int.init) == expected else {
            return "\(shown) gave \(ids), expected \(expected)"
        }
        if let expected = row["offsets"]?.array {
            let encoded = tokenizer.encodeWithOffsets(text)
            let ranges = Tokenizer.scalarRanges(encoded.map(\.range), in: text)
            guard encoded.map(\.id) == ids else { return "\(shown): ids differ with offsets" }
            for (index, range) in ranges.enumerated() {
                let pair = expected[index].array?.compactMap(\.int) ?? []
                if [range.lowerBound, range.upperBound] != pair {
                    return "\(shown): token \(index) at \(range), expected \(pair)"
                }
            }
        }
        for (key, skips) in [("decoded", false), ("skipped", true)] {
            guard let expected = row[key]?.string else { continue }
            let decoded = try tokenizer.decode(ids, skipSpecialTokens: skips)
            if Array(decoded.utf8) != Array(expected.utf8) {
                return "\(key) \(ids) gave \(JSON.string(decoded).text()),"
                    + " expected \(JSON.string(expected).text())"
            }
            var stream = TokenStream(tokenizer, skipSpecialTokens: skips)
            let parts = ids.map { stream.append($0) } + [stream.finish()]
            if Array(parts.joined().utf8) != Array(decoded.utf8) {
                return "the stream of \(ids) gave \(JSON.string(parts.joined()).text())"
            }
        }
        return nil
    }
}
