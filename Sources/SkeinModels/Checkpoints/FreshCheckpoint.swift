public import SkeinTensor

/// A checkpoint without weights: the configuration of a model that is yet to learn.
public struct FreshCheckpoint: Checkpoint {
    /// The sizes and the family.
    public let configuration: ModelConfiguration

    /// Wraps a configuration.
    public init(_ configuration: ModelConfiguration) { self.configuration = configuration }

    /// There are no weights.
    public func tensor(_ name: String) -> TensorRecord? { nil }
    /// As Hugging Face stores Llama's family.
    public var hasInterleavedRotary: Bool { false }
    /// As GPT-2's original layers are stored.
    public var hasTransposedLinears: Bool { configuration.family == "gpt2" }
}
