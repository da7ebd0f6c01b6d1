import SkeinCore
import SkeinDecoding
import SkeinTestSupport
import Testing

@Suite struct GrammarStateTests {
    /// Walks uniformly over allowed tokens, towards the end after a while.
    private static func walk(
        _ grammar: CompiledGrammar,
        _ random: inout SplitMix64,
        steps: Int
    ) -> [UInt8]? {
        var state = GrammarState(grammar)
        var text: [UInt8] = []
        for step in 0..<4000 {
            if state.isFinished { return text }
            if state.isComplete && random.next() % 4 == 0 { return text }
            var allowed = Set(grammar.vocabulary.tokens.indices.map { Int32($0) })
            state.forEachForbidden { allowed.remove($0) }
            let sorted = allowed.sorted()
            guard !sorted.isEmpty else { return nil }
            var token = sorted[Int(random.next() % UInt64(sorted.count))]
            if step > steps {
                if state.isComplete { return text }
                var best = Int.max
                for candidate in sorted {
                    var next = state
                    guard next.advance(candidate) else { return nil }
                    if next.remainingBytes < best {
                        (best, token) = (next.remainingBytes, candidate)
                    }
                }
            }
            guard state.advance(token) else { return nil }
            text += grammar.vocabulary.tokens[Int(token)]
        }
        return nil
    }

    @Test func `random walks end in texts that satisfy their schema`() throws {
        let vocabulary = Grammars.vocabulary(seed: 3)
        var random = SplitMix64(seed: 11)
        var walks = 0
        for record in try Grammars.records() {
            guard
                let grammar = try? CompiledGrammar(
                    Grammar(jsonSchema: record.schema),
                    vocabulary: vocabulary
                )
            else { continue }
            let validator = SchemaValidator(document: record.schema)
            for _ in 0..<3 {
                let text = try #require(Self.walk(grammar, &random, steps: 30))
                let shown = "\(String(decoding: text, as: UTF8.self)) in \(record.schema.text())"
                let value = try? JSON(parsing: text)
                #expect(value.map { validator.accepts($0, record.schema) } == true, "\(shown)")
                walks += 1
            }
        }
        #expect(walks > 400)
    }

    @Test func `every tokenisation of an accepted text is accepted`() throws {
        let vocabulary = Grammars.vocabulary(seed: 5)
        var ids: [[UInt8]: Int32] = [:]
        for (id, token) in vocabulary.tokens.enumerated() where !token.isEmpty {
            ids[token] = Int32(id)
        }
        var random = SplitMix64(seed: 2)
        for record in try Grammars.records() {
            guard let valid = record.cases.first(where: \.isValid) else { continue }
            let grammar = try CompiledGrammar(
                Grammar(jsonSchema: record.schema),
                vocabulary: vocabulary
            )
            let bytes = Array(valid.text.utf8)
            for _ in 0..<4 {
                var state = GrammarState(grammar)
                var at = 0
                while at < bytes.count {
                    let lengths = (1...6).filter {
                        at + $0 <= bytes.count && ids[Array(bytes[at..<at + $0])] != nil
                    }
                    let length = lengths[Int(random.next() % UInt64(lengths.count))]
                    let token = try #require(ids[Array(bytes[at..<at + length])])
                    #expect(state.allows(token))
                    let moved1 = state.advance(token)
                    #expect(moved1)
                    at += length
                }
                #expect(state.isComplete)
            }
        }
    }

    @Test func `masks equal advancing each token on a copy`() throws {
        let vocabulary = Grammars.vocabulary(seed: 8)
        var random = SplitMix64(seed: 21)
        var grammars = try Grammars.records().prefix(40).compactMap {
            try? Grammar(jsonSchema: $0.schema)
        }
        grammars.append(.jsonObject())
        grammars.append(try Grammar(ebnf: #"root ::= "a" root "b" | "a" root "c" | [a-z ]{0,3}"#))
        grammars.append(try Grammar(ebnf: #"root ::= ("a" root)* ("e" | "(" root ")" root)?"#))
        var states = 0
        for grammar in grammars {
            guard let grammar = try? CompiledGrammar(grammar, vocabulary: vocabulary) else {
                continue
            }
            var state = GrammarState(grammar)
            for _ in 0..<12 {
                var allowed: [Int32] = []
                for token in vocabulary.tokens.indices.map({ Int32($0) }) {
                    var copy = state
                    let isAllowed = copy.advance(token)
                    #expect(state.allows(token) == isAllowed)
                    if isAllowed { allowed.append(token) }
                }
                states += 1
                guard !allowed.isEmpty else { break }
                _ = state.advance(allowed[Int(random.next() % UInt64(allowed.count))])
            }
        }
        #expect(states > 200)
    }

    @Test func `many nested calls stay within the depth and still end`() throws {
        let grammar = try Grammars.compile(Grammar(ebnf: #"root ::= "(" root ")" | "x""#))
        var state = GrammarState(grammar)
        var depth = 0
        while state.advance(bytes: Array("(".utf8)) { depth += 1 }
        #expect((50...200).contains(depth))
        let moved2 = state.advance(bytes: Array("x".utf8))
        #expect(moved2)
        for _ in 0..<depth {
            let isClosed = state.advance(bytes: Array(")".utf8))
            #expect(isClosed)
        }
        #expect(state.isFinished)
    }

    @Test func `forced bytes are those without a choice`() throws {
        let text = #"{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}"#
        let grammar = try Grammars.compile(
            .sequence([
                Grammar(literal: "<tool_call>"),
                Grammar(jsonSchema: JSON(parsing: Array(text.utf8)), strict: true),
                Grammar(choices: ["</tool_call>"]),
            ])
        )
        var state = GrammarState(grammar)
        #expect(state.forced == Array("<tool_call>{".utf8))
        let moved3 = state.advance(bytes: Array("<tool_call>{\"".utf8))
        #expect(moved3)
        #expect(state.forced == Array("name\":".utf8))
        let moved4 = state.advance(bytes: Array("name\":\"\"}".utf8))
        #expect(moved4)
        #expect(state.forced == Array("</tool_call>".utf8))
        #expect(!state.isComplete)
        let moved5 = state.advance(bytes: state.forced)
        #expect(moved5)
        #expect(state.isFinished && state.forced.isEmpty)
    }

    @Test func `logits of forbidden tokens become negative infinity`() throws {
        let vocabulary = TokenVocabulary(tokens: ["a", "b", "ab", "c", ""].map { Array($0.utf8) })
        let grammar = try CompiledGrammar(Grammar(regex: "a(bc?)?"), vocabulary: vocabulary)
        var state = GrammarState(grammar)
        var logits = [Float](repeating: 1, count: 7)
        state.apply(to: &logits, endTokens: [4])
        #expect(logits == [1, -.infinity, 1] + [Float](repeating: -.infinity, count: 4))
        let moved6 = state.advance(0)
        #expect(moved6)
        logits = [Float](repeating: 1, count: 7)
        state.apply(to: &logits, endTokens: [4])
        #expect(logits[4] == 1 && logits[1] == 1 && logits[0] == -.infinity)
        for token: Int32 in [0, 4, -1, 9] {
            let isAllowed = state.advance(token)
            #expect(!isAllowed)
        }
    }
}
