public import SkeinTensor

/// How an engine packs its steps and what it may use.
public struct EngineOptions: Sendable {
    /// The most rows of one forward pass.
    public var rowBudget = 512
    /// The most rows of prompts in a step that decodes too, so that answers keep flowing.
    public var promptRowsBesideDecoding = 128
    /// Rows that decoding requests share in a step, drafts included.
    ///
    /// Where requests are fewer, strategies may fill the rest with drafts; beyond it a draft costs more
    /// than it saves.
    public var draftRows = 8
    /// The most requests that run together.
    public var slotLimit = 64
    /// The type of keys and values; f16 unless told otherwise.
    public var cacheType = DType.f16
    /// Bytes that requests' memories and remembered prompts may take together; `nil` sets no limit on
    /// requests and keeps no more than 1 GiB of remembered prompts.
    public var stateLimit: Int?
    /// Whether prompts and answers are remembered for later requests that begin alike.
    public var remembersPrompts = true
    /// How often a waiting request may be overtaken by later ones of higher priority.
    public var overtakeLimit = 64

    /// The defaults.
    public init() {}
}
