/// How two nodes' vectors become the features of a pair.
public enum PairFeature: String, Sendable, CaseIterable {
    /// Products of coordinates.
    case hadamard
    /// Absolute differences.
    case l1
    /// Squared differences.
    case l2
    /// Means.
    case average
    /// The cosine alone, without a classifier.
    case cosine
}

/// How well hidden edges are found again.
public struct LinkPrediction: Sendable, Equatable {
    /// Area under the ROC curve over all test pairs.
    public var areaUnderCurve: Double
    /// Average precision over all test pairs.
    public var averagePrecision: Double
    /// Area under the curve among pairs of one part; NaN when there are none.
    public var samePart: Double
    /// Area under the curve among pairs of two parts; NaN when there are none.
    public var crossPart: Double

    /// Trains a classifier on shown pairs and ranks hidden ones.
    ///
    /// - Parameters:
    ///   - split: The pairs.
    ///   - embedding: Vectors learnt from the split's graph alone.
    ///   - feature: How two vectors become features.
    ///   - levels: The division, for the parts of the pairs.
    ///   - isMasked: Whether columns count only where both nodes lie in one subgraph.
    public init(
        _ split: EdgeSplit,
        _ embedding: GraphEmbedding,
        feature: PairFeature = .hadamard,
        levels: GraphLevels? = nil,
        isMasked: Bool = false
    ) {
        let homes = levels.map { Self.homes($0, embedding.vectors.rows) } ?? []
        let scorer = PairScorer(
            embedding: embedding,
            feature: feature,
            homes: isMasked ? homes : []
        )
        let positives = split.testPositives
        let negatives = split.testNegatives
        let scores: ([Float], [Float])
        if feature == .cosine {
            scores = (positives.map(scorer.cosine), negatives.map(scorer.cosine))
        } else {
            let train = split.trainPositives + split.trainNegatives
            let x = scorer.features(train + positives + negatives)
            let model = LogisticRegression(
                x,
                rows: Array(train.indices),
                isPositive: train.indices.map { $0 < split.trainPositives.count }
            )
            let first = train.count
            let second = first + positives.count
            scores = (
                (first..<second).map { model.score(x, $0) },
                (second..<second + negatives.count).map { model.score(x, $0) }
            )
        }
        areaUnderCurve = RankingMetrics.areaUnderCurve(positives: scores.0, negatives: scores.1)
        averagePrecision = RankingMetrics.averagePrecision(positives: scores.0, negatives: scores.1)
        guard let parts = levels?.levels.first?.partition.parts else {
            (samePart, crossPart) = (areaUnderCurve, .nan)
            return
        }
        func area(isSame: Bool) -> Double {
            func chosen(_ pairs: [(Int, Int)], _ scores: [Float]) -> [Float] {
                zip(pairs, scores).filter { (parts[$0.0.0] == parts[$0.0.1]) == isSame }.map(\.1)
            }
            return RankingMetrics.areaUnderCurve(
                positives: chosen(positives, scores.0),
                negatives: chosen(negatives, scores.1)
            )
        }
        samePart = area(isSame: true)
        crossPart = area(isSame: false)
    }

    /// Of every level the part of every node of the whole graph, −1 where it does not occur.
    private static func homes(_ levels: GraphLevels, _ nodes: Int) -> [[Int32]] {
        levels.levels.map { level in
            var homes = [Int32](repeating: -1, count: nodes)
            for (row, node) in level.nodes.enumerated() {
                homes[Int(node)] = level.partition.parts[row]
            }
            return homes
        }
    }
}

/// Turns pairs of nodes into features or scores.
private struct PairScorer {
    var embedding: GraphEmbedding
    var feature: PairFeature
    /// The part of every node at every level, when columns are masked by it.
    var homes: [[Int32]]

    func features(_ pairs: [(Int, Int)]) -> NodeMatrix {
        let vectors = embedding.vectors
        let x = NodeMatrix(rows: pairs.count, dimensions: vectors.dimensions)
        for (row, pair) in pairs.enumerated() {
            for (level, block) in embedding.blocks.enumerated() where isOpen(pair, level) {
                for column in block {
                    x[row, column] = value(vectors[pair.0, column], vectors[pair.1, column])
                }
            }
        }
        return x
    }

    func cosine(_ pair: (Int, Int)) -> Float {
        let vectors = embedding.vectors
        var (ab, aa, bb): (Float, Float, Float) = (0, 0, 0)
        for (level, block) in embedding.blocks.enumerated() {
            for column in block {
                let (a, b) = (vectors[pair.0, column], vectors[pair.1, column])
                aa += a * a
                bb += b * b
                if isOpen(pair, level) { ab += a * b }
            }
        }
        return aa > 0 && bb > 0 ? ab / (aa * bb).squareRoot() : 0
    }

    private func isOpen(_ pair: (Int, Int), _ level: Int) -> Bool {
        guard homes.count == embedding.blocks.count else { return true }
        return homes[level][pair.0] == homes[level][pair.1]
    }

    private func value(_ a: Float, _ b: Float) -> Float {
        switch feature {
        case .hadamard, .cosine: a * b
        case .l1: abs(a - b)
        case .l2: (a - b) * (a - b)
        case .average: (a + b) / 2
        }
    }
}
