/// How predictions compare with the truth.
public struct Metrics: Sendable {
    /// `[truth, prediction]` counts.
    public let confusion: [[Int]]
    /// The names of the classes.
    public let classes: [String]

    /// Counts predictions.
    ///
    /// - Precondition: Both have the same number of labels, all within `classes`.
    public init(truth: [Int32], predicted: [Int32], classes: [String]) {
        precondition(truth.count == predicted.count, "\(truth.count) and \(predicted.count) labels")
        let empty = [Int](repeating: 0, count: classes.count)
        var confusion = [[Int]](repeating: empty, count: classes.count)
        for (a, b) in zip(truth, predicted) { confusion[Int(a)][Int(b)] += 1 }
        (self.confusion, self.classes) = (confusion, classes)
    }

    /// The share of right predictions.
    public var accuracy: Double {
        let total = confusion.reduce(0) { $0 + $1.reduce(0, +) }
        let right = confusion.indices.reduce(0) { $0 + confusion[$1][$1] }
        return total == 0 ? 0 : Double(right) / Double(total)
    }

    /// Of the predictions of a class, the share that is right.
    public func precision(_ index: Int) -> Double {
        let predicted = confusion.reduce(0) { $0 + $1[index] }
        return predicted == 0 ? 0 : Double(confusion[index][index]) / Double(predicted)
    }

    /// Of the samples of a class, the share that is found.
    public func recall(_ index: Int) -> Double {
        let samples = confusion[index].reduce(0, +)
        return samples == 0 ? 0 : Double(confusion[index][index]) / Double(samples)
    }

    /// The mean over classes of the harmonic mean of precision and recall.
    public var macroF1: Double {
        guard !classes.isEmpty else { return 0 }
        let sum = classes.indices.reduce(0.0) { sum, index in
            let (precision, recall) = (precision(index), recall(index))
            return precision + recall == 0
                ? sum : sum + 2 * precision * recall / (precision + recall)
        }
        return sum / Double(classes.count)
    }

    /// The confusion matrix as an SVG picture, rows the truth.
    public var picture: String {
        let (cell, margin) = (48, 120)
        let size = classes.count * cell + margin + 12
        let most = max(confusion.joined().max() ?? 1, 1)
        var svg =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(size)\" height=\"\(size)\""
            + " font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">\n"
            + "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        for (row, counts) in confusion.enumerated() {
            let y = margin + row * cell
            svg +=
                "<text x=\"\(margin / 2)\" y=\"\(y + 28)\">\(Self.escaped(classes[row]))</text>\n"
            let middle = margin + row * cell + cell / 2
            svg +=
                "<text transform=\"translate(\(middle) \(margin / 2)) rotate(-60)\">"
                + "\(Self.escaped(classes[row]))</text>\n"
            for (column, count) in counts.enumerated() {
                let x = margin + column * cell
                let shade = 255 - 200 * count / most
                svg +=
                    "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(cell)\" height=\"\(cell)\""
                    + " fill=\"rgb(\(shade),\(shade),255)\" stroke=\"#ccc\"/>"
                    + "<text x=\"\(x + cell / 2)\" y=\"\(y + 28)\">\(count)</text>\n"
            }
        }
        return svg + "</svg>\n"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "<": result += "&lt;"
            case "&": result += "&amp;"
            default: result.append(character)
            }
        }
        return result
    }
}

/// Divisions of samples that are functions of a seed.
public enum Splits {
    /// A random order of `0 ..< count`.
    public static func order(_ count: Int, seed: UInt64) -> [Int] {
        var generator = SplitMix(state: seed)
        return (0..<count).shuffled(using: &generator)
    }

    /// The folds of a cross-validation, each class spread evenly.
    public static func folds(_ labels: [Int32], count: Int, seed: UInt64) -> [[Int]] {
        var folds = [[Int]](repeating: [], count: max(count, 1))
        let order = order(labels.count, seed: seed).sorted { labels[$0] < labels[$1] }
        for (turn, place) in order.enumerated() { folds[turn % max(count, 1)].append(place) }
        return folds.map { $0.sorted() }
    }
}
