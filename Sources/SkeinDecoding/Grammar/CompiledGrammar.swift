import Synchronization

/// A grammar's automaton over the tokens of a vocabulary, with masks remembered as they are needed.
///
/// What a token does while the rule on top of the stack lasts depends on that rule's node alone, so it
/// is found once a node; only tokens that reach beyond the rule's end are walked under the stack at
/// hand, and the result is remembered for the whole configuration. Thread-safe.
///
/// - Paper: Dong et al. 2024, XGrammar, arXiv:2411.15100, section 3.1 and 3.2.
public final class CompiledGrammar: Sendable {
    /// The tokens it decides about.
    public let vocabulary: TokenVocabulary
    let automaton: GrammarAutomaton
    let start: GrammarConfiguration
    private let cache: Mutex<GrammarCache>

    /// Builds the automaton; masks follow when they are asked for.
    ///
    /// - Throws: `SkeinError` with code `.invalidArgument` where the grammar is left-recursive, matches
    ///   nothing, or is larger than the limits.
    public init(_ grammar: Grammar, vocabulary: TokenVocabulary) throws {
        self.vocabulary = vocabulary
        automaton = try GrammarAutomaton(grammar)
        start = automaton.configuration(GrammarFrame(automaton.root, nil))
        cache = Mutex(GrammarCache(automaton: automaton, vocabulary: vocabulary))
    }

    /// The configuration after some bytes, or `nil` where they are not allowed.
    func advanced(_ from: GrammarConfiguration, over bytes: [UInt8]) -> GrammarConfiguration? {
        cache.withLock { $0.advanced(from, over: bytes) }
    }

    /// The tokens allowed next, one bit an id.
    func mask(_ configuration: GrammarConfiguration) -> GrammarMask {
        cache.withLock { $0.mask(configuration) }
    }
}

/// A set of tokens, one bit an id.
final class GrammarMask: Sendable {
    let words: [UInt64]

    init(_ words: [UInt64]) { self.words = words }

    func contains(_ token: Int32) -> Bool {
        let index = Int(token)
        guard index >= 0, index >> 6 < words.count else { return false }
        return words[index >> 6] >> UInt64(index & 63) & 1 == 1
    }
}
