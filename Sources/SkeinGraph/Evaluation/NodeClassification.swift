public import SkeinTensor

/// How well labels follow from vectors.
public struct NodeClassification: Sendable, Equatable {
    /// F1 over all decisions, the mean over repeats.
    public var micro: Double
    /// The mean of the labels' F1, the mean over repeats.
    public var macro: Double

    /// Trains one classifier a label and predicts as many labels as a node has.
    ///
    /// - Parameters:
    ///   - vectors: One row a node; unit length is made here.
    ///   - labels: The labels.
    ///   - trainShare: The share of labelled nodes to train on.
    ///   - repeats: How many splits.
    ///   - seed: The seed of the splits.
    ///   - processor: Where it runs.
    public init(
        _ vectors: NodeMatrix,
        _ labels: NodeLabels,
        trainShare: Double = 0.5,
        repeats: Int = 10,
        seed: UInt64 = 1,
        processor: Processor
    ) {
        let x = vectors.copy()
        x.normalizeRows()
        let labelled = labels.labels.indices.filter { !labels.labels[$0].isEmpty }
        let count = labels.names.count
        var sums = (micro: 0.0, macro: 0.0)
        for turn in 0..<max(repeats, 1) {
            var order = labelled
            var random = SubgraphSeed(seed).random(.classifier, at: turn)
            for index in order.indices.dropLast() {
                order.swapAt(index, index + random.below(order.count - index))
            }
            let cut = min(max(Int(trainShare * Double(order.count)), 1), order.count)
            let (train, test) = (Array(order[..<cut]), Array(order[cut...]))
            let scores = NodeMatrix(rows: test.count, dimensions: count)
            processor.pool.run(tasks: count) { label in
                let isPositive = train.map { labels.labels[$0].contains(label) }
                let isSeen = isPositive.contains(true)
                let model =
                    isSeen ? LogisticRegression(x, rows: train, isPositive: isPositive) : nil
                for (row, node) in test.enumerated() {
                    scores[row, label] = model?.score(x, node) ?? -.infinity
                }
            }
            let predicted = test.indices.map { row -> [Int] in
                let ranked = (0..<count).sorted {
                    (scores[row, $1], $0) < (scores[row, $0], $1)
                }
                return Array(ranked.prefix(labels.labels[test[row]].count))
            }
            let f1 = RankingMetrics.f1(
                predicted: predicted,
                actual: test.map { labels.labels[$0] },
                labels: count
            )
            sums.micro += f1.micro
            sums.macro += f1.macro
        }
        micro = sums.micro / Double(max(repeats, 1))
        macro = sums.macro / Double(max(repeats, 1))
    }
}
