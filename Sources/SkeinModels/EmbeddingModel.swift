internal import SkeinCore
public import SkeinNN
public import SkeinTensor

/// A model whose final hidden states can stand for a text: an encoder, or a decoder without its head.
public protocol EmbeddingModel: Sendable {
    /// The facts about the model.
    var description: ModelDescription { get }

    /// Which of a text's rows each of its rows sees.
    var visibility: Visibility { get }

    /// The weights by name, if the model keeps such a list; only error messages need it.
    var weights: WeightList? { get }

    /// An empty memory for sequences of this model.
    func makeState(dtype: DType) -> any StatePool

    /// Runs a batch and stages its rows.
    ///
    /// - Parameters:
    ///   - batch: The rows; each segment has the model's own visibility.
    ///   - execution: Where it runs and what it remembers.
    /// - Returns: Hidden states, `[rows, C]`, as `finalHidden` takes them.
    /// - Throws: `SkeinError.Code.invalidArgument` for an id outside the vocabulary, `.incapable` for
    ///   rows that the model or its state cannot take.
    func forward(_ batch: RowBatch, _ execution: inout Execution) throws -> Tensor

    /// What leaves the network's last norm, `[rows, C]`, given what `forward` returned for the rows.
    func finalHidden(_ hidden: Tensor, _ processor: Processor) -> Tensor

    /// The pooler's output for final hidden states of first rows, or `nil` where there is no pooler.
    func pooled(_ first: Tensor, _ processor: Processor) -> Tensor?
}

extension TransformerDecoder: EmbeddingModel {
    /// A token sees itself and those before.
    public var visibility: Visibility { .causal }

    /// The final norm.
    public func finalHidden(_ hidden: Tensor, _ processor: Processor) -> Tensor {
        processor.apply(finalNorm, to: hidden)
    }

    /// Decoders have no pooler.
    public func pooled(_ first: Tensor, _ processor: Processor) -> Tensor? { nil }
}

/// Opens models that embed text.
public enum EmbeddingModelLoader {
    /// Loads and packs an encoder, or a language model whose hidden states will be pooled.
    ///
    /// - Parameters:
    ///   - checkpoint: Where its tensors are.
    ///   - processor: Where it will run.
    ///   - options: How to load it.
    /// - Returns: The model.
    /// - Throws: As `LanguageModelLoader.load`; `SkeinError.Code.unsupported` for a language model that
    ///   does not show its hidden states.
    public static func load(
        _ checkpoint: any Checkpoint,
        processor: Processor,
        options: LoadOptions = LoadOptions()
    ) throws -> any EmbeddingModel {
        let family = checkpoint.configuration.family
        if let dialect = BERTDialect(family: family) {
            var loader = ParameterLoader(
                checkpoint,
                processor: processor,
                options: options
            )
            return try BERT.load(&loader, dialect)
        }
        let model = try LanguageModelLoader.load(
            checkpoint,
            processor: processor,
            options: options
        )
        guard let embedder = model as? any EmbeddingModel else {
            throw SkeinError(
                .unsupported,
                "\(checkpoint.configuration.source): models of type \"\(family)\" do not embed text"
            )
        }
        return embedder
    }
}
