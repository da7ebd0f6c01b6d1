#if canImport(Glibc)
import Glibc
#else
import Foundation
#endif
public import SkeinTensor

/// Draws tokens by inverse CDF: a pure function of (logits, path, seed, position).
///
/// The order is llama.cpp's default chain: what a grammar forbids, bias, stop tokens barred below
/// `minTokens`, penalties; then,
/// at temperature 0, the first of the largest logits; else top-k, typical, top-p, min-p, temperature,
/// and one keyed uniform laid on the tokens in descending order of probability, ties by id. Filters see
/// probabilities at temperature 1. Only finite logits are in play.
///
/// Everything after the penalties is computed in double precision in an order fixed by the logits, so
/// equal logits give equal tokens, whatever else runs.
///
/// - Deviation: llama.cpp runs its filters at temperature 0 too, where typical sampling may remove the
///   largest logit; here temperature 0 always takes it.
public struct SamplingRule: TokenRule {
    /// The purpose under which draws are keyed.
    public static let stream: UInt32 = 1

    /// What the rule was made from.
    public let parameters: SamplingParameters
    private let noise: Philox
    private let bias: LogitBias
    private var penalties: Penalties
    private var generated = 0
    private var constraint: GrammarState?
    /// Whether the path left the grammar, which only a rejected draft does: no token follows it.
    private var isAstray = false

    /// Creates the rule at the end of a prompt.
    ///
    /// - Parameters:
    ///   - parameters: Within their domains; `validated()` says whether they are.
    ///   - prompt: The tokens before the first choice, which penalties look at.
    ///   - grammar: What the answer must be; stop tokens come only where it is whole.
    public init(
        _ parameters: SamplingParameters,
        prompt: [Int32] = [],
        grammar: CompiledGrammar? = nil
    ) {
        constraint = grammar.map { GrammarState($0) }
        self.parameters = parameters
        noise = Philox(NoiseKey(seed: parameters.seed, stream: Self.stream))
        bias = LogitBias(parameters.logitBias)
        penalties = Penalties(parameters)
        let width = parameters.repetitionWindow
        for token in width < 0 ? prompt[...] : prompt.suffix(width) { penalties.advance(token) }
    }

    /// Adds a generated token to the path.
    public mutating func advance(_ token: Int32) {
        generated += 1
        penalties.advance(token)
        if constraint?.advance(token) == false { isAstray = true }
    }

    /// Whether the grammar's text is whole and nothing can follow.
    public var isFinished: Bool { !isAstray && constraint?.isFinished == true }

    /// Whether stop tokens may not come yet.
    private var barsStops: Bool {
        generated < parameters.minTokens && !parameters.stopTokens.isEmpty && !isFinished
    }

    private var adjusts: Bool {
        constraint != nil || !bias.isOff || !penalties.isOff || barsStops
    }

    /// Whether the next choice is the first of the largest logits as the model gave them.
    public var takesBest: Bool { parameters.temperature == 0 && !adjusts }

    /// The token drawn for a row, or `nil` when no logit is finite.
    ///
    /// - Complexity: O(V), and O(n · log n) in the number of tokens n that the draw looks at; all of
    ///   them only for typical sampling without top-k.
    public borrowing func choose(_ logits: borrowing Span<Float>, position: Int32) -> Int32? {
        guard adjusts else { return draw(logits, position: position) }
        guard !isAstray else { return nil }
        let changed = adjusted(logits)
        // At the grammar's end a stop token comes, whatever the model and the biases say of it.
        return draw(changed.span, position: position)
            ?? (isFinished ? parameters.stopTokens.min() : nil)
    }

    /// The distribution that `choose` draws from, descending; empty when no logit is finite.
    ///
    /// - Complexity: O(V · log V).
    public borrowing func distribution(_ logits: borrowing Span<Float>) -> [ScoredToken] {
        let changed = adjusted(logits)
        let span = changed.span
        if parameters.temperature == 0 {
            return Greedy.best(span).map { [ScoredToken(token: $0.token, logProbability: 0)] } ?? []
        }
        guard let kept = shortlist(span) ?? unfiltered(span), !kept.isEmpty else { return [] }
        let weights = Weights(peak: kept[0].logit, temperature: parameters.temperature)
        let logTotal = log(weights.total(kept))
        return kept.map {
            let value = weights.exponent($0.logit) - logTotal
            return ScoredToken(token: $0.token, logProbability: Float(value))
        }
    }

