/// How often each token stands among the last tokens of a path, and what its logit pays for it.
///
/// A value that is cheap to copy at every node of a draft tree: two flat arrays, shared until one of
/// the copies advances. The arithmetic is single precision, as in llama.cpp and transformers: a logit
/// at or below 0 is multiplied by the repetition penalty and a positive one divided by it, then it
/// loses count · frequency + presence.
///
/// - Paper: Keskar et al. 2019, "CTRL", arXiv:1909.05858, section 4.1 (repetition).
/// - Deviation: The paper divides negative logits too, which would make them likelier.
package struct Penalties: Sendable {
    /// A token and how often it is in the window.
    private struct Count {
        var token: Int32
        var count: Int32
    }

    private let repetition: Float
    private let frequency: Float
    private let presence: Float
    /// How many tokens are looked at; `nil` is all.
    private let width: Int?
    /// The tokens of a bounded window, a ring once it is full.
    private var window: [Int32] = []
    /// Where the ring's oldest token is.
    private var oldest = 0
    /// Ascending by token, every count positive.
    private var counts: [Count] = []

    /// Whether no penalty can change any logit.
    package let isOff: Bool

    /// Creates the penalties of a request, with an empty path.
    package init(_ parameters: SamplingParameters) {
        repetition = Float(parameters.repetitionPenalty)
        frequency = Float(parameters.frequencyPenalty)
        presence = Float(parameters.presencePenalty)
        width = parameters.repetitionWindow < 0 ? nil : parameters.repetitionWindow
        isOff = width == 0 || (repetition == 1 && frequency == 0 && presence == 0)
    }

    /// Adds a token to the path.
    ///
    /// - Complexity: O(distinct tokens in the window).
    package mutating func advance(_ token: Int32) {
        guard !isOff else { return }
        if let width {
            if window.count < width {
                window.append(token)
            } else {
                remove(window[oldest])
                window[oldest] = token
                oldest = (oldest + 1) % width
            }
        }
        let i = index(of: token)
        if i < counts.count, counts[i].token == token {
            counts[i].count += 1
        } else {
            counts.insert(Count(token: token, count: 1), at: i)
        }
    }

    /// Changes the logits of the tokens in the window.
    ///
    /// - Complexity: O(distinct tokens in the window).
    package func apply(to logits: inout [Float]) {
        guard !isOff else { return }
        for entry in counts where entry.token >= 0 && Int(entry.token) < logits.count {
            let logit = logits[Int(entry.token)]
            let scaled = logit <= 0 ? logit * repetition : logit / repetition
            logits[Int(entry.token)] = scaled - (Float(entry.count) * frequency + presence)
        }
    }

    private mutating func remove(_ token: Int32) {
        let i = index(of: token)
        counts[i].count -= 1
        if counts[i].count == 0 { counts.remove(at: i) }
    }

    /// Where a token's count is, or would be.
    private func index(of token: Int32) -> Int {
        var range = 0..<counts.count
        while !range.isEmpty {
            let middle = (range.lowerBound + range.upperBound) / 2
            if counts[middle].token < token {
                range = middle + 1..<range.upperBound
            } else {
                range = range.lowerBound..<middle
            }
        }
        return range.lowerBound
    }
}
