internal import Foundation

/// ProNE: a sparse factorisation, then a spectral filter.
///
/// - Paper: Zhang et al. 2019, "ProNE: fast and scalable network representation learning", eq. 4 and 9.
public struct ProNEEmbedder: SubgraphEmbedder {
    /// The terms of the Chebyshev series.
    public var order = 10
    /// Where the band of the filter lies.
    public var mu: Float = 0.2
    /// How narrow the band is.
    public var theta = 0.5
    /// The weight of the noise distribution λ.
    public var noise = 1.0
    /// Power iterations of the decomposition.
    public var iterations = 5
    /// Whether the spectral filter runs after the factorisation.
    public var propagates = true

    /// Creates the embedder with its usual settings.
    public init() {}

    /// The method's name in reports.
    public var name: String { "prone" }

    /// Embeds a graph without walks.
    public func embed(
        _ graph: Graph,
        dimensions: Int,
        seed: SubgraphSeed,
        compute: GraphCompute
    ) throws -> NodeMatrix {
        guard graph.entryCount > 0 else {
            return NodeMatrix(rows: graph.nodeCount, dimensions: dimensions)
        }
        let features = factorised(graph, dimensions, seed, compute).scaled()
        features.normalizeRows()
        guard propagates else { return features }
        return propagated(features, graph, compute)
    }

    /// The singular value decomposition of ln p − ln λP on the edges.
    package func singularValues(
        _ graph: Graph,
        rank: Int,
        seed: SubgraphSeed,
        compute: GraphCompute
    ) -> [Double] { factorised(graph, rank, seed, compute).s }

    private func factorised(
        _ graph: Graph,
        _ rank: Int,
        _ seed: SubgraphSeed,
        _ compute: GraphCompute
    ) -> RandomizedSVD {
        let strengths = (0..<graph.nodeCount).map { graph.strength(of: $0) }
        var columns = [Double](repeating: 0, count: graph.nodeCount)
        for node in 0..<graph.nodeCount {
            for entry in graph.entries(of: node) {
                columns[Int(graph.targets[entry])] += Double(graph.weight(entry)) / strengths[node]
            }
        }
        let powers = columns.map { pow($0, 0.75) }
        let total = powers.reduce(0, +)
        let logNoise = powers.map { log(noise * $0 / total) }
        let logStrength = strengths.map { log($0) }
        var forward = [Float](repeating: 0, count: graph.entryCount)
        var backward = forward
        for node in 0..<graph.nodeCount {
            for entry in graph.entries(of: node) {
                let other = Int(graph.targets[entry])
                let weight = log(Double(graph.weight(entry)))
                forward[entry] = Float(weight - logStrength[node] - logNoise[other])
                backward[entry] = Float(weight - logStrength[other] - logNoise[node])
            }
        }
        return RandomizedSVD(
            rank: rank,
            rows: graph.nodeCount,
            iterations: iterations,
            seed: seed,
            compute: compute,
            forward: { compute.multiply(graph, values: forward, $0) },
            backward: { compute.multiply(graph, values: backward, $0) }
        )
    }

    /// Filters features by a Chebyshev series in the graph's Laplacian.
    package func propagated(
        _ features: NodeMatrix,
        _ graph: Graph,
        _ compute: GraphCompute
    ) -> NodeMatrix {
        guard order > 1 else { return features }
        let scales = (0..<graph.nodeCount).map { Float(1 / (graph.strength(of: $0) + 1)) }
        let steps = (0..<graph.nodeCount).flatMap { node in
            graph.entries(of: node).map { graph.weight($0) * scales[node] }
        }
        let mu = mu
        // M = I − D⁻¹(A + I) − μI.
        func shifted(_ x: NodeMatrix) -> NodeMatrix {
            let y = compute.multiply(graph, values: steps, x)
            compute.run(count: y.rows, size: 2048) { range in
                for row in range {
                    let (own, target) = (x.base + row * x.stride, y.base + row * y.stride)
                    let factor = 1 - mu - scales[row]
                    for index in 0..<x.stride {
                        target[index] = factor * own[index] - target[index]
                    }
                }
            }
            return y
        }
        func combined(_ a: Float, _ x: NodeMatrix, _ b: Float, _ y: NodeMatrix) -> NodeMatrix {
            let z = NodeMatrix(rows: x.rows, dimensions: x.dimensions)
            compute.run(count: x.rows * x.stride, size: 1 << 16) { range in
                for index in range { z.base[index] = a * x.base[index] + b * y.base[index] }
            }
            return z
        }
        var before = features
        var now = combined(0.5, shifted(shifted(features)), -1, features)
        var sum = combined(
            Float(Self.bessel(0, theta)),
            before,
            Float(-2 * Self.bessel(1, theta)),
            now
        )
        for term in 2..<order {
            let inner = combined(1, shifted(shifted(now)), -2, now)
            let next = combined(1, inner, -1, before)
            let sign: Float = term % 2 == 0 ? 1 : -1
            sum = combined(1, sum, sign * 2 * Float(Self.bessel(term, theta)), next)
            before = now
            now = next
        }
        let rest = combined(1, features, -1, sum)
        let filtered = compute.multiply(graph, values: graph.weightArray, rest)
        let mixed = combined(1, filtered, 1, rest)
        // Principal directions, scaled by the roots of their values.
        let gram = compute.gram(mixed, mixed)
        let inner = RandomizedSVD.spectrum(gram, mixed.dimensions, stride: mixed.stride)
        var turn = [Double](repeating: 0, count: mixed.stride * mixed.dimensions)
        for column in 0..<mixed.dimensions where inner.s[column] > inner.s[0] * 1e-12 {
            let scale = pow(inner.s[column], -0.25)
            for row in 0..<mixed.dimensions {
                turn[row * mixed.dimensions + column] =
                    inner.v[column * mixed.dimensions + row] * scale
            }
        }
        let result = compute.multiply(mixed, turn, columns: mixed.dimensions)
        result.normalizeRows()
        return result
    }

    /// The modified Bessel function of the first kind.
    static func bessel(_ order: Int, _ x: Double) -> Double {
        var term = 1.0
        for k in 0..<order { term *= x / 2 / Double(k + 1) }
        var sum = term
        for k in 1..<40 {
            term *= x * x / 4 / (Double(k) * Double(k + order))
            sum += term
        }
        return sum
    }
}

extension Graph {
    /// The weights as an array; `nil` when all are one.
    var weightArray: [Float]? {
        weights.map { Array(UnsafeBufferPointer(start: $0, count: entryCount)) }
    }
}
