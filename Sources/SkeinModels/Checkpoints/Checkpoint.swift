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
}
