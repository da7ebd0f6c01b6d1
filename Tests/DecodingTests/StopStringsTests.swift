import SkeinDecoding
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct StopStringsTests {
    static func run(_ stops: [String], _ pieces: [String]) -> (text: String, stopped: Bool) {
        var matcher = StopStrings(stops)
        var text = ""
        for piece in pieces { text += matcher.append(piece).emit }
        text += matcher.finish()
        return (text, matcher.isStopped)
    }

    @Test func `holds back a possible beginning and cuts at the match`() {
        var matcher = StopStrings(["\n\nUser:", "END"])
        #expect(matcher.append("Hello\n") == ("Hello", false))
        #expect(matcher.append("\nUse") == ("", false))
        #expect(matcher.append(" it E") == ("\n\nUse it ", false))
        #expect(matcher.append("NEND tail") == ("EN", true))
        #expect(matcher.append("more") == ("", true))
        #expect(matcher.finish() == "")
    }

    @Test func `releases what was held when the text ends`() {
        #expect(Self.run(["stop"], ["do not sto"]) == ("do not sto", false))
        #expect(Self.run([], ["a", "b"]) == ("ab", false))
        #expect(Self.run([""], ["ab"]) == ("ab", false))
    }

    @Test func `compares bytes, not canonical equivalents`() {
        #expect(Self.run(["e\u{301}"], ["caf\u{e9}"]) == ("caf\u{e9}", false))
        #expect(Self.run(["\u{e9}"], ["caf\u{e9}!"]) == ("caf", true))
    }

    @Test func `the result does not depend on the pieces`() {
        var random = SplitMix64(seed: 11)
        let letters = ["a", "b", "é", "😀"]
        func word(_ range: ClosedRange<Int>) -> String {
            (0..<Int.random(in: range, using: &random))
                .map { _ in letters[Int.random(in: 0..<4, using: &random)] }.joined()
        }
        var stopped = 0
        for _ in 0..<3000 {
            let stops = (0..<3).map { _ in word(1...4) }
            let text = word(0...30)
            let scalars = text.unicodeScalars.map { String($0) }
            let whole = Self.run(stops, [text])
            #expect(Self.run(stops, scalars) == whole)
            // Oracle: the shortest prefix that ends with a stop string, less the longest such string.
            var expected = (text: text, stopped: false)
            search: for end in 0...scalars.count {
                let prefix = scalars[..<end].joined()
                let hits = stops.filter { prefix.hasSuffix($0) }.map(\.unicodeScalars.count)
                guard let longest = hits.max() else { continue }
                expected = (scalars[..<(end - longest)].joined(), true)
                break search
            }
            #expect(whole == expected)
            if whole.stopped { stopped += 1 }
        }
        #expect(stopped > 1000 && stopped < 3000)
    }
}
