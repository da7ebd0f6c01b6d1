import Foundation
import SkeinClassicHost
import SkeinCore
import SkeinTestSupport
import Testing

/// Scores on data beside the repository, against scikit-learn's as `Scripts/compare_classic.py` wrote them.
@Suite struct ScoreTests {
    /// The samples to fit and to ask; `nil` where the files are not there.
    private func data(_ name: String) throws -> (fit: Dataset, ask: Dataset)? {
        switch name {
        case "iris":
            guard let file = Files.shared("classic-ml/iris.csv") else { return nil }
            return halves(try TextTable().read(path: file.path))
        case "optdigits":
            guard let fit = Files.shared("classic-ml/optdigits.tra"),
                let ask = Files.shared("classic-ml/optdigits.tes")
            else { return nil }
            let known = try TextTable().read(path: fit.path)
            return (known, try TextTable().read(path: ask.path, classes: known.classes))
        case "wisdm":
            guard let file = Files.shared("classic-ml/wisdm-v1.1-transformed.csv") else {
                return nil
            }
            let all = try TextTable(missing: .mean, skippedColumns: 2).read(path: file.path)
            return scaled(halves(all))
        default:
            guard let fit = try images("train10k", 2000), let ask = try images("t10k", 1000)
            else { return nil }
            return (fit, ask)
        }
    }

    /// Even rows to fit, odd rows to ask.
    private func halves(_ all: Dataset) -> (fit: Dataset, ask: Dataset) {
        let rows = 0..<all.table.rows
        return (all.taking(rows.filter { $0 % 2 == 0 }), all.taking(rows.filter { $0 % 2 == 1 }))
    }

    /// Columns divided by the largest of the fitted rows.
    private func scaled(_ parts: (fit: Dataset, ask: Dataset)) -> (fit: Dataset, ask: Dataset) {
        let width = parts.fit.table.width
        var top = [Float](repeating: 0, count: width)
        for (index, value) in parts.fit.table.values.enumerated() {
            top[index % width] = max(top[index % width], abs(value))
        }
        func divided(_ data: Dataset) -> Dataset {
            var data = data
            for index in data.table.values.indices where top[index % width] > 0 {
                data.table.values[index] /= top[index % width]
            }
            return data
        }
        return (divided(parts.fit), divided(parts.ask))
    }

    private func images(_ name: String, _ count: Int) throws -> Dataset? {
        func unpacked(_ path: String) throws -> [UInt8]? {
            guard let file = Files.shared(path) else { return nil }
            let (process, pipe) = (Process(), Pipe())
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = ["gzip", "-dc", file.path]
            process.standardOutput = pipe
            try process.run()
            let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return Array(bytes)
        }
        guard let pixels = try unpacked("mnist/\(name)-images-idx3-ubyte.gz"),
            let labels = try unpacked("mnist/\(name)-labels-idx1-ubyte.gz")
        else { return nil }
        let values = pixels[16..<16 + 784 * count].map { Float($0) / 255 }
        return Dataset(
            Table(values, rows: count, width: 784),
            labels: labels[8..<8 + count].map { Int32($0) },
            classes: (0...9).map { "\($0)" }
        )
    }

    private func fitted(
        _ kind: ClassicKind,
        _ data: Dataset,
        _ team: PoolTeam
    ) throws
        -> any ClassicModel
    {
        switch kind {
        case .linearSVM: try LinearFit(kind).fit(data, on: team)
        case .logisticRegression: try LinearFit(kind, iterations: 2000).fit(data, on: team)
        case .gaussianNaiveBayes: try GaussianFit(smoothing: 0.01).fit(data)
        case .decisionTree: try ForestFit(trees: 1, isForest: false).fit(data, on: team)
        case .randomForest: try ForestFit(trees: 100).fit(data, on: team)
        default: try NeighbourModel(data, k: 5)
        }
    }

    @Test(arguments: ["iris", "optdigits", "wisdm", "mnist"])
    func `fits score within half a point of scikit-learn's`(name: String) throws {
        guard let (fit, ask) = try data(name) else { return }
        let golden = try MappedFile(path: Files.golden("classic/scores.json").path).json()
        let wanted = try #require(golden[name])
        let team = try team()
        for kind in ClassicKind.allCases where !kind.isClustering {
            let labels = try fitted(kind, fit, team).predictions(for: ask.table, on: team).labels
            let metrics = Metrics(truth: ask.labels, predicted: labels, classes: fit.classes)
            let score = try #require(wanted[kind.rawValue]?.double)
            // Trees are other draws: two points for one tree, one for a hundred, on so few samples.
            let slack =
                kind == .decisionTree ? 0.02 : kind == .randomForest ? 0.01 : 0.005
            #expect(
                metrics.accuracy >= score - slack,
                "\(kind.rawValue) \(metrics.accuracy), \(score)"
            )
        }
    }
}
