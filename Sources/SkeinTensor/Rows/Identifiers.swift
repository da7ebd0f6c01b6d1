/// Which model of a strategy's cast runs a wish.
public struct Role: Hashable, Sendable {
    /// Position in the engine's cast.
    public let index: UInt8

    /// Names the role at a position of the cast.
    public init(index: UInt8) { self.index = index }

    /// The model whose tokens the request asked for.
    public static let target = Self(index: 0)
    /// A draft head's first step, which reads the target's features.
    public static let draft = Self(index: 1)
    /// A draft head's further steps.
    public static let draftStep = Self(index: 2)
    /// A model that only scores candidates.
    public static let scorer = Self(index: 3)

    /// One expert of an ensemble.
    public static func expert(_ number: Int) -> Self { Self(index: UInt8(clamping: 8 + number)) }
}

/// One memory inside a slot; each role keeps its own.
public struct Branch: Hashable, Sendable {
    /// The number the strategy chose.
    public let id: Int32

    /// Names a branch.
    public init(id: Int32) { self.id = id }

    /// The branch that every slot starts with.
    public static let main = Self(id: 0)
}

/// A wish's name within its slot.
public struct WishID: Hashable, Sendable {
    /// The number the strategy chose.
    public let id: Int32

    /// Names a wish.
    public init(id: Int32) { self.id = id }
}

/// A low-rank adapter, or an expert kept as a difference from its base.
public struct Adapter: Hashable, Sendable {
    /// Position among the model's loaded adapters.
    public let id: Int32

    /// Names an adapter.
    public init(id: Int32) { self.id = id }
}

/// The key of a stream of random numbers; with an absolute position it names one draw.
public struct NoiseKey: Hashable, Sendable {
    /// The request's seed.
    public var seed: UInt64
    /// The purpose of the draw, so that no two uses share numbers.
    public var stream: UInt32

    /// Creates a key from a seed and a purpose.
    public init(seed: UInt64, stream: UInt32) {
        self.seed = seed
        self.stream = stream
    }
}
