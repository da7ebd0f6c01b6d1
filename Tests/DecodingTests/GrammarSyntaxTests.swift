import Foundation
import SkeinCore
import SkeinDecoding
import SkeinTestSupport
import Testing

@Suite struct GrammarSyntaxTests {
    @Test(arguments: [
        ("root ::= \"yes\" | \"no\"", ["yes", "no"], ["", "ye", "yesno"]),
        (
            "# sums\nroot ::= term (op term)*\nterm ::= [0-9]+ | \"(\" root \")\"\nop ::= [-+*/]",
            ["1", "1+2", "(1+2)*34"], ["1+", "()", "1 + 2"]
        ),
        (
            "root ::=\n  \"a\"{2,3} |\n  [^a-z\\n] .? \n", ["aa", "aaa", "Z", "é", "Zé"],
            ["a", "aaaa", "z", "\n"]
        ),
        ("root ::= (\"\\x41\" \"\\u00e9\")+ ws\nws ::= \" \" ws |", ["Aé", "AéAé  "], ["A", "é"]),
        ("root ::= [\\]\\-\\\\]{2}", ["]-", "\\\\"], ["]", "ab"]),
    ])
    func `GBNF reads as llama.cpp's`(text: String, good: [String], bad: [String]) throws {
        let grammar = try Grammars.compile(Grammar(ebnf: text))
        for text in good { #expect(Grammars.accepts(grammar, text), "\(text)") }
        for text in bad { #expect(!Grammars.accepts(grammar, text), "\(text)") }
    }

    @Test(arguments: [
        ("start ::= \"a\"", "root"), ("root ::= other", "other"), ("root = \"a\"", "::="),
        ("root ::= \"a", "quote"), ("root ::= (\"a\"", ")"),
        ("root ::= \"a\"\nroot ::= \"b\"", "twice"),
        ("root ::= \"a\"{3,1}", "3 to 1"), ("root ::= root \"a\" | \"a\"", "left recursion"),
        ("root ::= x \"a\"\nx ::= \"\" y\ny ::= root | \"b\"", "left recursion"),
        ("root ::= \"a\" root", "no text"), ("root ::= \"\\q\"", "backslash"),
    ])
    func `wrong GBNF is named`(text: String, word: String) {
        let message = Grammars.message { _ = try Grammars.compile(Grammar(ebnf: text)) } ?? ""
        #expect(message.contains(word), "\(message)")
    }

    @Test(arguments: [
        ("[a-c]+\\d{2}", ["a12", "cab00"], ["12", "a1", "d12"]),
        ("^(?:foo|b[^x]r)?$", ["", "foo", "bar", "bér"], ["bxr", "f"]),
        ("\\w+@\\w+\\.(?<tld>com|org)", ["a@b.com"], ["a@bcom", "@b.org"]),
        ("a.c|\\u0041\\x42", ["abc", "AB", "a😀c"], ["a\nc", "AC"]),
        ("\\$\\^[\\]a-]*?", ["$^", "$^]-a"], ["$", "$^b"]),
    ])
    func `regular expressions match whole texts`(
        pattern: String,
        good: [String],
        bad: [String]
    ) throws {
        let grammar = try Grammars.compile(Grammar(regex: pattern))
        for text in good { #expect(Grammars.accepts(grammar, text), "\(text)") }
        for text in bad { #expect(!Grammars.accepts(grammar, text), "\(text)") }
    }

    @Test(arguments: [
        ("(a", "')'"), ("a)", "')'"), ("[a", "']'"), ("*", "quantifier"), ("a**", "quantifier"),
        ("a{2,1}", "reversed"), ("\\b", "escape"), ("\\1", "escape"), ("(?!a)", "look-around"),
        ("a^b", "anchor"), ("[b-a]", "reversed"), ("a{99999}", "65536"), ("\\", "end"),
    ])
    func `wrong expressions are named`(pattern: String, word: String) {
        let message = Grammars.message { _ = try Grammar(regex: pattern) } ?? ""
        #expect(message.contains(word), "\(message)")
    }

    @Test func `mutated schemas, grammars and expressions never crash`() throws {
        let iterations =
            ProcessInfo.processInfo.environment["SKEIN_FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 1500
        let sources = [
            #"{"type":"object","properties":{"a":{"type":"string","pattern":"^a{2,3}[b-d]$"}},"#
                + ##""required":["a"],"additionalProperties":{"$ref":"#"},"anyOf":[{"minItems":2}]}"##,
            #"{"type":["integer","null"],"minimum":-12.5,"enum":[1,2],"allOf":[{"maximum":77}]}"#,
            "root ::= term (op term)* # x\nterm ::= [0-9]{1,3} | \"(\" root \")\"\nop ::= [^a-b] .",
            "^(?:a|b[^c-d]{2,5})*\\d+(x|\\u00e9)?$",
        ]
        let vocabulary = Grammars.vocabulary(seed: 4, count: 300)
        var random = SplitMix64(seed: 99)
        var outcomes = (made: 0, refused: 0)
        for _ in 0..<iterations {
            let source = sources[Int(random.next() % UInt64(sources.count))]
            var bytes = Array(source.utf8)
            for _ in 0...(random.next() % 3) {
                let place = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 3 {
                case 0: bytes[place] = UInt8(32 + random.next() % 95)
                case 1: bytes.remove(at: place)
                default: bytes.insert(bytes[Int(random.next() % UInt64(bytes.count))], at: place)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            do {
                let grammar =
                    if source.hasPrefix("{") {
                        try Grammar(jsonSchema: JSON(parsing: bytes))
                    } else if source.hasPrefix("root") {
                        try Grammar(ebnf: text)
                    } else {
                        try Grammar(regex: text)
                    }
                let compiled = try CompiledGrammar(grammar, vocabulary: vocabulary)
                var state = GrammarState(compiled)
                var first: Int32?
                for token in 0..<Int32(256) where first == nil && state.allows(token) {
                    first = token
                }
                let isAlive = first.map { state.advance($0) } ?? state.isComplete
                #expect(isAlive)
                outcomes.made += 1
            } catch is SkeinError {
                outcomes.refused += 1
            }
        }
        #expect(outcomes.made > 0 && outcomes.refused > 0)
    }
}
