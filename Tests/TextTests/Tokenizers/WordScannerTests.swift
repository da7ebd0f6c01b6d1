import SkeinCore
import SkeinTestSupport
import SkeinText
import Testing

/// The hand-written scanners against PCRE2 with the patterns they stand for.
@Suite struct WordScannerTests {
    @Test(arguments: ["gpt2", "llama3", "qwen2"])
    func `scanners cut where the pattern cuts`(_ name: String) throws {
        var random = SplitMix64(seed: 11)
        let pieces = [
            " ", "  ", "\n", "\r\n", "\t", "\u{a0}", "\u{3000}", "\u{85}", "\u{180e}", "'s", "'LL",
            "'\u{17f}", "'re", "'", "don't", "1234", "٣", "½", "ab", "É", "中", "\u{301}", "!", "?!",
            "🙂", "👨‍👩‍👧", "_", "\u{10d41}", "\u{1c89}", "ǅ", "\u{1c}", "\0",
        ]
        var lengths: Set<Int> = []
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                if Bool.random(using: &random), let piece = pieces.randomElement(using: &random) {
                    text += piece
                } else if let scalar = UnicodeScalar(
                    UInt32.random(in: 0..<0x110000, using: &random)
                ) {
                    text.unicodeScalars.append(scalar)
                }
            }
            let (scanned, matched) = try PatternComparison.cuts(name, Array(text.utf8))
            lengths.insert(scanned.count)
            #expect(scanned == matched, "\(JSON.string(text).text())")
        }
        #expect(lengths.count > 5)
    }
}
