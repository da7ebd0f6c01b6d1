/// How far a text has come in a grammar: a value, copied per branch of an answer.
public struct GrammarState: Sendable {
    /// The grammar it moves in.
    public let grammar: CompiledGrammar
    private var configuration: GrammarConfiguration

    /// Creates the state before the first byte.
    public init(_ grammar: CompiledGrammar) {
        self.grammar = grammar
        configuration = grammar.start
    }

    /// Whether the text so far is a whole sentence: end tokens are allowed.
    public var isComplete: Bool { configuration.isComplete }

    /// Whether the text is complete and nothing can follow.
    public var isFinished: Bool { configuration.isComplete && configuration.frames.isEmpty }

    /// Appends a token; `false`, changing nothing, when it is not allowed.
    ///
    /// - Complexity: O(bytes of the token), once the transitions were seen.
    public mutating func advance(_ token: Int32) -> Bool {
        guard grammar.vocabulary.tokens.indices.contains(Int(token)) else { return false }
        let bytes = grammar.vocabulary.tokens[Int(token)]
        guard !bytes.isEmpty, bytes.count <= TokenVocabulary.longest else { return false }
        return advance(bytes: bytes)
    }

    /// Appends bytes; `false`, changing nothing, when they are not allowed.
    public mutating func advance(bytes: [UInt8]) -> Bool {
        guard let next = grammar.advanced(configuration, over: bytes) else { return false }
        configuration = next
        return true
    }

    /// Whether the token may come next.
    public func allows(_ token: Int32) -> Bool { grammar.mask(configuration).contains(token) }

    /// Calls `body` with each token of the vocabulary that may not come next, in order.
    public func forEachForbidden(_ body: (Int32) -> Void) {
        let words = grammar.mask(configuration).words
        let count = grammar.vocabulary.tokens.count
        for (place, word) in words.enumerated() {
            var rest = ~word
            while rest != 0 {
                let token = place * 64 + rest.trailingZeroBitCount
                guard token < count else { return }
                body(Int32(token))
                rest &= rest - 1
            }
        }
    }

    /// Sets the logits of forbidden tokens to negative infinity.
    ///
    /// - Parameters:
    ///   - logits: One for each id; ids beyond the vocabulary are forbidden.
    ///   - endTokens: Tokens that are allowed exactly where the text is complete.
    /// - Complexity: O(V), and the making of a mask where the state is new.
    public func apply(to logits: inout [Float], endTokens: Set<Int32>) {
        let words = grammar.mask(configuration).words
        let ends =
            isComplete
            ? endTokens.filter { logits.indices.contains(Int($0)) }
                .map { (place: Int($0), logit: logits[Int($0)]) } : []
        var span = logits.mutableSpan
        let count = span.count
        for place in 0..<(count + 63) / 64 {
            let word = place < words.count ? words[place] : 0
            if word == .max { continue }
            let base = place * 64
            if word == 0 {
                for index in base..<min(base + 64, count) { span[index] = -.infinity }
                continue
            }
            var forbidden = ~word
            if count - base < 64 { forbidden &= (1 &<< UInt64(count - base)) - 1 }
            while forbidden != 0 {
                // Bits at and beyond `count` were cleared, so that every index lies in the span.
                unsafe span[unchecked: base + forbidden.trailingZeroBitCount] = -.infinity
                forbidden &= forbidden &- 1
            }
        }
        for token in endTokens where span.indices.contains(Int(token)) {
            span[Int(token)] = -.infinity
        }
        for (place, logit) in ends { span[place] = logit }
    }

    /// The bytes that must come next; empty where there is a choice or the text may end.
    public var forced: [UInt8] {
        let automaton = grammar.automaton
        var bytes: [UInt8] = []
        var at = configuration
        while bytes.count < Self.mostForced, !at.isComplete {
            var only: UInt8?
            for frame in at.frames {
                for edge in automaton.nodes[Int(frame.node)].edges {
                    guard edge.low == edge.high, only == nil || only == edge.low else {
                        return bytes
                    }
                    only = edge.low
                }
            }
            guard let byte = only else { break }
            at = automaton.step(at, byte)
            guard !at.isDead else { break }
            bytes.append(byte)
        }
        return bytes
    }

    /// How far ahead forced bytes are looked for.
    private static let mostForced = 1024

    /// The fewest bytes with which the text can become complete.
    public var remainingBytes: Int {
        if isComplete { return 0 }
        let distance = grammar.automaton.distance
        return configuration.frames.map { frame in
            var total = 0
            var next: GrammarFrame? = frame
            while let frame = next {
                total += Int(distance[Int(frame.node)])
                next = frame.parent
            }
            return total
        }.min() ?? 0
    }
}
