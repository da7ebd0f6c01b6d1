import SkeinCore
import SkeinDecoding
import SkeinTestSupport
import Testing

@Suite struct GrammarSchemaTests {
    @Test func `texts are accepted exactly where jsonschema accepts them`() throws {
        let records = try Grammars.records()
        #expect(records.count >= 160)
        var counts = (valid: 0, invalid: 0)
        for record in records {
            let name = Comment(rawValue: record.schema.text())
            do {
                let grammar = try Grammars.compile(Grammar(jsonSchema: record.schema))
                for (text, isValid) in record.cases {
                    let found = Grammars.accepts(grammar, text)
                    #expect(found == isValid, "\(text) in \(record.schema.text())")
                    if isValid { counts.valid += 1 } else { counts.invalid += 1 }
                }
            } catch let error as SkeinError {
                // Only what nothing satisfies is refused.
                #expect(error.message == "no text matches the grammar", name)
                #expect(record.cases.allSatisfy { !$0.isValid }, name)
            }
        }
        #expect(counts.valid > 300 && counts.invalid > 300)
    }

    @Test(arguments: [
        (#"{"type":"object","properties":{"a":{"not":{}}}}"#, ["#/properties/a", "not"]),
        (#"{"type":"array","uniqueItems":true}"#, ["uniqueItems"]),
        (#"{"type":"integer","multipleOf":3}"#, ["multipleOf", "3"]),
        (##"{"$ref":"#/$defs/x"}"##, ["#/$defs/x"]),
        (##"{"$ref":"http://a/b"}"##, ["http://a/b"]),
        (#"{"type":"string","pattern":"(?=a)b"}"#, ["#/pattern", "look-around"]),
        (#"{"type":"string","pattern":"a","maxLength":3}"#, ["pattern"]),
        (#"{"type":"strange"}"#, ["#/type", "strange"]),
        (#"{"items":7}"#, ["#/items", "7"]),
        (#"{"type":"object","patternProperties":{}}"#, ["patternProperties"]),
        (#"{"type":"string","maxLength":1000000}"#, ["#/maxLength", "1000000"]),
    ])
    func `what cannot be honoured is named`(schema: String, words: [String]) throws {
        let schema = try JSON(parsing: Array(schema.utf8))
        let message = Grammars.message { _ = try Grammar(jsonSchema: schema) } ?? ""
        for word in words { #expect(message.contains(word), "\(message)") }
    }

    @Test func `strict closes objects and refuses unknown keywords`() throws {
        let open = try JSON(parsing: Array(#"{"type":"object","properties":{"a":true}}"#.utf8))
        let closed = try Grammars.compile(Grammar(jsonSchema: open, strict: true))
        #expect(Grammars.accepts(closed, #"{"a":1}"#))
        #expect(!Grammars.accepts(closed, #"{"b":1}"#))
        let odd = try JSON(parsing: Array(#"{"type":"string","colour":"red"}"#.utf8))
        #expect(Grammars.message { _ = try Grammar(jsonSchema: odd, strict: true) } != nil)
        #expect(Grammars.message { _ = try Grammar(jsonSchema: odd) } == nil)
    }

    @Test(arguments: [
        ("date-time", "2024-02-29T23:59:59.5Z", "2024-02-29 23:59:59Z"),
        ("time", "10:00:00+01:00", "24:00:00Z"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000"),
        ("email", "a.b+c@example.org", "a..b@example.org"),
        ("ipv4", "255.0.10.1", "256.0.0.1"),
        ("hostname", "a-b.example", "-a.example"),
    ])
    func `formats are enforced`(format: String, good: String, bad: String) throws {
        let schema = try JSON(
            parsing: Array(#"{"type":"string","format":"\#(format)"}"#.utf8)
        )
        let grammar = try Grammars.compile(Grammar(jsonSchema: schema))
        #expect(Grammars.accepts(grammar, "\"\(good)\""))
        #expect(!Grammars.accepts(grammar, "\"\(bad)\""))
    }

    @Test func `integers between bounds are exact`() throws {
        for (low, high) in [(-12, 7), (0, 0), (99, 1001), (-1000, -5), (-3, 120), (5, 5)] {
            let schema = try JSON(
                parsing: Array(#"{"type":"integer","minimum":\#(low),"maximum":\#(high)}"#.utf8)
            )
            let grammar = try Grammars.compile(Grammar(jsonSchema: schema))
            for value in -1100...1100 {
                #expect(
                    Grammars.accepts(grammar, "\(value)") == (low...high).contains(value),
                    "\(value) in \(low)...\(high)"
                )
            }
        }
    }

    @Test func `decimals between bounds are exact`() throws {
        for (low, high) in [("-1.25", "0.5"), ("0.05", "0.1"), ("1.5", "12.75"), ("-2", "-0.125")] {
            for isOpen in [false, true] {
                let (least, most) =
                    isOpen
                    ? ("exclusiveMinimum", "exclusiveMaximum") : ("minimum", "maximum")
                let text = #"{"type":"number","\#(least)":\#(low),"\#(most)":\#(high)}"#
                let grammar = try Grammars.compile(
                    Grammar(jsonSchema: JSON(parsing: Array(text.utf8)))
                )
                let (a, b) = (try #require(Double(low)), try #require(Double(high)))
                for step in -3000...14000 {
                    let value = Double(step) / 1000
                    let isInside = isOpen ? value > a && value < b : value >= a && value <= b
                    #expect(Grammars.accepts(grammar, "\(value)") == isInside, "\(value) \(text)")
                }
            }
        }
    }

    @Test func `JSON mode is any object, with bounded white space`() throws {
        let grammar = try Grammars.compile(.jsonObject())
        let good = [
            "{}", "{ }", #"{"a": [1, -2.5e+10, true, null, {"b": "\ud83d\ude00 \n"}]}"#,
            "{\n  \"a\": {\n    \"b\": []\n  }\n}",
        ]
        for text in good { #expect(Grammars.accepts(grammar, text), "\(text)") }
        let bad = [
            "", "[]", " {}", "{} ", "{\"a\"}", "{\"a\":1,}", "{\"a\":01}", "{\"a\":\"\\ud83d\"}",
            "{\"a\":\"\n\"}", "{\"a\":   1}", "{\"a\":1\n\n}",
        ]
        for text in bad { #expect(!Grammars.accepts(grammar, text), "\(text)") }
        let deep = String(repeating: "{\"a\":", count: 400)
        #expect(!Grammars.accepts(grammar, deep))
    }

    @Test func `absurd schemas end quickly in an error`() throws {
        let texts = [
            #"{"type":"string","pattern":"(a|b)*a(a|b){40}"}"#,
            #"{"type":"string","pattern":"(((a|b{9000}){9000}c{9000}|a){9000}){99999}"}"#,
            #"{"type":"array","minItems":90000,"items":{"type":"string","minLength":90000}}"#,
            ##"{"anyOf":[{"$ref":"#"}]}"##,
            ##"{"allOf":[{"$ref":"#"}]}"##,
            ##"{"$ref":"#"}"##,
            String(repeating: #"{"items":"#, count: 100) + "{}"
                + String(repeating: "}", count: 100),
        ]
        for text in texts {
            let schema = try JSON(parsing: Array(text.utf8))
            let message = Grammars.message {
                _ = try Grammars.compile(Grammar(jsonSchema: schema))
            }
            #expect(message != nil, "\(text)")
        }
    }
}
