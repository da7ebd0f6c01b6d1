/// Llama 1 to 3, SmolLM 1 and 2, and what calls itself one: the plain stack.
///
/// - Paper: Touvron et al. 2023, arXiv:2302.13971, section 2.2.
enum Llama {
    /// Loads a model.
    static func load(_ loader: inout ParameterLoader) throws -> TransformerDecoder {
        try LlamaStack().load(&loader)
    }
}
