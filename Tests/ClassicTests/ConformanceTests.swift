import Foundation
import SkeinClassic
import SkeinClassicHost
import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

/// The digits that scikit-learn's golden models were fitted on.
struct Digits {
    let fit: Dataset
    let ask: Dataset
    let expected: JSON

    init() throws {
        let pixels = try NPY.read(path: Files.golden("classic/digits.npy").path)
        let labels = try NPY.read(path: Files.golden("classic/digits_classes.npy").path)
        let table = Table(pixels.floats, rows: 300, width: 64)
        let all = Dataset(
            table,
            labels: labels.values.map { Int32($0) },
            classes: (0...9).map { "\($0)" }
        )
        fit = all.taking(Array(0..<200))
        ask = all.taking(Array(200..<300))
        expected = try MappedFile(path: Files.golden("classic/expected.json").path).json()
    }

    func model(_ kind: ClassicKind) throws -> any ClassicModel {
        let folder = try #require(expected[kind.rawValue]?["folder"]?.string)
        return try ModelStore.load(Files.golden("classic/\(folder)").path)
    }

    func fitted(_ kind: ClassicKind, _ team: PoolTeam) throws -> any ClassicModel {
        switch kind {
        case .linearSVM: try LinearFit(kind, strength: 0.01).fit(fit, on: team)
        case .logisticRegression: try LinearFit(kind).fit(fit, on: team)
        case .gaussianNaiveBayes: try GaussianFit(smoothing: 1e-2).fit(fit)
        case .nearestNeighbours: try NeighbourModel(fit, k: 5)
        case .kMeans: try CentroidFit(clusters: 6).fit(fit.table, on: team)
        case .decisionTree: try ForestFit(trees: 1, isForest: false, seed: 7).fit(fit, on: team)
        case .randomForest: try ForestFit(trees: 32, seed: 7).fit(fit, on: team)
        case .gaussianMixture:
            try MixtureFit(components: 3, isFull: false, regularisation: 0.1).fit(
                fit.table,
                on: team
            )
        }
    }
}

/// A team of some threads.
func team(_ threads: Int = 2) throws -> PoolTeam { PoolTeam(try Processor(threads: threads)) }

/// Every estimator keeps the same laws.
@Suite struct ConformanceTests {
    @Test(arguments: ClassicKind.allCases)
    func `an imported model predicts as scikit-learn does`(kind: ClassicKind) throws {
        let digits = try Digits()
        let labels = try digits.model(kind).predictions(for: digits.ask.table, on: team()).labels
        let wanted = try #require(digits.expected[kind.rawValue]?["labels"]?.array)
        #expect(labels.map(Int.init) == wanted.compactMap(\.int))
    }

    @Test(arguments: ClassicKind.allCases)
    func `every plan and number of workers predicts the same`(kind: ClassicKind) throws {
        let digits = try Digits()
        let model = try digits.model(kind)
        let table = digits.ask.table.taking([0, 1, 2, 3, 4, 5, 6])
        let plain = try model.predictions(for: table, on: team(1), plan: .batch)
        for threads in [1, 2, 3, 5, 8] {
            let team = try team(threads)
            for plan in [Plan.batch, .rows, .features, .grid(rows: 2)] {
                let other = try model.predictions(for: table, on: team, plan: plan)
                #expect(other.labels == plain.labels, "\(plan) on \(threads)")
                // Sums in another order differ by rounding only.
                for (a, b) in zip(other.scores, plain.scores) {
                    #expect(abs(a - b) <= 1e-4 * max(1, abs(b)), "\(plan) on \(threads)")
                }
            }
        }
    }

    @Test(arguments: [0, 1000] as [Float])
    func `centroids in bulk give a plan's labels, also where several are as near`(
        offset: Float
    ) throws {
        // A third of the samples lie midway between centroids, and two centroids are the same. Around zero
        // products alone decide most samples, far from it rounding leaves all to distances.
        let (rows, width, clusters) = (997, 24, 9)
        var centres = (0..<clusters * width).map { Float($0 * $0 * 31 % 19) - 9 + offset }
        centres.replaceSubrange(5 * width..<6 * width, with: centres[2 * width..<3 * width])
        var values = (0..<rows * width).map { Float($0 * $0 * 17 % 23) - 11 + offset }
        for row in stride(from: 0, to: rows, by: 3) {
            let (one, other) = (row % clusters, (row / 3 + 1) % clusters)
            for column in 0..<width {
                let sum = centres[one * width + column] + centres[other * width + column]
                values[row * width + column] = sum / 2
            }
        }
        let model = CentroidModel(width: width, centres: centres, iterations: 1, inertia: 0)
        let table = Table(values, rows: rows, width: width)
        let plain = try model.predictions(for: table, on: team(1), plan: .batch)
        for threads in 1...3 {
            let bulk = try model.predictions(for: table, on: team(threads))
            #expect(bulk.labels == plain.labels)
            // The rounding of a square of 24 million, or of some thousands.
            let most = offset > 0 ? 16 : 4e-3
            #expect(zip(bulk.scores, plain.scores).allSatisfy { abs($0 - $1) <= most })
            for (row, label) in plain.labels.enumerated() {
                let place = row * clusters + Int(label)
                #expect(bulk.scores[place] == plain.scores[place])
            }
        }
    }

