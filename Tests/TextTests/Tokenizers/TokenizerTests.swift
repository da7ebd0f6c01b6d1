import SkeinCore
import SkeinTestSupport
import SkeinText
import Testing

/// Rules that no outside reference is needed for, and each kind of bad input.
@Suite struct TokenizerTests {
    private static func json(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8)) }

    /// A byte-level tokenizer over single bytes, cut by `pattern`.
    private static func bytes(cutBy pattern: String) throws -> Tokenizer {
        var vocab = JSONObject()
        var next = 256
        for byte in 0..<256 {
            let isPlain = (0x21...0x7e).contains(byte) || byte >= 0xa1 && byte != 0xad
            let value = isPlain ? byte : next
            if !isPlain { next += 1 }
            vocab[String(UnicodeScalar(UInt32(value)) ?? "?")] = .int(byte)
        }
        var split = JSONObject()
        split["type"] = .string("Split")
        var regex = JSONObject()
        regex["Regex"] = .string(pattern)
        split["pattern"] = .object(regex)
        split["behavior"] = .string("Isolated")
        split["invert"] = .bool(false)
        let root = try json(
            #"{"model":{"type":"BPE","merges":[]},"pre_tokenizer":{"type":"Sequence","#
                + #""pretokenizers":[{"type":"ByteLevel","add_prefix_space":false,"#
                + #""use_regex":false}]},"decoder":{"type":"ByteLevel"}}"#
        )
        guard var object = root.object, var model = object["model"]?.object else {
            return try .init(json: root)
        }
        model["vocab"] = .object(vocab)
        // ignore_merges makes a piece that is one of these words show where the cuts are.
        object["model"] = .object(model)
        var steps = object["pre_tokenizer"]?["pretokenizers"]?.array ?? []
        steps.insert(.object(split), at: 0)
        var sequence = JSONObject()
        sequence["type"] = .string("Sequence")
        sequence["pretokenizers"] = .array(steps)
        object["pre_tokenizer"] = .object(sequence)
        return try Tokenizer(json: .object(object))
    }

    @Test func `every byte string that is text comes back`() throws {
        let tokenizer = try Self.bytes(cutBy: #"\s+"#)
        var random = SplitMix64(seed: 5)
        for _ in 0..<500 {
            let scalars = (0..<20).compactMap { _ in
                UnicodeScalar(UInt32.random(in: 0..<0x110000, using: &random))
            }
            let text = String(String.UnicodeScalarView(scalars))
            let ids = tokenizer.encode(text)
            #expect(ids.count == text.utf8.count)
            #expect(Array(try tokenizer.decode(ids).utf8) == Array(text.utf8))
        }
    }

    @Test func `a long word costs no more than its length times a logarithm`() throws {
        let tokenizer = try Tokenizer(
            json: Self.json(
                #"{"model":{"type":"BPE","vocab":{"a":0,"aa":1,"aaaa":2,"aaaaaaaa":3},"#
                    + #""merges":["a a","aa aa","aaaa aaaa"]}}"#
            )
        )
        let text = String(repeating: "a", count: 1 << 20)
        let start = ContinuousClock().now
        #expect(tokenizer.encode(text) == [Int32](repeating: 3, count: 1 << 17))
        #expect(ContinuousClock().now - start < .seconds(20))
    }

    @Test(arguments: [
        ("[]", "tokenizer.json: expected an object"),
        ("{}", "tokenizer.json.model: missing"),
        (#"{"model":{"type":"GPT"}}"#, "model.type"),
        (#"{"model":{"type":"BPE","merges":[]}}"#, "model.vocab: missing"),
        (#"{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}"#, "vocab[\"a\"]"),
        (#"{"model":{"type":"BPE","vocab":{"a":4000000000},"merges":[]}}"#, "vocab[\"a\"]"),
        (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}"#, "merges[0]: token \"b\""),
        (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}"#, "merges[0]"),
        (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}}"#, "dropout"),
        (#"{"model":{"type":"Unigram","vocab":[["a"]]}}"#, "vocab[0]"),
        (#"{"model":{"type":"Unigram","vocab":[["a",0]],"unk_id":3}}"#, "unk_id"),
        (
            #"{"model":{"type":"WordPiece","vocab":{"a":0}},"normalizer":{"type":"X"}}"#,
            "normalizer.type: unknown normalizer \"X\""
        ),
        (
            #"{"model":{"type":"WordPiece","vocab":{"a":0}},"pre_tokenizer":{"type":"Split","#
                + #""pattern":{"Regex":"(a"},"behavior":"Isolated"}}"#,
            "pre_tokenizer.pattern: the pattern is not valid at byte 2"
        ),
        (
            #"{"model":{"type":"WordPiece","vocab":{"a":0}},"normalizer":{"type":"Precompiled","#
                + #""precompiled_charsmap":"/////w=="}}"#,
            "precompiled_charsmap"
        ),
        (
            #"{"model":{"type":"WordPiece","vocab":{"a":0}},"post_processor":"#
                + #"{"type":"BertProcessing","cls":["a",0],"sep":["b",9]}}"#,
            "post_processor.sep[1]: expected an id below 1"
        ),
    ])
    func `bad files name their field`(_ text: String, _ expected: String) throws {
        let json = try Self.json(text)
        #expect {
            try Tokenizer(json: json)
        } throws: { error in
            error is SkeinError && "\(error)".contains(expected)
        }
    }

    @Test func `ids outside the vocabulary are refused`() throws {
        let tokenizer = try Self.bytes(cutBy: "x")
        #expect(throws: SkeinError.self) { try tokenizer.decode([256]) }
        #expect(throws: SkeinError.self) { try tokenizer.decode([-1]) }
    }

    @Test func `cut-off binary files say how much is missing`() {
        #expect { try Tokenizer(llama2c: [1, 0, 0, 0], vocabularySize: 32000) } throws: {
            "\($0)".contains("piece 0 of 32000")
        }
        #expect { try Tokenizer(sentencePiece: [0x0a, 0x7f, 1]) } throws: {
            "\($0)".contains("announces 127 bytes, 1 are left")
        }
        #expect { try Tokenizer(sentencePiece: []) } throws: { "\($0)".contains("no pieces") }
    }

    @Test func `GGUF vocabularies are checked`() {
        var vocabulary = GGUFVocabulary(model: "llama", tokens: [[0x61], [0x62]])
        vocabulary.scores = [1]
        #expect { try Tokenizer(gguf: vocabulary) } throws: {
            "\($0)".contains("tokenizer.ggml.scores: 1 entries for 2 tokens")
        }
        vocabulary.scores = []
        vocabulary.bosID = 7
        #expect { try Tokenizer(gguf: vocabulary) } throws: { "\($0)".contains("bos_token_id: 7") }
        vocabulary.bosID = nil
        vocabulary.tokens = [[0xff], [0x61]]
        #expect { try Tokenizer(gguf: vocabulary) } throws: { "\($0)".contains("tokens[0]") }
        let other = GGUFVocabulary(model: "gpt2", pre: "no-such", tokens: [[0x61]])
        #expect { try Tokenizer(gguf: other) } throws: { "\($0)".contains("no-such") }
    }
}
