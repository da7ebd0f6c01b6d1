import Foundation
import SkeinCore
import SkeinTestSupport
import SkeinText
import Testing

/// Real vocabularies from the optional data folder.
@Suite struct SharedVocabularyTests {
    @Test(arguments: ["llama-spm", "gpt-2", "bert-bge"])
    func `GGUF vocabularies give llama.cpp's ids`(_ name: String) throws {
        let path = "tokenizers/gguf/ggml-vocab-\(name).gguf"
        guard let url = Files.shared(path), let inputs = Files.shared(path + ".inp"),
            let outputs = Files.shared(path + ".out")
        else { return }
        let tokenizer = try Tokenizer(gguf: try VocabularyFile(url).vocabulary())
        let texts = String(decoding: try Data(contentsOf: inputs), as: UTF8.self)
            .components(separatedBy: "\n__ggml_vocab_test__\n")
        let lines = String(decoding: try Data(contentsOf: outputs), as: UTF8.self)
            .components(separatedBy: "\n")
        #expect(texts.count > 40 && lines.count >= texts.count)
        for (text, line) in zip(texts, lines) {
            let ids = tokenizer.encode(text, addSpecialTokens: false, parseSpecial: false)
            let expected = line.split(separator: " ").compactMap { Int32($0) }
            #expect(ids == expected, "\(name): \(JSON.string(text).text())")
        }
    }

    @Test func `the Llama 2 vocabulary reads the same from both of its files`() throws {
        guard let model = Files.shared("tokenizers/llama32k/tokenizer.model"),
            let bin = Files.shared("tokenizers/llama32k/tokenizer.bin")
        else { return }
        let first = try Tokenizer(contentsOf: model.path)
        let second = try Tokenizer(contentsOf: bin.path, vocabularySize: 32000)
        #expect(first.vocabularySize == 32000)
        for text in ["Hello world", " two  spaces", "naïve 東京 👍🏽", "a\nb\t", "", "I'm 1234"] {
            let ids = first.encode(text)
            #expect(ids == second.encode(text), "\(text)")
            #expect(ids.first == 1)
            #expect(try first.decode(ids, skipSpecialTokens: true) == text)
            #expect(try second.decode(ids, skipSpecialTokens: true) == text)
        }
        #expect(first.encode("Hello world") == [1, 15043, 3186])
    }

    @Test func `the small story vocabulary reads its own golden text`() throws {
        guard let bin = Files.shared("llm-stories260k/tok512.bin"),
            let golden = Files.shared("llm-stories260k/golden.json")
        else { return }
        let tokenizer = try Tokenizer(contentsOf: bin.path, vocabularySize: 512)
        let json = try JSON(parsing: Array(try Data(contentsOf: golden)))
        let ids = json["nll_ids"]?.array?.compactMap { $0.int.map(Int32.init) } ?? []
        let text = json["nll_text"]?.string ?? ""
        #expect(ids.count > 10)
        #expect(tokenizer.encode(text) == ids)
        #expect(try tokenizer.decode(ids, skipSpecialTokens: true) == text)
    }

    @Test func `GPT-2's test plans encode as published`() throws {
        guard let url = Files.shared("tokenizers/gguf/ggml-vocab-gpt-2.gguf"),
            let plans = Files.shared("tokenizers/gpt2/r50k_cases.txt")
        else { return }
        let tokenizer = try Tokenizer(gguf: try VocabularyFile(url).vocabulary())
        let lines = String(decoding: try Data(contentsOf: plans), as: UTF8.self)
            .components(separatedBy: "\n")
        var sample: String?
        var count = 0
        for line in lines {
            if line.hasPrefix("Sample: ") { sample = String(line.dropFirst(8)) }
            guard line.hasPrefix("Encoded: "), let text = sample else { continue }
            let expected = line.dropFirst(9).split { !$0.isNumber }.compactMap { Int32($0) }
            #expect(tokenizer.encode(text, addSpecialTokens: false) == expected, "\(text)")
            sample = nil
            count += 1
        }
        #expect(count > 0)
    }

    @Test(arguments: [
        ("distilgpt2", "gpt-2"), ("google-bert/bert-base-uncased", "bert-bge"),
        ("bert-base-uncased", "bert-bge"), ("coreml-projects/Llama-2-7b-chat-coreml", "llama-spm"),
    ])
    func `the shared cases agree`(_ key: String, _ name: String) throws {
        guard let url = Files.shared("tokenizers/gguf/ggml-vocab-\(name).gguf"),
            let file = Files.shared("tokenizers/tokenizer_tests.json")
        else { return }
        let tokenizer = try Tokenizer(gguf: try VocabularyFile(url).vocabulary())
        let cases = try JSON(parsing: Array(try Data(contentsOf: file)))[key]?.array ?? []
        for row in cases {
            guard let text = row["input"]?.string,
                let expected = row["encoded"]?["input_ids"]?.array?.compactMap(\.int)
            else { continue }
            #expect(tokenizer.encode(text).map(Int.init) == expected, "\(key): \(text)")
        }
    }
}
