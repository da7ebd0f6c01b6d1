/// Qwen 3: the Llama stack with norms over each head's queries and keys instead of Qwen 2's biases.
///
/// - Paper: Yang et al. 2025, arXiv:2505.09388, section 2.
enum Qwen3 {
    /// Loads a model.
    static func load(_ loader: inout ParameterLoader) throws -> TransformerDecoder {
        try LlamaStack(
            hasHeadNorms: true,
            windows: Qwen2.windows(loader.checkpoint.configuration)
        ).load(&loader)
    }
}
