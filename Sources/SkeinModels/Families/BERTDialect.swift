/// How one of BERT's relatives names its parameters and counts its positions.
struct BERTDialect: Sendable {
    /// Prefixes that a checkpoint's names may begin with; bare models have none.
    var prefixes: [String]
    /// The stem of a layer's names, before its number.
    var layers: String
    /// Whether tokens have types, each with an embedding.
    var hasTokenTypes: Bool
    /// Whether positions begin after the padding token's id.
    var skipsPadding: Bool
    var query, key, value: String
    var attentionOutput, attentionNorm: String
    var up, down, outputNorm: String
}

extension BERTDialect {
    /// The dialect of a `model_type`, or `nil` for other families.
    init?(family: String) {
        switch family {
        case "bert":
            self = .bert
        case "roberta", "xlm-roberta", "camembert":
            self = .bert
            prefixes = ["", "roberta."]
            skipsPadding = true
        case "distilbert":
            self = .distilbert
        default:
            return nil
        }
    }

    private static let bert = Self(
        prefixes: ["", "bert."],
        layers: "encoder.layer",
        hasTokenTypes: true,
        skipsPadding: false,
        query: "attention.self.query",
        key: "attention.self.key",
        value: "attention.self.value",
        attentionOutput: "attention.output.dense",
        attentionNorm: "attention.output.LayerNorm",
        up: "intermediate.dense",
        down: "output.dense",
        outputNorm: "output.LayerNorm"
    )

    private static let distilbert = Self(
        prefixes: ["", "distilbert."],
        layers: "transformer.layer",
        hasTokenTypes: false,
        skipsPadding: false,
        query: "attention.q_lin",
        key: "attention.k_lin",
        value: "attention.v_lin",
        attentionOutput: "attention.out_lin",
        attentionNorm: "sa_layer_norm",
        up: "ffn.lin1",
        down: "ffn.lin2",
        outputNorm: "output_layer_norm"
    )
}