    @Test(arguments: ClassicKind.allCases)
    func `a fitted model survives its file`(kind: ClassicKind) throws {
        let digits = try Digits()
        let team = try team()
        let model = try digits.fitted(kind, team)
        let folder = try Folder()
        try ModelStore.save(model, to: folder.path)
        let loaded = try ModelStore.load(folder.path)
        let before = try model.predictions(for: digits.ask.table, on: team)
        let after = try loaded.predictions(for: digits.ask.table, on: team)
        #expect(loaded.kind == kind && loaded.classes == model.classes)
        #expect(before.labels == after.labels && before.scores == after.scores)
    }

    @Test(arguments: ClassicKind.allCases)
    func `fits are equal for the same seed and refuse other widths`(kind: ClassicKind) throws {
        let digits = try Digits()
        let team = try team()
        let first = try digits.fitted(kind, team).predictions(for: digits.ask.table, on: team)
        let model = try digits.fitted(kind, team)
        #expect(try model.predictions(for: digits.ask.table, on: team).labels == first.labels)
        let narrow = Table([1, 2, 3], rows: 1, width: 3)
        let error = #expect(throws: SkeinError.self) {
            try model.predictions(for: narrow, on: team)
        }
        #expect(error?.code == .shapeMismatch)
        #expect(error?.message.contains("3 features") == true)
        let none = Table([], rows: 0, width: 64)
        #expect(try model.predictions(for: none, on: team).labels.isEmpty)
    }

    @Test(arguments: ClassicKind.allCases.filter { !$0.isClustering })
    func `a fit scores as scikit-learn's does`(kind: ClassicKind) throws {
        let digits = try Digits()
        let team = try team()
        let labels = try digits.fitted(kind, team).predictions(for: digits.ask.table, on: team)
            .labels
        let accuracy = Metrics(
            truth: digits.ask.labels,
            predicted: labels,
            classes: digits.ask.classes
        ).accuracy
        let wanted = try #require(digits.expected[kind.rawValue]?["accuracy"]?.double)
        // A hundred samples: trees differ by their draws, convex fits by a sample at most.
        let slack = kind == .decisionTree ? 0.1 : 0.011
        #expect(accuracy >= wanted - slack, "\(accuracy), scikit-learn \(wanted)")
    }

    @Test(arguments: ClassicKind.allCases.filter { !$0.isClustering })
    func `one class is not enough`(kind: ClassicKind) throws {
        let table = Table([1, 2, 3, 4], rows: 2, width: 2)
        let data = Dataset(table, labels: [0, 0], classes: ["a", "b"])
        let team = try team(1)
        guard kind != .nearestNeighbours else {
            #expect(throws: SkeinError.self) { try NeighbourModel(data, k: 3) }
            return
        }
        #expect(throws: SkeinError.self) {
            switch kind {
            case .gaussianNaiveBayes: _ = try GaussianFit().fit(data)
            case .decisionTree, .randomForest: _ = try ForestFit(trees: 2).fit(data, on: team)
            default: _ = try LinearFit(kind).fit(data, on: team)
            }
        }
    }

    @Test func `a constant column does not smooth the others`() throws {
        let table = Table([0.1, 7, 0.3, 7, 0.6, 7, 0.8, 7], rows: 4, width: 2)
        let data = Dataset(table, labels: [0, 0, 1, 1], classes: ["a", "b"])
        let model = try GaussianFit(smoothing: 0.5).fit(data)
        // By hand: 0.01 within each class, 0.0725 over all, half of it added.
        for (found, wanted) in zip(model.variances, [0.04625, 0.03625, 0.04625, 0.03625]) {
            #expect(abs(found - wanted) < 1e-6, "\(model.variances)")
        }
    }
}