    // MARK: - Before the filters

    private borrowing func adjusted(_ logits: borrowing Span<Float>) -> [Float] {
        var changed: [Float] = []
        changed.reserveCapacity(logits.count)
        for i in logits.indices { changed.append(logits[i]) }
        constraint?.apply(to: &changed, endTokens: parameters.stopTokens)
        bias.apply(to: &changed)
        if barsStops {
            for token in parameters.stopTokens where changed.indices.contains(Int(token)) {
                changed[Int(token)] = -.infinity
            }
        }
        penalties.apply(to: &changed)
        return changed
    }

    // MARK: - Filters

    /// What the filters leave, descending; nothing when no logit is finite.
    ///
    /// - Returns: `nil` where only min-p or nothing filters: then the tail need not be sorted.
    private borrowing func shortlist(_ logits: borrowing Span<Float>) -> [Candidate]? {
        var kept: [Candidate]
        if parameters.topK > 0 || parameters.typicalP < 1 {
            kept = TopK.select(parameters.topK > 0 ? parameters.topK : logits.count, from: logits)
            if kept.isEmpty { return [] }
            if parameters.typicalP < 1 { kept = Typical.filter(kept, mass: parameters.typicalP) }
            if parameters.topP < 1 {
                let weights = Weights(peak: kept[0].logit, temperature: 1)
                let nucleus = TopP.count(
                    of: kept,
                    mass: parameters.topP,
                    total: weights.total(kept),
                    weights: weights
                )
                if let nucleus { kept.removeLast(kept.count - nucleus) }
            }
        } else if parameters.topP < 1 {
            guard let best = Greedy.best(logits) else { return [] }
            kept = nucleus(logits, peak: best.logit)
        } else {
            return nil
        }
        let floor = MinP.floor(peak: kept[0].logit, share: parameters.minP)
        kept.removeLast(kept.count - MinP.count(of: kept, floor: floor))
        return kept
    }

    /// The nucleus of the whole vocabulary: a sorted head that grows until it holds enough mass.
    private borrowing func nucleus(_ logits: borrowing Span<Float>, peak: Float) -> [Candidate] {
        let weights = Weights(peak: peak, temperature: 1)
        let total = weights.total(logits, floor: -.infinity)
        var size = Self.firstHead
        while true {
            var head = TopK.select(size, from: logits)
            let count = TopP.count(
                of: head,
                mass: parameters.topP,
                total: total,
                weights: weights
            )
            if let count {
                head.removeLast(head.count - count)
                return head
            }
            if head.count < size { return head }
            size *= Self.headGrowth
        }
    }

    /// Everything that reaches min-p's floor, descending; `nil` when no logit is finite.
    private borrowing func unfiltered(_ logits: borrowing Span<Float>) -> [Candidate]? {
        let all = TopK.select(logits.count, from: logits)
        guard let best = all.first else { return nil }
        let floor = MinP.floor(peak: best.logit, share: parameters.minP)
        return Array(all.prefix(MinP.count(of: all, floor: floor)))
    }

    // MARK: - The draw

    /// How many tokens are sorted at first where a filter does not bound them.
    private static let firstHead = 256
    /// How the head grows when the draw falls beyond it.
    private static let headGrowth = 16

    private borrowing func draw(_ logits: borrowing Span<Float>, position: Int32) -> Int32? {
        guard parameters.temperature > 0 else { return Greedy.best(logits)?.token }
        let uniform = noise.uniform(at: UInt64(UInt32(bitPattern: position)))
        if let kept = shortlist(logits) {
            guard !kept.isEmpty else { return nil }
            let weights = Weights(peak: kept[0].logit, temperature: parameters.temperature)
            let total = weights.total(kept)
            return InverseCDF.pick(kept, at: uniform * total, weights: weights).token
        }
        guard let best = Greedy.best(logits) else { return nil }
        let weights = Weights(peak: best.logit, temperature: parameters.temperature)
        let floor = MinP.floor(peak: best.logit, share: parameters.minP)
        let target = uniform * weights.total(logits, floor: floor)
        var size = Self.firstHead
        while true {
            var head = TopK.select(size, from: logits)
            let isWhole = head.count < size
            head.removeLast(head.count - MinP.count(of: head, floor: floor))
            let pick = InverseCDF.pick(head, at: target, weights: weights)
            if pick.isReached || isWhole || head.count < size { return pick.token }
            size *= Self.headGrowth
        }
    }
}
