internal import Foundation
internal import SkeinCore
public import SkeinModels
internal import SkeinNN
public import SkeinTensor

/// How far a model's predictions are from those of the model it was made from.
public struct Divergence: Sendable {
    /// The sum of Kullback-Leibler divergences, in nats.
    public private(set) var sum = 0.0
    /// The positions at which both find the same token most likely.
    public private(set) var agreements = 0
    /// The positions compared.
    public private(set) var tokens = 0
    /// The divergence at each position, in order.
    public private(set) var values: [Float] = []

    /// The mean divergence, in nats a token.
    public var mean: Double { tokens > 0 ? sum / Double(tokens) : .nan }
    /// The share of positions at which both find the same token most likely.
    public var topAgreement: Double { tokens > 0 ? Double(agreements) / Double(tokens) : .nan }

    /// A quantile of the divergences.
    ///
    /// - Parameter share: From 0 to 1.
    /// - Returns: The value that so many positions do not exceed.
    public func quantile(_ share: Double) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return .nan }
        return Double(sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))])
    }

    /// Compares two models on a text.
    ///
    /// - Parameters:
    ///   - ids: The text without special tokens.
    ///   - bos: The token that begins every window, if the models want one.
    ///   - window: Tokens of a window, that one included.
    ///   - reference: The model whose predictions P count as right.
    ///   - model: The other; its predictions are Q, and KL(P ‖ Q) is summed.
    ///   - processor: Where both run.
    ///   - cacheType: The type of keys and values.
    ///   - onWindow: Called after each window with the number done, the number of all, and what was
    ///     found so far.
    /// - Returns: The comparison.
    /// - Throws: `SkeinError.Code.shapeMismatch` for models of different vocabularies, `.invalidArgument`
    ///   for a text that is too short, `.notFinite` for logits that are not numbers.
    public static func measure(
        _ ids: [Int32],
        bos: Int32?,
        window: Int,
        reference: any LanguageModel,
        model: any LanguageModel,
        processor: Processor,
        cacheType: DType = .f16,
        onWindow: (Int, Int, Divergence) -> Void = { _, _, _ in }
    ) throws -> Divergence {
        let (a, b) = (reference.description.vocabularySize, model.description.vocabularySize)
        guard a == b else {
            throw SkeinError(
                .shapeMismatch,
                "the reference has \(a) tokens and the model \(b)",
                hint: "compare a model with the one it was made from"
            )
        }
        let windows = try Perplexity.split(ids, bos: bos, window: window, rule: .chunks)
        var result = Divergence()
        for (index, tokens) in windows.enumerated() {
            var right = Walk(reference, processor, cacheType)
            var other = Walk(model, processor, cacheType)
            for start in stride(from: 0, to: tokens.count - 1, by: Walk.chunk) {
                let rows = min(Walk.chunk, tokens.count - 1 - start)
                let p = try right.step(tokens, start, rows)
                let q = try other.step(tokens, start, rows)
                try result.add(p, q, rows, processor)
            }
            onWindow(index + 1, windows.count, result)
        }
        return result
    }

    private mutating func add(
        _ p: Tensor,
        _ q: Tensor,
        _ rows: Int,
        _ processor: Processor
    ) throws {
        for row in 0..<rows {
            let (a, b) = (processor.logSumExp(p, row: row), processor.logSumExp(q, row: row))
            guard a.isFinite, b.isFinite else {
                throw SkeinError(.notFinite, "the logits of token \(tokens) are not numbers")
            }
            var kl = 0.0
            p.withRow(row) { p in
                q.withRow(row) { q in
                    var (best, second) = (0, 0)
                    for index in 0..<p.count {
                        let logP = Double(p[index] - a)
                        kl += exp(logP) * (logP - Double(q[index] - b))
                        if p[index] > p[best] { best = index }
                        if q[index] > q[second] { second = index }
                    }
                    if best == second { agreements += 1 }
                }
            }
            sum += max(0, kl)
            values.append(Float(max(0, kl)))
            tokens += 1
        }
    }
}

/// A model on its way through a window.
private struct Walk {
    static let chunk = 128
    let model: any LanguageModel
    let processor: Processor
    var execution: Execution

    init(_ model: any LanguageModel, _ processor: Processor, _ cacheType: DType) {
        self.model = model
        self.processor = processor
        execution = Execution(processor: processor, state: model.makeState(dtype: cacheType))
    }

    /// The logits of the next rows.
    mutating func step(_ window: [Int32], _ start: Int, _ rows: Int) throws -> Tensor {
        let batch = RowBatch(
            inputs: .tokens(Array(window[start..<start + rows])),
            positions: (start..<start + rows).map(Int32.init),
            segments: [Segment(rows: 0..<rows, slot: 0, reads: .all(.main), visibility: .causal)],
            headRows: (0..<rows).map(Int32.init)
        )
        let hidden = try model.forward(batch, &execution)
        let logits = model.logits(processor.gather(hidden, rows: batch.headRows), processor)
        try execution.state.commit(
            rows: (0..<Int32(rows)).map { $0 },
            ofSegment: 0,
            to: BranchKey(0, .main)
        )
        return logits
    }
}
