internal import ArgumentParser
internal import Foundation
internal import SkeinClassic
internal import SkeinClassicHost
internal import SkeinCore
internal import SkeinTensor

/// `skein classic`: models that are not networks.
struct Classic: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fit and run linear models, naive Bayes, neighbours, clusters, trees.",
        subcommands: [
            ClassicFit.self, ClassicPredict.self, ClassicEvaluate.self, ClassicExport.self,
            ClassicBench.self,
        ]
    )
}

/// The case of an enumeration that a flag names.
func named<Value: RawRepresentable & CaseIterable>(_ text: String) throws -> Value
where Value.RawValue == String {
    if let value = Value(rawValue: text) { return value }
    let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
    throw ValidationError("\(text) is none of \(names)")
}

/// How files of samples are read.
struct ClassicReadFlags: ParsableArguments {
    @Option(
        help: "Cells that are empty, ?, NA or nan: refuse, drop, mean or zero.",
        transform: named
    )
    var missing = MissingCells.refuse

    @Option(help: "The class's column, from the end when negative (--label-column=-1), or none.")
    var labelColumn = "-1"

    @Option(help: "How many leading columns to leave out.")
    var skipColumns = 0

    @Option(name: [.customShort("t"), .long], help: "Threads; all cores by default.")
    var threads: Int?

    func team() throws -> PoolTeam {
        if let threads, !(1...1024).contains(threads) {
            throw SkeinError(.invalidArgument, "--threads is \(threads), expected 1 to 1024")
        }
        return PoolTeam(try Processor(threads: threads))
    }

    func read(_ data: String, labels: String?, classes: [String]? = nil) throws -> Dataset {
        if data.hasSuffix(".npy") { return try arrays(data, labels, classes) }
        let column: Int?
        if labelColumn == "none" {
            column = nil
        } else if let number = Int(labelColumn) {
            column = number
        } else {
            throw SkeinError(
                .invalidArgument,
                "--label-column is \(labelColumn), expected a number or none"
            )
        }
        let reader = TextTable(missing: missing, labelColumn: column, skippedColumns: skipColumns)
        return try reader.read(path: data, classes: classes)
    }

    private func arrays(
        _ data: String,
        _ labels: String?,
        _ known: [String]?
    ) throws -> Dataset {
        let samples = try NPY.read(path: data)
        guard samples.shape.count == 2, samples.shape[0] > 0, samples.shape[1] > 0 else {
            throw SkeinError(
                .shapeMismatch,
                "\(data) has shape \(samples.shape), expected two axes"
            )
        }
        let table = Table(samples.floats, rows: samples.shape[0], width: samples.shape[1])
        guard let labels else {
            let zeros = [Int32](repeating: 0, count: table.rows)
            return Dataset(table, labels: zeros, classes: known ?? [""])
        }
        let numbers = try NPY.read(path: labels)
        guard numbers.shape == [table.rows] else {
            throw SkeinError(
                .shapeMismatch,
                "\(labels) has shape \(numbers.shape), expected [\(table.rows)]"
            )
        }
        func name(_ number: Double) -> String {
            Int(exactly: number).map(String.init) ?? String(number)
        }
        let classes = known ?? Set(numbers.values).sorted().map(name)
        let places = try numbers.values.map { number in
            guard let place = classes.firstIndex(of: name(number)) else {
                throw SkeinError(
                    .invalidArgument,
                    "\(labels) holds class \(name(number)), which the model does not know"
                )
            }
            return Int32(place)
        }
        return Dataset(table, labels: places, classes: classes)
    }
}

/// The flags of every verb that reads samples.
struct ClassicDataFlags: ParsableArguments {
    @Argument(help: "Samples: .csv, .libsvm, .svm or .npy.")
    var data: String

    @Option(help: "A .npy file of class numbers beside .npy samples.")
    var labels: String?

    @OptionGroup var reading: ClassicReadFlags

    func team() throws -> PoolTeam { try reading.team() }

    func read(classes: [String]? = nil) throws -> Dataset {
        try reading.read(data, labels: labels, classes: classes)
    }
}

/// Which estimator.
struct ClassicKindFlag: ParsableArguments {
    @Option(
        help: """
            linear_svm, logistic_regression, gaussian_nb, k_neighbors, k_means, decision_tree, \
            random_forest or gaussian_mixture.
            """,
        transform: named
    )
    var kind: ClassicKind
}

/// The hyper-parameters of `fit`.
struct ClassicFitFlags: ParsableArguments {
    @Option(name: [.customShort("C"), .customLong("strength")], help: "C of the linear models.")
    var strength = 1.0

    @Option(help: "k of the nearest neighbours.")
    var k = 5

    @Option(help: "Clusters of K-means, components of a mixture.")
    var clusters = 8

    @Option(help: "Trees of a forest.")
    var trees = 100

    @Option(help: "The deepest level of a tree.")
    var depth: Int?

    @Option(help: "Naive Bayes: the share of the largest variance added to all.")
    var smoothing = 1e-9

    @Option(help: "Mixtures: added to every variance.")
    var regularisation = 1e-6

    @Option(help: "The most iterations.")
    var iterations: Int?

    @Flag(help: "Mixtures with diagonal covariances.")
    var diagonal = false

    @Option(help: "Seed of the draws.")
    var seed: UInt64 = 0

    func fit(
        _ kind: ClassicKind,
        _ data: Dataset,
        on team: PoolTeam
    ) throws -> any ClassicModel {
        switch kind {
        case .linearSVM, .logisticRegression:
            try LinearFit(kind, strength: strength, iterations: iterations ?? 300)
                .fit(data, on: team)
        case .gaussianNaiveBayes: try GaussianFit(smoothing: smoothing).fit(data)
        case .nearestNeighbours: try NeighbourModel(data, k: k)
        case .kMeans:
            try CentroidFit(clusters: clusters, iterations: iterations ?? 300, seed: seed)
                .fit(data.table, on: team)
        case .decisionTree:
            try ForestFit(trees: 1, isForest: false, depth: depth, seed: seed).fit(data, on: team)
        case .randomForest:
            try ForestFit(trees: trees, depth: depth, seed: seed).fit(data, on: team)
        case .gaussianMixture:
            try MixtureFit(
                components: clusters,
                isFull: !diagonal,
                iterations: iterations ?? 100,
                regularisation: regularisation,
                seed: seed
            ).fit(data.table, on: team)
        }
    }
}

/// A plan by its name.
struct PlanFlag: ParsableArguments {
    @Option(help: "Force a plan: batch, rows, features, or grid:<groups of rows>.")
    var plan: String?

    func value() throws -> Plan? {
        switch plan {
        case nil: return nil
        case "batch": return .batch
        case "rows": return .rows
        case "features": return .features
        default:
            let parts = (plan ?? "").split(separator: ":")
            if parts.count == 2, parts[0] == "grid", let rows = Int(parts[1]), rows > 0 {
                return .grid(rows: rows)
            }
            throw SkeinError(
                .invalidArgument,
                "--plan is \(plan ?? ""), expected batch, rows, features or grid:<n>"
            )
        }
    }
}
