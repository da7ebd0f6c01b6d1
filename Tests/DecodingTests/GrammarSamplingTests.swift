import SkeinCore
import SkeinDecoding
import SkeinTestSupport
import Testing

@Suite struct GrammarSamplingTests {
    private static func grammar(_ regex: String) throws -> CompiledGrammar {
        let tokens = ["a", "b", "ab", "c", ""].map { Array($0.utf8) }
        return try CompiledGrammar(
            Grammar(regex: regex),
            vocabulary: TokenVocabulary(tokens: tokens)
        )
    }

    @Test func `a constrained rule takes only what the grammar allows`() throws {
        var parameters = SamplingParameters.greedy
        parameters.stopTokens = [4]
        parameters.minTokens = 9
        var rule = SamplingRule(parameters, grammar: try Self.grammar("ab"))
        #expect(!rule.takesBest)
        let logits: [Float] = [0, 5, -1, 9, 7]
        #expect(rule.choose(logits.span, position: 0) == 0)
        rule.advance(0)
        #expect(rule.choose(logits.span, position: 1) == 1)
        #expect(!rule.isFinished)
        rule.advance(1)
        #expect(rule.isFinished)
        #expect(rule.choose(logits.span, position: 2) == 4)
        let dead: [Float] = [0, 0, 0, 0, -.infinity]
        #expect(rule.choose(dead.span, position: 2) == 4)
    }

    @Test func `a path outside the grammar has no next token`() throws {
        var rule = SamplingRule(.greedy, grammar: try Self.grammar("ab"))
        rule.advance(3)
        let logits: [Float] = [0, 5, -1, 9, 7]
        #expect(rule.choose(logits.span, position: 1) == nil)
        #expect(!rule.isFinished)
    }

    @Test func `stop tokens come only where the text is whole`() throws {
        var parameters = SamplingParameters()
        parameters.stopTokens = [4]
        let grammar = try Self.grammar("a(bc)*")
        let logits: [Float] = [0, 0, 0, 0, 3]
        for seed in 0..<50 {
            parameters.seed = UInt64(seed)
            var rule = SamplingRule(parameters, grammar: grammar)
            var text: [UInt8] = []
            var position: Int32 = 0
            while let token = rule.choose(logits.span, position: position), token != 4 {
                text += grammar.vocabulary.tokens[Int(token)]
                rule.advance(token)
                position += 1
            }
            #expect(Grammars.accepts(grammar, String(decoding: text, as: UTF8.self)))
        }
    }
}
