/// How the vectors of a node's levels become one.
public enum Fusion: Sendable, Equatable {
    /// Side by side, with dimensions in proportion to the levels' nodes.
    case concat
    /// Side by side, with given dimensions.
    case concatFixed([Int])
    /// Added up in one common space.
    case sum
}

/// How the parts of a level are brought into one coordinate system.
public enum Alignment: String, Sendable, CaseIterable {
    /// Not at all: inner products of nodes in two parts mean nothing at that level.
    case none
    /// Each part is turned onto the border level's vectors of its border nodes.
    case procrustes
    /// Hubs join every part, and each part is turned so that they coincide.
    case anchors
}

/// How a graph becomes vectors.
public struct EmbeddingOptions: Sendable {
    /// The length of the result's vectors.
    public var dimensions = 128
    /// The fewest dimensions of a level.
    public var minimumDimensions = 8
    /// How levels become one vector.
    public var fusion = Fusion.concat
    /// What each level's unit vectors are multiplied by; missing ones are 1.
    public var levelWeights: [Float] = []
    /// How parts are aligned.
    public var alignment = Alignment.none
    /// How many hubs join every part when they anchor it.
    public var anchors = 256
    /// The seed of every embedding.
    public var seed: UInt64 = 1

    /// Creates the defaults.
    public init() {}
}

/// The vectors of a graph, and which columns come from which level.
public struct GraphEmbedding: Sendable {
    /// One row a node.
    public var vectors: NodeMatrix
    /// The columns of each level; `sum` has one range for all.
    public var blocks: [Range<Int>]
}
