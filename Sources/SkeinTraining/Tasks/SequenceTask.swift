internal import SkeinTensor

/// A synthetic task over sequences of tokens, whose every example is a function of seed and number.
///
/// - Paper: Gu and Dao 2023, arXiv:2312.00752, section 4.1.
public enum SequenceTask: Sendable, Hashable {
    /// Data tokens scattered over noise, to be told in order at the end.
    ///
    /// `length` tokens hold `count` data tokens at places drawn for each example; as many markers
    /// follow, each to be answered with one of them.
    case selectiveCopying(length: Int, count: Int)
    /// A trigger, what followed it, and the trigger again as the last of `length` tokens.
    case inductionHeads(length: Int)

    /// Token ids of both tasks.
    public static let vocabulary = 16
    private static let noise: Int32 = 0
    private static let marker: Int32 = 1
    private static let trigger: Int32 = 15

    /// One example.
    public struct Example: Sendable, Hashable {
        /// The tokens.
        public var tokens: [Int32]
        /// What each row should say, or `CrossEntropy.ignored`.
        public var targets: [Int32]
    }

    /// Tokens of one example.
    public var tokens: Int {
        switch self {
        case .selectiveCopying(let length, let count): length + count
        case .inductionHeads(let length): length
        }
    }

    /// The same task at another length, with as large a share of data tokens.
    public func resized(_ length: Int) -> Self {
        switch self {
        case .selectiveCopying(let own, let count):
            .selectiveCopying(length: length, count: max(1, count * length / own))
        case .inductionHeads: .inductionHeads(length: length)
        }
    }

    /// Draws an example.
    ///
    /// - Parameters:
    ///   - number: Which one.
    ///   - seed: Of all draws.
    ///   - stream: Keeps examples of training and of judging apart.
    /// - Returns: The example; the same for the same number, seed and stream.
    public func example(_ number: UInt64, seed: UInt64, stream: UInt32) -> Example {
        let generator = Philox(
            NoiseKey(seed: seed &+ number &* 0x9e37_79b9_7f4a_7c15, stream: stream)
        )
        var drawn: UInt64 = 0
        func draw(_ bound: Int) -> Int {
            defer { drawn += 1 }
            return min(Int(generator.uniform(at: drawn) * Double(bound)), bound - 1)
        }
        switch self {
        case .selectiveCopying(let length, let count):
            var tokens = [Int32](repeating: Self.noise, count: length + count)
            var targets = [Int32](repeating: CrossEntropy.ignored, count: length + count)
            // Floyd's sampling of distinct places.
            var places: Set<Int> = []
            for last in length - count..<length {
                let place = draw(last + 1)
                places.insert(places.contains(place) ? last : place)
            }
            for (index, place) in places.sorted().enumerated() {
                let token = Int32(2 + draw(Self.vocabulary - 2))
                tokens[place] = token
                tokens[length + index] = Self.marker
                targets[length + index] = token
            }
            return Example(tokens: tokens, targets: targets)
        case .inductionHeads(let length):
            var tokens = (0..<length).map { _ in Int32(draw(Int(Self.trigger))) }
            var targets = [Int32](repeating: CrossEntropy.ignored, count: length)
            let place = draw(length - 2)
            tokens[place] = Self.trigger
            tokens[length - 1] = Self.trigger
            targets[length - 1] = tokens[place + 1]
            return Example(tokens: tokens, targets: targets)
        }
    }
}
