public import SkeinCore

/// Trains a byte-level tokenizer by byte-pair encoding.
///
/// Merges are those of Hugging Face's `tokenizers` on the same text: the most frequent pair first, of
/// equals the one with the lower ids.
///
/// - Paper: Sennrich et al. 2016, arXiv:1508.07909, algorithm 1; on bytes: Radford et al. 2019, GPT-2,
///   section 2.2.
public struct BytePairTrainer {
    /// The bytes that have a token each.
    public enum Alphabet: String, Sendable {
        /// All 256: every text can be written.
        case all
        /// Those of the corpus; others are dropped from texts.
        case seen
    }

    /// The most tokens, special ones included.
    public let vocabularySize: Int
    /// Tokens that stand for no text; they have the first ids, and the first begins every text.
    public let special: [String]
    /// The bytes that have a token.
    public let alphabet: Alphabet
    /// The least number of times that a pair must occur to be merged.
    public let minimumFrequency: Int
    private var words: [[UInt8]: Int] = [:]
    private var seen = [Bool](repeating: false, count: 256)

    /// Creates a trainer that has seen nothing.
    ///
    /// - Parameters:
    ///   - vocabularySize: The most tokens.
    ///   - special: Special tokens, `<|endoftext|>` and the like.
    ///   - alphabet: The bytes that have a token.
    ///   - minimumFrequency: The least occurrences of a merged pair.
    public init(
        vocabularySize: Int,
        special: [String],
        alphabet: Alphabet = .all,
        minimumFrequency: Int = 2
    ) {
        self.vocabularySize = vocabularySize
        self.special = special
        self.alphabet = alphabet
        self.minimumFrequency = minimumFrequency
    }

    /// Counts the words of a text.
    public mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            WordScanner.gpt2.matches(bytes, 0..<bytes.count) { range in
                words[Array(bytes[range]), default: 0] += 1
            }
            for byte in bytes { seen[Int(byte)] = true }
        }
    }

    /// Learns the merges.
    ///
    /// - Returns: A `tokenizer.json` that this package and `tokenizers` load.
    /// - Throws: `SkeinError.Code.invalidArgument` for a vocabulary smaller than specials and alphabet.
    public func train() throws -> JSON {
        let letters = Self.letters
        let bytes = (0..<256).filter { alphabet == .all || seen[$0] }
            .sorted { letters[$0].value < letters[$1].value }
        guard vocabularySize >= special.count + bytes.count else {
            throw SkeinError(
                .invalidArgument,
                "a vocabulary of \(vocabularySize) tokens cannot hold \(special.count) special tokens"
                    + " and \(bytes.count) bytes"
            )
        }
        var tokens = special
        var byteIDs = [Int32](repeating: -1, count: 256)
        for byte in bytes {
            byteIDs[byte] = Int32(truncatingIfNeeded: tokens.count)
            tokens.append(String(Character(letters[byte])))
        }
        var merger = PairMerger(
            words.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { word in
                (word.key.map { byteIDs[Int($0)] }, word.value)
            }
        )
        var ids: [ExactKey: Int32] = [:]
        for (id, token) in tokens.enumerated() {
            ids[ExactKey(token)] = Int32(truncatingIfNeeded: id)
        }
        var merges: [(String, String)] = []
        while tokens.count < vocabularySize, let best = merger.best(),
            best.count >= minimumFrequency
        {
            let (left, right) = (tokens[Int(best.left)], tokens[Int(best.right)])
            let joined = left + right
            let id = ids[ExactKey(joined)] ?? Int32(truncatingIfNeeded: tokens.count)
            if Int(id) == tokens.count {
                tokens.append(joined)
                ids[ExactKey(joined)] = id
            }
            merges.append((left, right))
            merger.merge(best, into: id)
        }
        return json(tokens, merges)
    }

    /// The alphabet of byte-level tokenizers: printable characters stand for themselves, the others
    /// for U+0100 and up.
    ///
    /// - Source: GPT-2's `bytes_to_unicode`.
    private static let letters: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (UInt32(0)..<256).map { byte in
            if (0x21...0x7e).contains(byte) || (0xa1...0xac).contains(byte) || byte >= 0xae {
                return Unicode.Scalar(byte) ?? " "
            }
            defer { next += 1 }
            return Unicode.Scalar(next) ?? " "
        }
    }()

    private func json(_ tokens: [String], _ merges: [(String, String)]) -> JSON {
        let byteLevel: JSON = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
        ]
        let added = special.enumerated().map { id, content -> JSON in
            [
                "id": .int(id), "content": .string(content), "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true,
            ]
        }
        var vocabulary = JSONObject()
        for (id, token) in tokens.enumerated() { vocabulary[token] = .int(id) }
        let model: JSON = [
            "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
            "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": false, "vocab": .object(vocabulary),
            "merges": .array(merges.map { [.string($0.0), .string($0.1)] }),
        ]
        return [
            "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .array(added),
            "normalizer": nil, "pre_tokenizer": byteLevel,
            "post_processor": beginning(special.first),
            "decoder": byteLevel, "model": model,
        ]
    }

    /// What puts a token before every text.
    private func beginning(_ token: String?) -> JSON {
        guard let token else { return nil }
        let text: JSON = ["Sequence": ["id": "A", "type_id": 0]]
        let first: JSON = ["SpecialToken": ["id": .string(token), "type_id": 0]]
        var known = JSONObject()
        known[token] = ["id": .string(token), "ids": [0], "tokens": [.string(token)]]
        return [
            "type": "TemplateProcessing", "single": [first, text],
            "pair": [first, text, ["Sequence": ["id": "B", "type_id": 1]]],
            "special_tokens": .object(known),
        ]
    }
}
