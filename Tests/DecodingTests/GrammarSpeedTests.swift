import Foundation
import SkeinCore
import SkeinDecoding
import SkeinTestSupport
import Testing

/// Figures for a vocabulary of usual size; `SKEIN_BENCHMARK=1` prints and bounds them.
@Suite struct GrammarSpeedTests {
    static let isOn = ProcessInfo.processInfo.environment["SKEIN_BENCHMARK"] == "1"

    private static func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let time = try ContinuousClock().measure(body)
        return Double(time.components.attoseconds) / 1e15 + Double(time.components.seconds) * 1e3
    }

    @Test(.enabled(if: isOn)) func `masks of 128,000 tokens`() throws {
        var random = SplitMix64(seed: 1)
        let letters = Array("etaoin shrdlucmfwypvbgkqjxzETAOIN0123456789.,\"{}[]:\n\\-_()é".utf8)
        var tokens = (0..<256).map { [UInt8($0)] }
        while tokens.count < 128_000 {
            let length = 2 + Int(random.next() % 8)
            tokens.append(
                (0..<length).map { _ in
                    let (a, b) = (random.next(), random.next())
                    return letters[Int(min(a, b) % UInt64(letters.count))]
                }
            )
        }
        var vocabulary = TokenVocabulary(tokens: [])
        let trie = Self.milliseconds { vocabulary = TokenVocabulary(tokens: tokens) }
        let schema = try JSON(
            parsing: Array(
                (#"{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","#
                    + #""minimum":0,"maximum":150},"tags":{"type":"array","items":{"enum":["a","b"]}},"#
                    + #""note":{"type":"string","maxLength":200}},"required":["name","age"]}"#).utf8
            )
        )
        var made: CompiledGrammar?
        let compile = try Self.milliseconds {
            made = try CompiledGrammar(Grammar(jsonSchema: schema), vocabulary: vocabulary)
        }
        var state = GrammarState(try #require(made))
        let isInString = state.advance(bytes: Array("{\"name\": \"a".utf8))
        #expect(isInString)
        let first = Self.milliseconds { _ = state.allows(0) }
        var logits = [Float](repeating: 0, count: tokens.count)
        let rounds = 1000
        let cached = Self.milliseconds {
            for _ in 0..<rounds { _ = state.allows(0) }
        }
        let applied = Self.milliseconds {
            for _ in 0..<rounds { state.apply(to: &logits, endTokens: []) }
        }
        let isSecond = state.advance(bytes: Array("\", \"age\": 3, \"note\": \"".utf8))
        #expect(isSecond)
        let counted = Self.milliseconds { _ = state.allows(0) }
        print("trie \(trie) ms, compile \(compile) ms, first mask in a string \(first) ms")
        print("first mask of a counted string \(counted) ms")
        print("cached mask \(cached) us, applied to logits \(applied) us")
        #expect(compile < 100)
        #expect(cached < 50)
    }
}
