import Foundation
import SkeinDecoding
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct PromptLookupTests {
    /// What follows the earlier place that agrees with the end for longest, by looking everywhere.
    static func reference(_ path: [Int32], _ count: Int) -> [Int32] {
        var best: (length: Int, place: Int)?
        for place in stride(from: path.count - 2, through: 1, by: -1) {
            var length = 0
            while length < 16, length <= place,
                path[place - length] == path[path.count - 1 - length]
            {
                length += 1
            }
            if length >= 2, length > best?.length ?? 0 { best = (length, place) }
        }
        guard let best else { return [] }
        var text = path
        for step in 1...count { text.append(text[best.place + step]) }
        return Array(text[path.count...])
    }

    @Test(arguments: [2, 3, 7])
    func `a guess follows the longest agreement, the latest of equals`(_ letters: Int32) {
        var random = SplitMix64(seed: UInt64(letters))
        var lookup = PromptLookup([] as [Int32])
        var path: [Int32] = []
        var guessed = 0
        // Short, so that no pair stands at more places than are compared.
        for _ in 0..<(letters == 2 ? 60 : 120) {
            let token = Int32.random(in: 0..<letters, using: &random)
            path.append(token)
            lookup.advance(token)
            #expect(lookup.guess(5) == Self.reference(path, 5), "\(path)")
            guessed += lookup.guess(5).isEmpty ? 0 : 1
        }
        #expect(guessed > 40)
        #expect(PromptLookup(path).guess(9) == lookup.guess(9))
    }

    @Test func `a repeating text is guessed beyond its end`() {
        let lookup = PromptLookup([1, 2, 3, 1, 2, 3, 1, 2] as [Int32])
        #expect(lookup.guess(7) == [3, 1, 2, 3, 1, 2, 3])
        #expect(lookup.guess(0) == [])
        #expect(PromptLookup([4, 5, 6] as [Int32]).guess(3) == [])
        #expect(PromptLookup([4] as [Int32]).guess(3) == [])
    }

    @Test func `guesses that fail are run no more, until they would have been right`() {
        var lookup = PromptLookup([] as [Int32])
        #expect(lookup.reach > 0)
        for _ in 0..<10 { lookup.judge(false) }
        #expect(lookup.reach == 0)
        for _ in 0..<10 { lookup.judge(true) }
        #expect(lookup.reach > 1)
        for _ in 0..<100 { lookup.judge(true) }
        #expect(lookup.reach > 64)
    }
}
