import Foundation
import SkeinCore
import SkeinModels
import SkeinTensor
import SkeinTestSupport
import SkeinText
import Testing

/// Tokenizers of real files against the ids that came with them.
@Suite struct TokenizerFileTests {
    @Test(arguments: ["gpt-2", "llama-spm"])
    func `GGUF vocabularies give llama.cpp's ids`(_ name: String) throws {
        guard let url = Files.shared("tokenizers/gguf/ggml-vocab-\(name).gguf") else { return }
        let tokenizer = try TokenizerLoader.load(url.path)
        let cases = try String(contentsOf: URL(filePath: url.path + ".inp"), encoding: .utf8)
            .components(separatedBy: "\n__ggml_vocab_test__\n")
        let expected = try String(contentsOf: URL(filePath: url.path + ".out"), encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.split(separator: " ").compactMap { Int32($0) } }
        #expect(cases.count >= 40)
        for (index, text) in cases.enumerated() where index < expected.count {
            let ids = tokenizer.encode(text, addSpecialTokens: false, parseSpecial: false)
            #expect(ids == expected[index], "case \(index): \(text.debugDescription)")
        }
    }

    @Test(arguments: [
        ("llm-stories260k", "tok512.bin"), ("llm-tinystories656k", "tokenizer.json"),
    ])
    func `story models' texts give the reference's ids and come back`(
        _ folder: String,
        _ file: String
    ) throws {
        guard let url = Files.shared(folder) else { return }
        let golden = try MappedFile(path: url.appending(path: "golden.json").path).json()
        let text = try #require(golden["nll_text"]?.string)
        let expected = try #require(golden["nll_ids"]?.array).compactMap { $0.int.map(Int32.init) }
        let tokenizer = try TokenizerLoader.load(url.appending(path: file).path)
        let ids = tokenizer.encode(text, addSpecialTokens: false)
        #expect(ids == Array(expected.drop { $0 == 1 }))
        #expect(try tokenizer.decode(ids, skipSpecialTokens: true) == text)
    }
}
