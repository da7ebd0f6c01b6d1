internal import SkeinCore
public import SkeinTensor

/// Tensors and configuration of a model on disk, whatever the format, under Hugging Face's names.
public protocol Checkpoint: Sendable {
    /// What `config.json` says, or would say.
    var configuration: ModelConfiguration { get }
    /// A tensor by its Hugging Face name, or `nil`.
    func tensor(_ name: String) -> TensorRecord?
    /// Whether rotary pairs are neighbours, as llama2.c and GGUF's Llama files store them.
    var hasInterleavedRotary: Bool { get }
    /// Whether weights of linear layers are stored `[inputs, outputs]`, as GPT-2's original layers are.
    var hasTransposedLinears: Bool { get }
    /// How a matrix is stored as grouped codes.
    ///
    /// - Parameter name: The matrix's name in the Hugging Face layout.
    /// - Returns: The format, or `nil` for a matrix that is one tensor.
    /// - Throws: `SkeinError.Code.unsupported` for weights that another tool quantised.
    func groupedFormat(of name: String) throws -> GroupedFormat?
}

extension Checkpoint {
    /// The format that the configuration gives for a name, in the file's own spelling.
    func configuredFormat(of name: String) throws -> GroupedFormat? {
        guard let recipe = configuration.values["quantization_config"], recipe.object != nil else {
            return nil
        }
        let method = recipe["quant_method"]?.string ?? "none"
        guard method == GroupedFormat.method else {
            throw SkeinError(
                .unsupported,
                "\(configuration.source): weights quantised by \"\(method)\"; known is"
                    + " \(GroupedFormat.method)",
                hint: "quantise the original model with skein quantize"
            )
        }
        guard let text = recipe["formats"]?[name]?.string else { return nil }
        return try GroupedFormat(name: text)
    }

    /// The format that the configuration gives.
    public func groupedFormat(of name: String) throws -> GroupedFormat? {
        try configuredFormat(of: name)
    }
}
