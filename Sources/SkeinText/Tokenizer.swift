internal import SkeinCore

/// Text to token ids and back; immutable, and the same for all threads.
public struct Tokenizer: Sendable {
    /// How ids become text.
    struct Output: Sendable {
        /// The bytes that each id stands for.
        var bytes: [[UInt8]]
        /// Ids that stand for one raw byte.
        var isByte: [Bool]
        /// Whether the first space of a text was put there by the encoder.
        var stripsLeadingSpace: Bool
    }

    let model: BytePairEncoding
    let normalizer: Normalizer?
    let preTokenizer: PreTokenizer?
    let added: AddedTokens
    let output: Output
    let special: Set<Int32>
    /// Ids before and after every text.
    let prefix: [Int32]
    let suffix: [Int32]
    let names: [String]

    /// The beginning-of-sequence token.
    public internal(set) var bosID: Int32?
    /// The end-of-sequence token.
    public internal(set) var eosID: Int32?
    /// The unknown token.
    public internal(set) var unkID: Int32?
    /// The padding token.
    public internal(set) var padID: Int32?
    /// The chat template that came with the model, in Jinja's language.
    public internal(set) var chatTemplate: String?

    /// Whether encoding begins with the beginning-of-sequence token.
    public var addsBOS: Bool { bosID != nil && prefix.first == bosID }
    /// Whether encoding ends with the end-of-sequence token.
    public var addsEOS: Bool { eosID != nil && suffix.last == eosID }
    /// The number of ids.
    public var vocabularySize: Int { names.count }

    /// Ids that end an answer: the end of sequence and the ends of turns.
    public var stopIDs: Set<Int32> {
        let turns = [
            "<|eot_id|>", "<|im_end|>", "<|end_of_text|>", "<|endoftext|>", "<end_of_turn>",
            "<|end|>",
            "<|eom_id|>",
        ]
        let ends = turns.compactMap { name in
            id(of: name).flatMap { special.contains($0) ? $0 : nil }
        }
        return Set(ends + [eosID].compactMap { $0 })
    }

    /// The ids of a text.
    ///
    /// - Parameters:
    ///   - text: Any text.
    ///   - addSpecialTokens: Whether the model's own first and last tokens are added.
    ///   - parseSpecial: Whether special tokens spelled in the text become their ids.
    /// - Returns: The ids.
    /// - Complexity: O(n log n) in the number of bytes, O(n) for usual text.
    public func encode(
        _ text: String,
        addSpecialTokens: Bool = true,
        parseSpecial: Bool = true
    ) -> [Int32] {
        var ids = addSpecialTokens ? prefix : []
        var text = text
        text.withUTF8 { bytes in
            var isFirst = true
            for part in added.split(bytes, includingSpecial: parseSpecial) {
                switch part {
                case .token(let id): ids.append(id)
                case .text(let range):
                    encodePlain(UnsafeBufferPointer(rebasing: bytes[range]), isFirst, &ids)
                }
                isFirst = false
            }
        }
        return addSpecialTokens ? ids + suffix : ids
    }

    private func encodePlain(
        _ text: UnsafeBufferPointer<UInt8>,
        _ isFirst: Bool,
        _ ids: inout [Int32]
    ) {
        if normalizer == nil, case .split(let pattern, .isolated, false)? = preTokenizer {
            for range in PreTokenizer.ranges(text, pattern, .isolated, false) {
                model.encode(UnsafeBufferPointer(rebasing: text[range]), into: &ids)
            }
            return
        }
        let normalized = normalizer?.apply(Array(text), isFirst: isFirst) ?? Array(text)
        let words = preTokenizer?.cut([normalized], isFirst: isFirst) ?? [normalized]
        for word in words { word.withUnsafeBufferPointer { model.encode($0, into: &ids) } }
    }

    /// The text of ids; ids that do not exist are left out.
    ///
    /// - Parameters:
    ///   - ids: Token ids.
    ///   - skipSpecialTokens: Whether special tokens are left out.
    /// - Returns: The text; bytes that are not UTF-8 become U+FFFD.
    public func decode(_ ids: [Int32], skipSpecialTokens: Bool = true) -> String {
        var stream = TokenStream(self, skipSpecialTokens: skipSpecialTokens)
        var text = ""
        for id in ids { text += stream.append(id) }
        return text + stream.finish()
    }

    /// The name of an id.
    public func token(_ id: Int32) -> String? {
        names.indices.contains(Int(id)) ? names[Int(id)] : nil
    }

    /// The id of a name.
    public func id(of token: String) -> Int32? { nameIDs[ExactKey(token)] }

    let nameIDs: [ExactKey: Int32]

    init(
        model: BytePairEncoding,
        normalizer: Normalizer?,
        preTokenizer: PreTokenizer?,
        added: [AddedTokens.Entry],
        output: Output,
        prefix: [Int32],
        suffix: [Int32],
        names: [String]
    ) {
        self.model = model
        self.normalizer = normalizer
        self.preTokenizer = preTokenizer
        self.added = AddedTokens(added)
        self.output = output
        special = Set(added.lazy.filter(\.isSpecial).map(\.id))
        self.prefix = prefix
        self.suffix = suffix
        self.names = names
        nameIDs = Dictionary(
            names.enumerated().map { (ExactKey($1), Int32($0)) },
            uniquingKeysWith: { first, _ in first }
        )
    }
}

/// Decodes ids as they come, never splitting a character.
public struct TokenStream: Sendable {
    private let tokenizer: Tokenizer
    private let skipsSpecial: Bool
    private var stream = UTF8Stream()
    private var isAtStart = true

    /// Creates a stream with nothing pending.
    public init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool = true) {
        self.tokenizer = tokenizer
        skipsSpecial = skipSpecialTokens
    }

    /// The text that became complete with one more id.
    public mutating func append(_ id: Int32) -> String {
        let output = tokenizer.output
        guard output.bytes.indices.contains(Int(id)) else { return "" }
        if tokenizer.special.contains(id) {
            guard !skipsSpecial else { return "" }
            isAtStart = false
            return stream.finish() + (tokenizer.token(id) ?? "")
        }
        var bytes = output.bytes[Int(id)][...]
        if isAtStart, output.stripsLeadingSpace, bytes.first == 0x20 { bytes = bytes.dropFirst() }
        isAtStart = false
        return stream.append(bytes)
    }

    /// What is still pending.
    public mutating func finish() -> String { stream.finish() }
}
