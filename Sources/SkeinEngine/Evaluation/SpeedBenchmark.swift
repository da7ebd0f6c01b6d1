public import SkeinModels
internal import SkeinNN
public import SkeinTensor

/// Measures prompt processing and token generation as llama-bench does: random tokens, an empty context,
/// a warm-up, repetitions.
public struct SpeedBenchmark {
    /// One thing to measure.
    public enum Test: Sendable, Hashable {
        /// A prompt of so many tokens in one request.
        case prompt(Int)
        /// So many tokens for each of some sequences at once, after `depth` tokens of context each.
        case generation(Int, sequences: Int, depth: Int)

        /// The short name: `pp256`, `tg64`, `tg64x4`.
        public var name: String {
            switch self {
            case .prompt(let count): "pp\(count)"
            case .generation(let count, 1, _): "tg\(count)"
            case .generation(let count, let sequences, _): "tg\(count)x\(sequences)"
            }
        }

        /// Tokens that one repetition processes.
        public var tokens: Int {
            switch self {
            case .prompt(let count): count
            case .generation(let count, let sequences, _): count * sequences
            }
        }
    }

    /// The repetitions of one test.
    public struct Measurement: Sendable {
        /// What was measured.
        public var test: Test
        /// Tokens per second of each repetition.
        public var samples: [Double]

        /// The mean of the samples.
        public var mean: Double { samples.reduce(0, +) / Double(max(samples.count, 1)) }

        /// The sample standard deviation.
        public var deviation: Double {
            guard samples.count > 1 else { return 0 }
            let squares = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            return (squares / Double(samples.count - 1)).squareRoot()
        }
    }

    private let model: any LanguageModel
    private let processor: Processor
    private let options: EngineOptions
    private var noise: Philox
    private var draws: UInt64 = 0

    /// Prepares to measure a model.
    public init(
        model: any LanguageModel,
        processor: Processor,
        options: EngineOptions,
        seed: UInt64 = 1
    ) {
        self.model = model
        self.processor = processor
        self.options = options
        noise = Philox(NoiseKey(seed: seed, stream: 7))
    }

    /// Runs a test once to warm up and then `repetitions` times.
    ///
    /// - Parameters:
    ///   - test: What to measure.
    ///   - repetitions: How often.
    ///   - warmsUp: Whether to run once before measuring.
    /// - Returns: The samples.
    /// - Throws: Errors of the model.
    public mutating func run(
        _ test: Test,
        repetitions: Int,
        warmsUp: Bool = true
    ) throws -> Measurement {
        if warmsUp { _ = try once(test) }
        var samples: [Double] = []
        for _ in 0..<repetitions {
            let elapsed = try once(test)
            samples.append(Double(test.tokens) / elapsed)
        }
        return Measurement(test: test, samples: samples)
    }

    /// Seconds of one repetition.
    private mutating func once(_ test: Test) throws -> Double {
        var execution = Execution(
            processor: processor,
            state: model.makeState(dtype: options.cacheType)
        )
        let clock = ContinuousClock()
        switch test {
        case .prompt(let count):
            let start = clock.now
            try feed(count, slot: 0, &execution)
            return Self.seconds(clock.now - start)
        case .generation(let count, let sequences, let depth):
            for slot in 0..<sequences where depth > 0 {
                try feed(depth, slot: Int32(slot), &execution)
            }
            let start = clock.now
            for step in 0..<count { try decode(sequences, position: depth + step, &execution) }
            return Self.seconds(clock.now - start)
        }
    }

    /// A prompt in chunks of the row budget, with logits of its last row.
    private mutating func feed(_ count: Int, slot: Int32, _ execution: inout Execution) throws {
        var position = 0
        while position < count {
            let rows = min(options.rowBudget, count - position)
            let isLast = position + rows == count
            try step(
                RowBatch(
                    inputs: .tokens((0..<rows).map { _ in nextToken() }),
                    positions: (position..<position + rows).map(Int32.init),
                    segments: [
                        Segment(rows: 0..<rows, slot: slot, reads: .all(.main), visibility: .causal)
                    ],
                    headRows: isLast ? [Int32(rows - 1)] : []
                ),
                &execution
            )
            position += rows
        }
    }

    /// One token for each sequence.
    private mutating func decode(
        _ sequences: Int,
        position: Int,
        _ execution: inout Execution
    ) throws {
        try step(
            RowBatch(
                inputs: .tokens((0..<sequences).map { _ in nextToken() }),
                positions: Array(repeating: Int32(position), count: sequences),
                segments: (0..<sequences).map {
                    Segment(
                        rows: $0..<$0 + 1,
                        slot: Int32($0),
                        reads: .all(.main),
                        visibility: .causal
                    )
                },
                headRows: (0..<Int32(sequences)).map { $0 }
            ),
            &execution
        )
    }

    private func step(_ batch: RowBatch, _ execution: inout Execution) throws {
        let hidden = try model.forward(batch, &execution)
        if !batch.headRows.isEmpty {
            let logits = model.logits(processor.gather(hidden, rows: batch.headRows), processor)
            guard processor.isFinite(logits) else { return }
        }
        for (index, segment) in batch.segments.enumerated() {
            try execution.state.commit(
                rows: (0..<Int32(segment.rows.count)).map { $0 },
                ofSegment: index,
                to: BranchKey(segment.slot, .main)
            )
        }
    }

    private mutating func nextToken() -> Int32 {
        draws += 1
        return Int32(noise.uniform(at: draws) * Double(model.description.vocabularySize))
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}
