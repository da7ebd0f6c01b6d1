public import SkeinNN
public import SkeinTensor

/// The facts about a language model that its users need.
public struct ModelDescription: Sendable, Hashable {
    /// The family, as checkpoints spell it: `llama`, `qwen2`, `gpt2`.
    public var family: String
    /// V: the number of token ids.
    public var vocabularySize: Int
    /// C: the width of the residual stream.
    public var width: Int
    /// The number of layers.
    public var layers: Int
    /// The longest context the model was made for, in tokens.
    public var contextLength: Int
    /// The number of values in all tensors that a token meets or is looked up in.
    public var parameters: Int
    /// The types of the weight matrices, by kind.
    public var matrixTypes: [String: String]
    /// Bytes of packed weights.
    public var weightBytes: Int

    /// Describes a model; the facts that only reports need may be left out.
    public init(
        family: String,
        vocabularySize: Int,
        width: Int,
        layers: Int,
        contextLength: Int,
        parameters: Int = 0,
        matrixTypes: [String: String] = [:],
        weightBytes: Int = 0
    ) {
        self.family = family
        self.vocabularySize = vocabularySize
        self.width = width
        self.layers = layers
        self.contextLength = contextLength
        self.parameters = parameters
        self.matrixTypes = matrixTypes
        self.weightBytes = weightBytes
    }
}

/// A language model: rows in, hidden states and logits out.
///
/// The same forward pass serves prompts, decoding, drafts, branches and evaluation.
public protocol LanguageModel: Sendable {
    /// The facts about the model.
    var description: ModelDescription { get }

    /// The weights by name, if the model keeps such a list; only error messages need it.
    var weights: WeightList? { get }

    /// An empty memory for sequences of this model.
    func makeState(dtype: DType) -> any StatePool

    /// Runs a batch and stages its rows.
    ///
    /// - Parameters:
    ///   - batch: The rows.
    ///   - execution: Where it runs and what it remembers.
    /// - Returns: The residual stream before the final norm, `[rows, C]`.
    /// - Throws: `SkeinError.Code.invalidArgument` for an id outside the vocabulary, `.incapable` for
    ///   rows that the model or its state cannot take.
    func forward(_ batch: RowBatch, _ execution: inout Execution) throws -> Tensor

    /// The logits of rows of hidden state, `[rows, V]`.
    func logits(_ hidden: Tensor, _ processor: Processor) -> Tensor
}

extension LanguageModel {
    /// No list.
    public var weights: WeightList? { nil }
}

/// A language model that can learn: its loader made its weights parameters.
///
/// The forward pass is the one that serves, run by a processor that records.
public protocol LearningModel: LanguageModel {
    /// The parameters, if the model was loaded to learn.
    var learned: ParameterSet? { get }

    /// A memory for one pass over whole texts.
    func makePassMemory() -> any StatePool

    /// The loss of hidden states against the tokens that came.
    ///
    /// - Parameters:
    ///   - hidden: What `forward` returned, `[rows, C]`.
    ///   - targets: The token after each row, or `CrossEntropy.ignored`.
    ///   - rule: How rows are judged.
    ///   - processor: Where it runs.
    /// - Returns: The rows' loss.
    /// - Throws: `SkeinError.Code.invalidArgument` for a target outside the vocabulary.
    func loss(
        _ hidden: Tensor,
        targets: [Int32],
        rule: CrossEntropy,
        _ processor: Processor
    ) throws -> CrossEntropy.Outcome
}
