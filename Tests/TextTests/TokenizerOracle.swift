import Foundation
import SkeinCore
import SkeinText

/// Cases that a reference library answered, and how a tokenizer fares on them.
struct TokenizerOracle {
    /// Where one kind's answers differ.
    struct Outcome {
        var cases = 0
        var ids = 0
        var offsets = 0
        var decoded = 0
        var streamed = 0
        var first = ""

        /// Whether every answer agrees.
        var isExact: Bool { cases > 0 && ids + offsets + decoded + streamed == 0 }
    }

    /// Runs every case of a folder that holds a tokenizer and `cases.jsonl`.
    static func run(_ folder: URL) throws -> Outcome {
        let tokenizer = try Tokenizer(contentsOf: folder.path)
        let lines = try Data(contentsOf: folder.appending(path: "cases.jsonl"))
        var outcome = Outcome()
        for line in lines.split(separator: 0x0a) {
            let entry = try JSON(parsing: Array(line))
            guard let text = entry["text"]?.string else { continue }
            let expected = (entry["ids"]?.array ?? []).compactMap(\.int).map(Int32.init)
            outcome.cases += 1
            let ids = tokenizer.encode(text, addSpecialTokens: false)
            if ids != expected {
                outcome.ids += 1
                outcome.note("ids", text, "\(ids)", "\(expected)")
                continue
            }
            if let pairs = entry["offsets"]?.array {
                let wanted = pairs.map { $0.array?.compactMap(\.int) ?? [] }
                let ranges = tokenizer.encodeWithOffsets(text, addSpecialTokens: false)
                let found = Tokenizer.scalarRanges(ranges.map(\.range), in: text)
                    .map { [$0.lowerBound, $0.upperBound] }
                if found != wanted || ranges.map(\.id) != expected {
                    outcome.offsets += 1
                    outcome.note("offsets", text, "\(found)", "\(wanted)")
                }
            }
            let whole = tokenizer.decode(expected, skipSpecialTokens: false)
            if !whole.utf8.elementsEqual((entry["decoded"]?.string ?? "").utf8) {
                outcome.decoded += 1
                outcome.note("decoded", text, whole, entry["decoded"]?.string ?? "")
            }
            var stream = TokenStream(tokenizer, skipSpecialTokens: false)
            let joined = expected.map { stream.append($0) }.joined() + stream.finish()
            if !joined.utf8.elementsEqual(whole.utf8) {
                outcome.streamed += 1
                outcome.note("streamed", text, joined, whole)
            }
        }
        return outcome
    }
}

extension TokenizerOracle.Outcome {
    fileprivate mutating func note(_ what: String, _ text: String, _ a: String, _ b: String) {
        if first.count > 2000 { return }
        first += "\(what) of \(text.debugDescription): found \(a.debugDescription),"
        first += " expected \(b.debugDescription)\n"
    }
}
