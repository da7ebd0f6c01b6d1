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

    /// Operands of more bytes are rounded to half precision for sparse products, which then move half
    /// as much memory.
    package var halvesAbove = 4 << 20

    /// Embeds a graph without walks.
    public func embed(
        _ graph: Graph,
        dimensions: Int,
        seed: SubgraphSeed,
        compute: GraphCompute
    ) throws -> NodeMatrix {
        let result = NodeMatrix(rows: graph.nodeCount, dimensions: dimensions)
        guard graph.entryCount > 0 else { return result }
        let (grouped, order) = graph.groupedByDegree(compute)
        var features = factorised(grouped, dimensions, seed, compute).scaled()
        features.normalizeRows(compute)
        if propagates { features = propagated(features, grouped, compute) }
        compute.run(count: graph.nodeCount, size: 4096) { [features] range in
            for row in range {
                (result.base + Int(order[row]) * result.stride)
                    .update(from: features.base + row * features.stride, count: result.stride)
            }
        }
        return result
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
        let (forward, backward, size) = logarithms(graph, compute)
        var halves: HalfMatrix?
        func multiply(_ values: FloatArray, _ x: NodeMatrix, _ y: NodeMatrix) {
            var terms = SparseTerms()
            if x.rows * x.stride * 4 > halvesAbove {
                let rounded = halves ?? HalfMatrix(like: x)
                compute.narrow(x, into: rounded)
                terms.operandHalves = rounded
                halves = rounded
            }
            compute.multiply(graph, values: values, x, into: y, terms)
        }
        var result = RandomizedSVD(
            rank: rank,
            rows: graph.nodeCount,
            iterations: iterations,
            seed: seed,
            compute: compute,
            forward: { multiply(forward, $0, $1) },
            backward: { multiply(backward, $0, $1) }
        )
        for index in result.s.indices { result.s[index] *= size }
        return result
    }

    /// ln p − ln λP of every entry and of its transpose, over a size that keeps products of unit
    /// vectors in half precision's range.
    private func logarithms(
        _ graph: Graph,
        _ compute: GraphCompute
    ) -> (forward: FloatArray, backward: FloatArray, size: Double) {
        let nodes = graph.nodeCount
        let strengths = FloatArray(count: nodes)
        let powers = FloatArray(count: nodes)
        compute.run(count: nodes, size: 4096) { range in
            for node in range { strengths.base[node] = Float(graph.strength(of: node)) }
        }
        compute.run(count: nodes, size: 1024) { range in
            for node in range {
                var column = 0.0
                for entry in graph.entries(of: node) {
                    let other = Int(graph.targets[entry])
                    column += Double(graph.weight(entry)) / Double(strengths.base[other])
                }
                powers.base[node] = Float(column.squareRoot() * column.squareRoot().squareRoot())
            }
        }
        var total = 0.0
        for node in 0..<nodes { total += Double(powers.base[node]) }
        let logTotal = log(noise / total)
        // From here both hold logarithms.
        compute.run(count: nodes, size: 4096) { range in
            for node in range {
                strengths.base[node] = Float(log(Double(strengths.base[node])))
                powers.base[node] = Float(log(Double(powers.base[node])) + logTotal)
            }
        }
        let forward = FloatArray(count: graph.entryCount)
        let backward = FloatArray(count: graph.entryCount)
        let squares = NodeMatrix(rows: (nodes + 1023) / 1024, dimensions: 1)
        compute.run(count: nodes, size: 1024) { range in
            var sum = 0.0
            for node in range {
                for entry in graph.entries(of: node) {
                    let other = Int(graph.targets[entry])
                    let weight = graph.weights == nil ? 0 : Float(log(Double(graph.weight(entry))))
                    let value = weight - strengths.base[node] - powers.base[other]
                    forward.base[entry] = value
                    backward.base[entry] = weight - strengths.base[other] - powers.base[node]
                    sum += Double(value * value)
                }
            }
            squares[range.lowerBound / 1024, 0] = Float(sum)
        }
        let norm = (0..<squares.rows).reduce(0) { $0 + Double(squares[$1, 0]) }.squareRoot()
        let size = max(norm, 1e-30) / 1024
        compute.run(count: graph.entryCount, size: 1 << 16) { range in
            for entry in range {
                forward.base[entry] /= Float(size)
                backward.base[entry] /= Float(size)
            }
        }
        return (forward, backward, size)
    }

    /// Filters features by a Chebyshev series in the graph's Laplacian; the features' matrix is used up.
    package func propagated(
        _ features: NodeMatrix,
        _ graph: Graph,
        _ compute: GraphCompute
    ) -> NodeMatrix {
        guard order > 1 else { return features }
        let weights = graph.weights.map { FloatArray(borrowing: $0, graph.entryCount, from: graph) }
        let scale = FloatArray(count: graph.nodeCount)
        let own = FloatArray(count: graph.nodeCount)
        for node in 0..<graph.nodeCount {
            let share = Float(1 / (graph.strength(of: node) + 1))
            scale.base[node] = -share
            own.base[node] = 1 - mu - share
        }
        // M = I − D⁻¹(A + I) − μI.
        let shift = SparseTerms(scale: scale, own: own)
        let isLarge = features.rows * features.stride * 4 > halvesAbove
        let (in0, in1) =
            isLarge ? (HalfMatrix(like: features), HalfMatrix(like: features)) : (nil, nil)
        let half = NodeMatrix(rows: features.rows, dimensions: features.dimensions)
        /// y = a M² x + b p + c q, where `in0` holds x rounded, and then y.
        func step(_ x: NodeMatrix, into y: NodeMatrix, _ terms: SparseTerms) {
            var (first, second) = (shift, terms)
            (first.operandHalves, first.resultHalves) = (in0, in1)
            (second.operandHalves, second.resultHalves) = (in1, in0)
            compute.multiply(graph, values: weights, x, into: half, first)
            compute.multiply(graph, values: weights, half, into: y, second)
        }
        let terms = seriesTerms(order: order)
        if let in0 { compute.narrow(features, into: in0) }
        // What stays of the features when the series is taken from them.
        let rest = features.copy(scaledBy: Float(1 - Self.bessel(0, theta)), compute)
        var before = features
        var now = NodeMatrix(rows: features.rows, dimensions: features.dimensions)
        var first = SparseTerms(scale: scale.scaled(by: 0.5), own: own.scaled(by: 0.5))
        (first.first, first.firstFactor) = (before, -1)
        (first.sum, first.sumFactor) = (rest, Float(2 * Self.bessel(1, theta)))
        step(before, into: now, first)
        for term in 2..<terms {
            var next = shift
            (next.first, next.firstFactor) = (now, -2)
            (next.second, next.secondFactor) = (before, -1)
            let sign: Float = term % 2 == 0 ? -1 : 1
            (next.sum, next.sumFactor) = (rest, sign * 2 * Float(Self.bessel(term, theta)))
            step(now, into: before, next)
            swap(&before, &now)
        }
        var last = SparseTerms()
        (last.first, last.firstFactor) = (rest, 1)
        if let in0 {
            compute.narrow(rest, into: in0)
            last.operandHalves = in0
        }
        compute.multiply(graph, values: weights, rest, into: half, last)
        // Principal directions, scaled by the roots of their values.
        let gram = compute.gram(half, half)
        let inner = RandomizedSVD.spectrum(gram, half.dimensions, stride: half.stride)
        var turn = [Double](repeating: 0, count: half.stride * half.dimensions)
        for column in 0..<half.dimensions where inner.s[column] > inner.s[0] * 1e-12 {
            let factor = pow(inner.s[column], -0.25)
            for row in 0..<half.dimensions {
                turn[row * half.dimensions + column] =
                    inner.v[column * half.dimensions + row] * factor
            }
        }
        compute.multiply(half, turn, into: rest)
        rest.normalizeRows(compute)
        return rest
    }

    /// How many terms of a series are summed; those that single precision does not see beside the first
    /// are left out.
    func seriesTerms(order: Int) -> Int {
        var terms = 2
        while terms < order, Self.bessel(terms, theta) > 0x1p-22 { terms += 1 }
        return terms
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
