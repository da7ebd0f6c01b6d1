internal import SkeinCore
internal import SkeinDecoding
internal import SkeinEngine
internal import SkeinText
internal import Synchronization

/// A model's compiled grammars, kept while they are in use.
final class GrammarShelf: Sendable {
    /// How many grammars are kept.
    private static let limit = 64

    private struct State {
        var vocabulary: TokenVocabulary?
        var grammars: [Grammar: (compiled: CompiledGrammar, use: Int)] = [:]
        var uses = 0
    }

    private let tokenizer: Tokenizer
    private let state = Mutex(State())

    init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

    /// A grammar over the model's tokens; the same one again where it is known.
    func compiled(_ grammar: Grammar) throws -> CompiledGrammar {
        let (known, vocabulary) = state.withLock { state in
            state.uses += 1
            state.grammars[grammar]?.use = state.uses
            return (state.grammars[grammar]?.compiled, state.vocabulary)
        }
        if let known { return known }
        let tokens = vocabulary ?? makeVocabulary()
        let made = try CompiledGrammar(grammar, vocabulary: tokens)
        state.withLock { state in
            state.vocabulary = tokens
            state.grammars[grammar] = (made, state.uses)
            guard state.grammars.count > Self.limit,
                let oldest = state.grammars.min(by: { $0.value.use < $1.value.use })
            else { return }
            state.grammars[oldest.key] = nil
        }
        return made
    }

    private func makeVocabulary() -> TokenVocabulary {
        TokenVocabulary(
            tokens: (0..<Int32(tokenizer.vocabularySize)).map { id in
                tokenizer.isSpecial(id) || tokenizer.stopIDs.contains(id)
                    ? [] : tokenizer.bytes(of: id)
            }
        )
    }
}
