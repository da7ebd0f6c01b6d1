internal import Foundation
internal import SkeinCore
public import SkeinModels
internal import SkeinNN
public import SkeinTensor

/// How surprising a text is to a model.
public struct Perplexity: Sendable {
    /// Which tokens of each window are scored.
    public enum Rule: String, Sendable {
        /// All but the first of each window.
        case chunks
        /// Only the second half of each window, as llama.cpp's `perplexity` does.
        case llamaCpp = "llama.cpp"
    }

    /// The sum of negative log-probabilities, in nats.
    public private(set) var sum = 0.0
    /// The number of scored tokens.
    public private(set) var tokens = 0

    /// The mean negative log-probability, in nats a token.
    public var meanNLL: Double { tokens > 0 ? sum / Double(tokens) : .nan }
    /// e to the mean.
    public var value: Double { exp(meanNLL) }

    /// Scores a text.
    ///
    /// - Parameters:
    ///   - ids: The text without special tokens for `.chunks`, as encoded with them for `.llamaCpp`.
    ///   - bos: The token that begins every window, if the model wants one.
    ///   - window: Tokens of a window, that one included.
    ///   - rule: Which tokens are scored. A last window that is not full is left out by `.llamaCpp`.
    ///   - model: The model.
    ///   - processor: Where it runs.
    ///   - cacheType: The type of keys and values.
    ///   - onWindow: Called after each window with the number done, the number of all, and the score so
    ///     far.
    /// - Returns: The score.
    /// - Throws: `SkeinError.Code.invalidArgument` for a text too short to score, and errors of the model.
    public static func measure(
        _ ids: [Int32],
        bos: Int32?,
        window: Int,
        rule: Rule,
        model: any LanguageModel,
        processor: Processor,
        cacheType: DType = .f16,
        onWindow: (Int, Int, Perplexity) -> Void = { _, _, _ in }
    ) throws -> Perplexity {
        let windows = try split(ids, bos: bos, window: window, rule: rule)
        var result = Perplexity()
        for (index, tokens) in windows.enumerated() {
            let first = rule == .chunks ? 1 : window / 2 + 1
            try result.score(tokens, from: first, model, processor, cacheType)
            onWindow(index + 1, windows.count, result)
        }
        return result
    }

    static func split(
        _ ids: [Int32],
        bos: Int32?,
        window: Int,
        rule: Rule
    ) throws -> [[Int32]] {
        guard window >= 4 else {
            throw SkeinError(
                .invalidArgument,
                "the window is \(window) tokens, expected at least 4"
            )
        }
        var windows: [[Int32]] = []
        switch rule {
        case .chunks:
            let step = bos == nil ? window : window - 1
            for start in stride(from: 0, to: ids.count, by: step) {
                let part = Array(ids[start..<min(start + step, ids.count)])
                let tokens = (bos.map { [$0] } ?? []) + part
                if tokens.count > 1 { windows.append(tokens) }
            }
        case .llamaCpp:
            for start in stride(from: 0, through: ids.count - window, by: window) {
                var tokens = Array(ids[start..<start + window])
                if let bos { tokens[0] = bos }
                windows.append(tokens)
            }
        }
        guard !windows.isEmpty else {
            throw SkeinError(
                .invalidArgument,
                "the text has \(ids.count) tokens, too few for a window of \(window)",
                hint: "use a longer text or a smaller --ctx-size"
            )
        }
        return windows
    }

    /// Adds the negative log-probability of tokens `first...` of one window.
    private mutating func score(
        _ window: [Int32],
        from first: Int,
        _ model: any LanguageModel,
        _ processor: Processor,
        _ cacheType: DType
    ) throws {
        var execution = Execution(processor: processor, state: model.makeState(dtype: cacheType))
        let chunk = 256
        for start in stride(from: 0, to: window.count - 1, by: chunk) {
            let rows = min(chunk, window.count - 1 - start)
            let batch = RowBatch(
                inputs: .tokens(Array(window[start..<start + rows])),
                positions: (start..<start + rows).map(Int32.init),
                segments: [
                    Segment(rows: 0..<rows, slot: 0, reads: .all(.main), visibility: .causal)
                ],
                headRows: (0..<rows).filter { start + $0 + 1 >= first }.map(Int32.init)
            )
            let hidden = try model.forward(batch, &execution)
            if !batch.headRows.isEmpty {
                let logits = model.logits(processor.gather(hidden, rows: batch.headRows), processor)
                for (place, row) in batch.headRows.enumerated() {
                    let next = Int(window[start + Int(row) + 1])
                    let logSumExp = processor.logSumExp(logits, row: place)
                    guard logSumExp.isFinite else {
                        throw SkeinError(
                            .notFinite,
                            "the logits of token \(start + Int(row)) are not numbers"
                        )
                    }
                    sum -= logits.withRow(place) { Double($0[next]) - Double(logSumExp) }
                    tokens += 1
                }
            }
            try execution.state.commit(
                rows: (0..<Int32(rows)).map { $0 },
                ofSegment: 0,
                to: BranchKey(0, .main)
            )
        }
    }
}
