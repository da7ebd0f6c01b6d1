/// Mistral: the Llama stack with a sliding window in every layer, or in those that it names.
///
/// - Paper: Jiang et al. 2023, arXiv:2310.06825, section 2.
enum Mistral {
    /// Loads a model.
    static func load(_ loader: inout ParameterLoader) throws -> TransformerDecoder {
        let configuration = loader.checkpoint.configuration
        return try LlamaStack(
            windows: configuration.slidingWindows { _ in true }
        ).load(&loader)
    }
}
