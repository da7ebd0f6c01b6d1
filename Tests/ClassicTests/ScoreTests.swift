import Foundation
import SkeinClassic
import SkeinClassicHost
import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

/// Models fitted here score as scikit-learn's do on data that nobody here made.
///
/// `Tests/Golden/classic/scores.json` holds scikit-learn's accuracies (`Scripts/compare_classic.py --write`); trees are
/// means over ten seeds there, and forests over four here.
@Suite struct ScoreTests {
    /// Samples to fit and to ask, as the script reads them.
    private static func read(_ name: String) throws -> (fit: Dataset, ask: Dataset)? {
        if name == "optdigits" {
            guard let train = Files.shared("classic-ml/optdigits.tra"),
                let test = Files.shared("classic-ml/optdigits.tes")
            else { return nil }
            let fit = try TextTable().read(path: train.path)
            return (fit, try TextTable().read(path: test.path, classes: fit.classes))
        }
        let isWISDM = name == "wisdm"
        let file = isWISDM ? "wisdm-v1.1-transformed.csv" : "iris.csv"
        guard let url = Files.shared("classic-ml/\(file)") else { return nil }
        let reader = TextTable(missing: .mean, skippedColumns: isWISDM ? 2 : 0)
        let all = try reader.read(path: url.path)
        let rows = 0..<all.table.rows
        var (fit, ask) = (
            all.taking(rows.filter { $0 % 2 == 0 }), all.taking(rows.filter { $0 % 2 == 1 })
        )
        if isWISDM {
            let width = all.table.width
            var top = [Float](repeating: 0, count: width)
            for (place, value) in fit.table.values.enumerated() {
                top[place % width] = max(top[place % width], abs(value))
            }
            func scaled(_ table: SkeinClassicHost.Table) -> SkeinClassicHost.Table {
                SkeinClassicHost.Table(
                    table.values.enumerated().map { place, value in
                        top[place % width] > 0 ? value / top[place % width] : value
                    },
                    rows: table.rows,
                    width: width
                )
            }
            (fit.table, ask.table) = (scaled(fit.table), scaled(ask.table))
        }
        return (fit, ask)
    }

    private static func models(
        _ kind: ClassicKind,
        _ data: Dataset,
        _ team: PoolTeam
    ) throws -> [any ClassicModel] {
        switch kind {
        case .linearSVM: [try LinearFit(kind).fit(data, on: team)]
        case .logisticRegression: [try LinearFit(kind, iterations: 2000).fit(data, on: team)]
        case .gaussianNaiveBayes: [try GaussianFit(smoothing: 1e-2).fit(data)]
        case .nearestNeighbours: [try NeighbourModel(data, k: 5)]
        case .decisionTree:
            try (0..<10).map {
                try ForestFit(trees: 1, isForest: false, seed: $0).fit(data, on: team)
            }
        case .randomForest:
            try (0..<4).map { try ForestFit(trees: 100, seed: $0).fit(data, on: team) }
        case .kMeans, .gaussianMixture: []
        }
    }

    @Test(arguments: ["iris", "optdigits", "wisdm"])
    func `accuracies are within half a point of scikit-learn's, or above`(name: String) throws {
        guard let (fit, ask) = try Self.read(name) else { return }
        let golden = try MappedFile(path: Files.golden("classic/scores.json").path).json()
        let team = try team()
        for kind in ClassicKind.allCases where !kind.isClustering {
            let wanted = try #require(golden[name]?[kind.rawValue]?.double)
            let models = try Self.models(kind, fit, team)
            let scores = try models.map { model in
                let labels = try model.predictions(for: ask.table, on: team).labels
                return Metrics(truth: ask.labels, predicted: labels, classes: ask.classes).accuracy
            }
            let mean = scores.reduce(0, +) / Double(scores.count)
            #expect(mean > wanted - 0.005, "\(kind.rawValue) on \(name): \(scores), \(wanted)")
        }
    }

    @Test func `the score of a mixture is the log-likelihood of the formula`() throws {
        let model = try MixtureModel(
            width: 1,
            isFull: false,
            weights: [0.25, 0.75],
            means: [0, 2],
            covariances: [1, 4]
        )
        let table = Table([0.5, -1, 3], rows: 3, width: 1)
        func density(_ x: Double) -> Double {
            0.25 * exp(-0.5 * x * x) / (2 * .pi).squareRoot()
                + 0.75 * exp(-(x - 2) * (x - 2) / 8) / (8 * .pi).squareRoot()
        }
        let wanted = [0.5, -1, 3].map { log(density($0)) }.reduce(0, +) / 3
        let found = try model.meanLogLikelihood(table, on: team())
        #expect(abs(found - wanted) < 1e-6)
    }
}
