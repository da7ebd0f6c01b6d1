internal import Foundation
internal import SkeinCore
internal import SkeinTensor

/// One request of a serving benchmark.
public struct ServingRequest: Sendable, Hashable {
    /// Counts requests in order of arrival.
    public var number: Int
    /// Seconds after the start at which it arrives.
    public var arrival: Double
    /// Tokens of its prompt.
    public var promptTokens: Int
    /// Tokens of its answer.
    public var outputTokens: Int

    /// Describes a request.
    public init(number: Int, arrival: Double, promptTokens: Int, outputTokens: Int) {
        self.number = number
        self.arrival = arrival
        self.promptTokens = promptTokens
        self.outputTokens = outputTokens
    }
}

/// Requests that arrive over time: the load of a serving benchmark, the same for every server.
public struct ServingWorkload: Sendable, Hashable {
    /// When requests arrive; the first at 0.
    public enum Arrivals: Sendable, Hashable {
        /// Seconds from one to the next.
        case constant(Double)
        /// Independent, exponentially distributed gaps with a mean in seconds.
        case poisson(Double)
    }

    /// How many tokens prompts and answers have.
    public enum Lengths: String, Sendable, Hashable, CaseIterable {
        /// All the same.
        case fixed
        /// Answers uniform between a quarter of the longest and the longest.
        case uniform
    }

    /// When requests arrive.
    public var arrivals: Arrivals
    /// How many.
    public var count: Int
    /// Tokens of a prompt.
    public var promptTokens: Int
    /// Tokens of an answer, or of the longest.
    public var outputTokens: Int
    /// Which answers are shorter.
    public var lengths: Lengths
    /// What gaps and lengths are drawn with.
    public var seed: UInt64

    /// Describes a load; the paper's is prompts of 8 tokens and answers of 512.
    public init(
        arrivals: Arrivals,
        count: Int,
        promptTokens: Int = 8,
        outputTokens: Int = 128,
        lengths: Lengths = .fixed,
        seed: UInt64 = 1
    ) {
        self.arrivals = arrivals
        self.count = count
        self.promptTokens = promptTokens
        self.outputTokens = outputTokens
        self.lengths = lengths
        self.seed = seed
    }

    /// The requests, in order of arrival.
    ///
    /// - Complexity: O(count).
    public func requests() -> [ServingRequest] {
        let gaps = Philox(NoiseKey(seed: seed, stream: 11))
        let sizes = Philox(NoiseKey(seed: seed, stream: 12))
        var arrival = 0.0
        return (0..<max(count, 0)).map { number in
            if number > 0 {
                switch arrivals {
                case .constant(let interval): arrival += interval
                case .poisson(let mean):
                    arrival -= mean * log(1 - gaps.uniform(at: UInt64(number)))
                }
            }
            let least = max(outputTokens / 4, 1)
            let spread = Double(outputTokens - least + 1)
            return ServingRequest(
                number: number,
                arrival: arrival,
                promptTokens: promptTokens,
                outputTokens: lengths == .fixed
                    ? outputTokens : least + Int(sizes.uniform(at: UInt64(number)) * spread)
            )
        }
    }

    /// Requests from a recorded trace: a line each of seconds, prompt tokens and answer tokens.
    ///
    /// Empty lines and lines that begin with `#` are passed over.
    ///
    /// - Throws: `SkeinError.Code.syntax` naming the line that does not hold such numbers.
    public static func trace(_ text: String) throws -> [ServingRequest] {
        var result: [ServingRequest] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let fields = line.split(whereSeparator: { " \t,\r".contains($0) })
            guard let first = fields.first, !first.hasPrefix("#") else { continue }
            guard fields.count == 3, let arrival = Double(first), arrival >= 0, arrival.isFinite,
                let prompt = Int(fields[1]), let output = Int(fields[2]), prompt > 0, output > 0
            else {
                throw SkeinError(
                    .syntax,
                    "line \(index + 1) of the trace is \"\(line)\", expected seconds, prompt tokens and"
                        + " answer tokens"
                )
            }
            result.append(
                ServingRequest(
                    number: 0,
                    arrival: arrival,
                    promptTokens: prompt,
                    outputTokens: output
                )
            )
        }
        result.sort { $0.arrival < $1.arrival }
        for number in result.indices { result[number].number = number }
        return result
    }
}
