/// Turns one graph into one vector a node.
///
/// The same seed gives the same bits whatever the number of threads. Nodes without edges get zeros.
public protocol SubgraphEmbedder: Sendable {
    /// The method's name in reports.
    var name: String { get }

    /// Embeds a graph.
    ///
    /// - Parameters:
    ///   - graph: The graph.
    ///   - dimensions: The length of a vector.
    ///   - seed: Where the graph stands in its run.
    ///   - compute: Where it runs.
    /// - Returns: One row a node.
    /// - Throws: `SkeinError` when the method cannot embed such a graph.
    func embed(
        _ graph: Graph,
        dimensions: Int,
        seed: SubgraphSeed,
        compute: GraphCompute
    ) throws -> NodeMatrix
}
