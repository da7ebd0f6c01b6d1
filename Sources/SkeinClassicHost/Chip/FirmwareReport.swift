internal import SkeinCore

/// What firmware says over its UART.
public struct FirmwareReport: Sendable {
    /// What it says of one model.
    public struct Model: Sendable {
        /// The model's name.
        public let name: String
        /// Whether the checksum of its tables was right.
        public let isIntact: Bool
        /// How many runs there were, one a plan and number of workers.
        public var runs = 0
        /// The runs whose results differ from the host's, as "plan workers".
        public var wrong: [String] = []
        /// The classes of the test samples.
        public var labels: [Int32] = []
        /// The results as bits.
        public var patterns: [UInt64] = []
        /// Instructions of each worker's share, by plan, workers and phase; of one hart only.
        public var counts: [Int: [Int: [[Int]]]] = [:]
    }

    /// The models in the order of the firmware.
    public private(set) var models: [Model] = []
    /// How many harts took part.
    public private(set) var harts = 0
    /// The instructions of a barrier that one hart passes alone.
    public private(set) var barrier = 0
    /// Whether the last line says that all runs were right.
    public private(set) var isPassed = false

    /// Reads the lines; throws at one that firmware does not write.
    public init(_ text: String) throws {
        for line in text.split(whereSeparator: \.isNewline) {
            var words = line.split(separator: " ")
            guard !words.isEmpty else { continue }
            let first = words.removeFirst()
            func numbers() throws -> [UInt64] {
                try words.map { word in
                    guard let number = UInt64(word, radix: 16) else {
                        throw SkeinError(
                            .syntax,
                            "firmware wrote \"\(line)\"; \(word) is no number"
                        )
                    }
                    return number
                }
            }
            switch first {
            case "skein" where words.count == 2: harts = Int(words[1], radix: 16) ?? 0
            case "barrier" where words.count == 1: barrier = Int(words[0], radix: 16) ?? 0
            case "model" where words.count == 2:
                models.append(Model(name: String(words[0]), isIntact: words[1] == "intact"))
            case "run" where words.count == 3 && !models.isEmpty:
                models[models.count - 1].runs += 1
                if words[2] != "right" {
                    models[models.count - 1].wrong.append("\(words[0]) \(words[1])")
                }
            case "labels" where !models.isEmpty:
                models[models.count - 1].labels = try numbers().map {
                    Int32(truncatingIfNeeded: $0)
                }
            case "values" where !models.isEmpty: models[models.count - 1].patterns = try numbers()
            case "count" where words.count > 2 && !models.isEmpty:
                let all = try numbers().map(Int.init)
                models[models.count - 1].counts[all[0], default: [:]][all[1], default: []]
                    .append(Array(all[2...]))
            case "PASS": isPassed = true
            case "FAIL": isPassed = false
            default:
                throw SkeinError(.syntax, "firmware wrote \"\(line)\", which no report holds")
            }
        }
    }

    /// Instructions from start to end for a plan and a number of workers: the busiest worker of each phase, and
    /// a barrier behind each phase, to whose cost every further hart adds the six instructions that wake it.
    public func steps(_ model: Model, plan: Int, workers: Int) -> Int? {
        guard let phases = model.counts[plan]?[workers] else { return nil }
        let meeting = workers == 1 ? 0 : barrier + 6 * (workers - 1)
        return phases.reduce(0) { $0 + ($1.max() ?? 0) + meeting }
    }
}
