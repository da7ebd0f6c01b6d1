public import SkeinClassic
internal import SkeinCore

/// Counts of retired instructions of every estimator's inference on an emulated RISC-V chip.
///
/// One hart computes the shares of 1 to 8 workers one after another; see `FirmwareReport.steps`.
public struct ChipExperiment: Sendable {
    /// What one kernel cost in one build.
    public struct Entry: Sendable {
        /// The estimator.
        public let kernel: String
        /// The numbers.
        public let numbers: BlobNumbers
        /// The build.
        public let build: Emulator.Build
        /// Instructions by plan (its number in `ChipModel.plan`) and number of workers less one.
        public let steps: [Int: [Int]]

        /// The plans that share the work of one sample, by number.
        private static let single = 1...4

        /// Instructions with one worker under the cheapest plan that takes single samples, else the batch.
        public var alone: Int {
            let single = steps.filter { Self.single.contains($0.key) }.compactMap(\.value.first)
                .min()
            return single ?? steps[0]?.first ?? 0
        }

        /// How many times faster some workers are under a plan than one under its cheapest of that kind.
        public func speedup(plan: Int, workers: Int) -> Double? {
            guard let steps = steps[plan], workers <= steps.count else { return nil }
            let base = Self.single.contains(plan) ? alone : self.steps[0]?.first ?? steps[0]
            return Double(base) / Double(steps[workers - 1])
        }

        /// The fastest plan for one sample with eight workers, and how many times faster it is.
        public var bestSingle: (plan: Int, speedup: Double)? {
            steps.keys.filter { Self.single.contains($0) }.sorted()
                .compactMap { plan in speedup(plan: plan, workers: 8).map { (plan, $0) } }
                .max { $0.1 < $1.1 }
        }
    }

    /// The rows and features of the kernels whose plan the cost model chooses.
    private(set) var shapes: [String: (rows: Int, width: Int)] = [:]
    /// Everything that was counted.
    public private(set) var entries: [Entry] = []
    /// The kernel that selects all neighbours in one worker, an ablation; no mean holds it.
    public static var serial: String { "k_neighbors, serial selection" }

    /// Fits the estimators to `data`, makes firmware in `folder` and counts; the first 16 samples are asked, and
    /// the nearest neighbours store the first `stored`.
    public init(
        _ data: Dataset,
        on team: PoolTeam,
        stored: Int = 256,
        seed: UInt64 = 0,
        folder path: String,
        progress: (String) -> Void
    ) throws {
        let missing = Emulator.missing(libgcc: true)
        guard missing.isEmpty else {
            throw SkeinError(
                .notFound,
                "not installed: \(missing.joined(separator: ", "))",
                hint: "make setup-riscv installs what the RISC-V experiment needs"
            )
        }
        let tables = try Self.tables(data, team, stored, seed)
        var floats: [ChipBlob] = []
        var fixed: [ChipBlob] = []
        for (name, tables) in tables {
            if let rows = tables.rows { shapes[name] = (rows, data.table.width) }
            for numbers in [BlobNumbers.f32, .q15, .q31, .i8] {
                let blob = try ChipBlob(
                    tables,
                    name: "\(name).\(numbers)",
                    width: data.table.width,
                    numbers: numbers,
                    calibration: data.table,
                    asked: data.table.taking(Array(0..<min(data.table.rows, 256))),
                    tests: tables.kind == .iteration ? 128 : 16
                )
                if numbers == .f32 { floats.append(blob) } else { fixed.append(blob) }
            }
        }
        var folder = try FirmwareFolder(floats)
        if let place = floats.firstIndex(where: { $0.kind == .nearest }) {
            folder.extra = [(place, "ChipSerialNearest<Float>", "\(Self.serialName).f32")]
        }
        try folder.write(to: path + "/f32")
        for build in [Emulator.Build.libgcc, .ours, .unit] {
            progress("floats, \(build.rawValue)")
            let report = try Emulator(folder: path + "/f32")
                .report(build, harts: 1, isCounting: true)
            add(report, build)
        }
        progress("fixed point, rv32imac")
        try FirmwareFolder(fixed).write(to: path + "/fixed")
        let report = try Emulator(folder: path + "/fixed")
            .report(.ours, harts: 1, isCounting: true)
        add(report, .ours)
    }

    private static var serialName: String { "k_neighbors_serial" }

    private mutating func add(_ report: FirmwareReport, _ build: Emulator.Build) {
        for model in report.models {
            let parts = model.name.split(separator: ".")
            guard parts.count == 2 else { continue }
            let numbers: BlobNumbers =
                switch parts[1] {
                case "q15": .q15
                case "q31": .q31
                case "i8": .i8
                default: .f32
                }
            var steps: [Int: [Int]] = [:]
            for plan in model.counts.keys {
                steps[plan] = (1...8).compactMap { report.steps(model, plan: plan, workers: $0) }
            }
            let name = parts[0] == Self.serialName ? Self.serial : String(parts[0])
            entries.append(Entry(kernel: name, numbers: numbers, build: build, steps: steps))
        }
    }

    /// One of every estimator, small enough for a chip.
    private static func tables(
        _ data: Dataset,
        _ team: PoolTeam,
        _ stored: Int,
        _ seed: UInt64
    ) throws -> [(String, ChipTables)] {
        let few = data.taking(Array(0..<min(stored, data.table.rows)))
        let clusters = min(8, data.table.rows)
        let start = Array(data.table.values.prefix(clusters * data.table.width))
        return [
            ("linear_svm", try LinearFit(.linearSVM).fit(data, on: team).tables),
            ("logistic_regression", try LinearFit(.logisticRegression).fit(data, on: team).tables),
            ("gaussian_nb", try GaussianFit(smoothing: 0.01).fit(data).tables),
            ("k_neighbors", try NeighbourModel(few, k: min(5, few.table.rows)).tables),
            (
                "k_means",
                try CentroidFit(clusters: clusters, seed: seed).fit(data.table, on: team).tables
            ),
            ("k_means_iteration", .iteration(start)),
            (
                "decision_tree",
                try ForestFit(trees: 1, isForest: false, seed: seed).fit(data, on: team).tables
            ),
            ("random_forest", try ForestFit(trees: 16, seed: seed).fit(data, on: team).tables),
            (
                "gaussian_mixture",
                try MixtureFit(
                    components: 5,
                    isFull: false,
                    iterations: 50,
                    regularisation: 0.1,
                    seed: seed
                ).fit(data.table, on: team).tables
            ),
        ]
    }

    /// The kernels in order of appearance.
    public var kernels: [String] {
        var names: [String] = []
        for entry in entries where !names.contains(entry.kernel) { names.append(entry.kernel) }
        return names
    }

    /// What was counted of a kernel.
    public func entry(
        _ kernel: String,
        _ numbers: BlobNumbers,
        _ build: Emulator.Build
    ) -> Entry? {
        entries.first { $0.kernel == kernel && $0.numbers == numbers && $0.build == build }
    }
}
