internal import Foundation
internal import SkeinCore

/// NetMF for a small window: the matrix that DeepWalk factorises implicitly, factorised explicitly.
///
/// Dense: four bytes for each pair of nodes, twice.
///
/// - Paper: Qiu et al. 2018, "Network embedding as matrix factorization", algorithm 3.
public struct NetMFEmbedder: SubgraphEmbedder {
    /// The window T.
    public var window = 10
    /// The number of negatives b.
    public var negatives = 1.0
    /// The most nodes whose dense matrix is built.
    public var maximumNodes = 10_000
    /// Power iterations of the decomposition.
    public var iterations = 12

    /// Creates the embedder with its usual settings.
    public init() {}

    /// The method's name in reports.
    public var name: String { "netmf" }

    /// Embeds a graph by a dense factorisation.
    public func embed(
        _ graph: Graph,
        dimensions: Int,
        seed: SubgraphSeed,
        compute: GraphCompute
    ) throws -> NodeMatrix {
        guard graph.nodeCount > 0 else { return NodeMatrix(rows: 0, dimensions: dimensions) }
        return try decomposed(graph, rank: dimensions, seed: seed, compute: compute).scaled()
    }

    /// The singular values that the embedding is scaled with, descending.
    package func singularValues(
        _ graph: Graph,
        rank: Int,
        seed: SubgraphSeed,
        compute: GraphCompute
    ) throws -> [Double] {
        try decomposed(graph, rank: rank, seed: seed, compute: compute).s
    }

    private func decomposed(
        _ graph: Graph,
        rank: Int,
        seed: SubgraphSeed,
        compute: GraphCompute
    ) throws -> RandomizedSVD {
        guard graph.nodeCount <= maximumNodes else {
            throw SkeinError(
                .unsupported,
                "netmf is dense: found \(graph.nodeCount) nodes, expected at most \(maximumNodes)",
                hint: "divide the graph into more parts or use --method prone"
            )
        }
        let matrix = logarithms(graph, compute)
        let multiply: (NodeMatrix, NodeMatrix) -> Void = { x, y in
            compute.run(count: x.rows, size: 64) { range in
                for row in range {
                    let sum = y.base + row * y.stride
                    for index in 0..<y.stride { sum[index] = 0 }
                    for column in 0..<x.rows {
                        let value = matrix[row, column]
                        guard value != 0 else { continue }
                        let other = x.base + column * x.stride
                        for index in 0..<x.stride { sum[index] += value * other[index] }
                    }
                }
            }
        }
        return RandomizedSVD(
            rank: rank,
            rows: graph.nodeCount,
            iterations: iterations,
            seed: seed,
            compute: compute,
            forward: multiply,
            backward: multiply
        )
    }

    /// log max(1, vol / (b T) · Σ (D⁻¹A)ʳ D⁻¹).
    private func logarithms(_ graph: Graph, _ compute: GraphCompute) -> NodeMatrix {
        let n = graph.nodeCount
        let strengths = (0..<n).map { graph.strength(of: $0) }
        let steps = FloatArray(count: graph.entryCount)
        for node in 0..<n {
            for entry in graph.entries(of: node) {
                steps.base[entry] = graph.weight(entry) / Float(strengths[node])
            }
        }
        // Start from D⁻¹ and multiply T times by D⁻¹A from the left.
        var power = NodeMatrix(rows: n, dimensions: n)
        for node in 0..<n where strengths[node] > 0 {
            power[node, node] = Float(1 / strengths[node])
        }
        var next = NodeMatrix(rows: n, dimensions: n)
        let sum = NodeMatrix(rows: n, dimensions: n)
        for _ in 0..<window {
            let terms = SparseTerms(sum: sum, sumFactor: 1)
            compute.multiply(graph, values: steps, power, into: next, terms)
            swap(&power, &next)
        }
        let factor = Float(strengths.reduce(0, +) / (negatives * Double(window)))
        compute.run(count: n, size: 64) { range in
            for row in range {
                for column in 0..<n {
                    sum[row, column] = log(max(1, factor * sum[row, column]))
                }
            }
        }
        return sum
    }
}
