/// Qwen 2 and 2.5: the Llama stack with biases on queries, keys and values, and windows on request.
///
/// - Paper: Yang et al. 2024, arXiv:2407.10671, section 2.2.
enum Qwen2 {
    /// Loads a model.
    static func load(_ loader: inout ParameterLoader) throws -> TransformerDecoder {
        try LlamaStack(
            hasInputBiases: true,
            windows: windows(loader.checkpoint.configuration)
        ).load(&loader)
    }

    /// The windows of Qwen's layers: off unless asked for, and then in the upper layers only.
    static func windows(_ configuration: ModelConfiguration) throws -> [Int?] {
        guard configuration.flag("use_sliding_window", default: false) else { return [] }
        let first = try configuration.optionalInteger("max_window_layers", atLeast: 0) ?? 28
        return try configuration.slidingWindows { $0 >= first }
    }
}
