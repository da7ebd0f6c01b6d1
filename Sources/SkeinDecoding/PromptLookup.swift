internal import Foundation

/// Guesses how a text goes on from where it said the same before: drafts without a draft model.
///
/// Every pair of neighbouring tokens is remembered with the places where it stood. A guess is what
/// followed the earlier place that agrees with the path's end for longest; of equals, the latest. A
/// guess that reaches the path's end goes on with itself, so a repeating text is guessed at any length.
///
/// Guesses are judged whether they are run or not, so that it costs nothing to notice that they have
/// become good. How many are worth running follows from how often they were right of late.
///
/// - Paper: Yang et al. 2023, "Inference with reference", arXiv:2304.04487, section 3.
/// - Deviation: The paper takes the first match of a fixed length and a fixed number of tokens.
public struct PromptLookup: Sendable {
    /// How many earlier places of a pair are compared.
    private static let placesCompared = 32
    /// Agreement beyond this many tokens decides nothing.
    private static let longestMatch = 16
    /// The last draft is to be right with this probability at least.
    private static let worth = 0.4
    /// The weight of the latest judgement.
    private static let novelty = 0.125

    private var path: [Int32] = []
    /// For a pair, the place of its second token where it stood last.
    private var latest: [UInt64: Int32] = [:]
    /// For each place, the place where its pair stood before; −1 for none.
    private var before: [Int32] = []
    /// How often guesses were right of late.
    private var trust = 0.6

    /// Reads a text.
    public init(_ tokens: some Sequence<Int32>) {
        for token in tokens { advance(token) }
    }

    /// Adds a token to the path.
    public mutating func advance(_ token: Int32) {
        let place = Int32(truncatingIfNeeded: path.count)
        guard let last = path.last else {
            path.append(token)
            before.append(-1)
            return
        }
        let pair = UInt64(UInt32(bitPattern: last)) << 32 | UInt64(UInt32(bitPattern: token))
        path.append(token)
        before.append(latest.updateValue(place, forKey: pair) ?? -1)
    }

    /// Notes whether a guess was right.
    public mutating func judge(_ isRight: Bool) {
        trust += ((isRight ? 1 : 0) - trust) * Self.novelty
    }

    /// How many guesses in a row are worth running.
    public var reach: Int {
        trust >= 0.999 ? .max : Int(max(log(Self.worth) / log(trust), 0))
    }

    /// The next tokens, as many as asked for; none where the path's end was never seen before.
    ///
    /// - Complexity: O(`count`), and at most 512 comparisons.
    public func guess(_ count: Int) -> [Int32] {
        guard count > 0, let end = best() else { return [] }
        var tokens: [Int32] = []
        tokens.reserveCapacity(count)
        for place in end + 1..<end + 1 + count {
            tokens.append(place < path.count ? path[place] : tokens[place - path.count])
        }
        return tokens
    }

    /// Where the end of the earlier text is that agrees with the path's end for longest.
    private func best() -> Int? {
        let end = path.count - 1
        guard end >= 1 else { return nil }
        var best: (length: Int, place: Int)?
        var place = Int(before[end])
        for _ in 0..<Self.placesCompared where place >= 0 {
            var length = 2
            while length < Self.longestMatch, length <= place,
                path[place - length] == path[end - length]
            {
                length += 1
            }
            if length > best?.length ?? 0 { best = (length, place) }
            if length == Self.longestMatch { break }
            place = Int(before[place])
        }
        return best?.place
    }
}
