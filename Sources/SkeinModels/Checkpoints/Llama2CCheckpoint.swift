internal import SkeinCore
public import SkeinTensor

/// A llama2.c file: header and float tensors, rotary pairs adjacent.
public struct Llama2CCheckpoint: Checkpoint {
    /// What a `config.json` would say.
    public let configuration: ModelConfiguration
    private let file: Llama2C

    /// Opens a file.
    ///
    /// - Parameter path: The `.bin` file.
    /// - Throws: `SkeinError` naming what is malformed.
    public init(path: String) throws {
        file = try Llama2C(contentsOf: path)
        let shape = file.configuration
        var values = JSONObject()
        values["model_type"] = .string("llama")
        values["hidden_size"] = .int(shape.width)
        values["intermediate_size"] = .int(shape.hiddenWidth)
        values["num_hidden_layers"] = .int(shape.layers)
        values["num_attention_heads"] = .int(shape.heads)
        values["num_key_value_heads"] = .int(shape.keyValueHeads)
        values["vocab_size"] = .int(shape.vocabulary)
        values["max_position_embeddings"] = .int(shape.contextLength)
        values["rms_norm_eps"] = .double(1e-5)
        values["rope_theta"] = .double(10000)
        values["tie_word_embeddings"] = .bool(shape.isHeadTied)
        configuration = ModelConfiguration(.object(values), source: path)
    }

    /// A tensor by its Hugging Face name.
    public func tensor(_ name: String) -> TensorRecord? { file.tensors[name] }

    /// Pairs are neighbours.
    public var hasInterleavedRotary: Bool { true }
    /// Weights are `[outputs, inputs]`.
    public var hasTransposedLinears: Bool { false }
}
