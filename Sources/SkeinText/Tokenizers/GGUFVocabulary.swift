/// The vocabulary of a GGUF file: its `tokenizer.ggml.*` metadata.
public struct GGUFVocabulary: Sendable {
    /// `tokenizer.ggml.model`: `gpt2`, `llama`, `bert` or `t5`.
    public var model: String
    /// `tokenizer.ggml.pre`: the name of the word pattern.
    public var preTokenizer: String?
    /// `tokenizer.ggml.tokens`.
    public var tokens: [String]
    /// `tokenizer.ggml.scores`.
    public var scores: [Float]?
    /// `tokenizer.ggml.token_type`: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    public var tokenTypes: [Int]?
    /// `tokenizer.ggml.merges`, two tokens and a space each.
    public var merges: [String]?
    /// `tokenizer.ggml.bos_token_id`.
    public var bosID: Int32?
    /// `tokenizer.ggml.eos_token_id`.
    public var eosID: Int32?
    /// `tokenizer.ggml.unknown_token_id`.
    public var unkID: Int32?
    /// `tokenizer.ggml.padding_token_id`.
    public var padID: Int32?
    /// `tokenizer.ggml.add_bos_token`.
    public var addsBOS: Bool?
    /// `tokenizer.ggml.add_eos_token`.
    public var addsEOS: Bool?
    /// `tokenizer.ggml.add_space_prefix`.
    public var addsSpacePrefix: Bool?
    /// `tokenizer.chat_template`.
    public var chatTemplate: String?
    /// `tokenizer.ggml.eot_token_id`: the end of a turn.
    public var eotID: Int32?
    /// `tokenizer.ggml.cls_token_id`.
    public var clsID: Int32?
    /// `tokenizer.ggml.seperator_token_id`, spelt so in the format.
    public var sepID: Int32?
    /// `tokenizer.ggml.remove_extra_whitespaces`.
    public var removesExtraSpaces: Bool?
    /// `tokenizer.ggml.precompiled_charsmap`.
    public var precompiledMap: [UInt8] = []

    /// A vocabulary from its metadata; rarer keys are set afterwards.
    public init(
        model: String,
        preTokenizer: String?,
        tokens: [String],
        scores: [Float]?,
        tokenTypes: [Int]?,
        merges: [String]?,
        bosID: Int32?,
        eosID: Int32?,
        unkID: Int32?,
        padID: Int32?,
        addsBOS: Bool?,
        addsEOS: Bool?,
        addsSpacePrefix: Bool?,
        chatTemplate: String?
    ) {
        self.model = model
        self.preTokenizer = preTokenizer
        self.tokens = tokens
        self.scores = scores
        self.tokenTypes = tokenTypes
        self.merges = merges
        self.bosID = bosID
        self.eosID = eosID
        self.unkID = unkID
        self.padID = padID
        self.addsBOS = addsBOS
        self.addsEOS = addsEOS
        self.addsSpacePrefix = addsSpacePrefix
        self.chatTemplate = chatTemplate
    }
}
