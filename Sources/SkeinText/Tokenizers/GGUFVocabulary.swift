/// The vocabulary of a GGUF file: its `tokenizer.ggml.*` metadata.
public struct GGUFVocabulary: Sendable {
    /// `tokenizer.ggml.model`: `gpt2`, `llama`, `bert` or `t5`.
    public var model: String
    /// `tokenizer.ggml.pre`: the name of the word pattern.
    public var pre: String
    /// `tokenizer.ggml.tokens`, as their bytes.
    public var tokens: [[UInt8]]
    /// `tokenizer.ggml.scores`; may be empty.
    public var scores: [Float] = []
    /// `tokenizer.ggml.token_type`: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    public var tokenTypes: [Int32] = []
    /// `tokenizer.ggml.merges`, two tokens and a space each.
    public var merges: [[UInt8]] = []
    /// `tokenizer.ggml.bos_token_id`.
    public var bosID: Int32?
    /// `tokenizer.ggml.eos_token_id`.
    public var eosID: Int32?
    /// `tokenizer.ggml.eot_token_id`: the end of a turn.
    public var eotID: Int32?
    /// `tokenizer.ggml.unknown_token_id`.
    public var unkID: Int32?
    /// `tokenizer.ggml.padding_token_id`.
    public var padID: Int32?
    /// `tokenizer.ggml.cls_token_id`.
    public var clsID: Int32?
    /// `tokenizer.ggml.seperator_token_id`, spelt so in the format.
    public var sepID: Int32?
    /// `tokenizer.ggml.add_bos_token`.
    public var addBOS: Bool?
    /// `tokenizer.ggml.add_eos_token`.
    public var addEOS: Bool?
    /// `tokenizer.ggml.add_space_prefix`.
    public var addSpacePrefix: Bool?
    /// `tokenizer.ggml.remove_extra_whitespaces`.
    public var removeExtraWhitespaces: Bool?
    /// `tokenizer.ggml.precompiled_charsmap`.
    public var precompiledMap: [UInt8] = []
    /// `tokenizer.chat_template`.
    public var chatTemplate: String?

    /// A vocabulary of a model kind, a pattern name and tokens.
    public init(model: String, pre: String = "default", tokens: [[UInt8]]) {
        self.model = model
        self.pre = pre
        self.tokens = tokens
    }
}
