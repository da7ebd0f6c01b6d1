internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinText
internal import SkeinTraining

/// `skein eval ngram`: what an n-gram model loses on the held-out texts of a training run.
struct NGramVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ngram",
        abstract: "Judge a run's held-out texts by an n-gram model of its tokens, as a baseline."
    )

    @Argument(help: "The folder of a training run.")
    var folder: String

    @Option(help: "The n of n-grams.")
    var order = 5

    @Option(help: "About how many tokens are judged.")
    var tokens = 65_536

    func run() throws {
        let tokenizer = try Tokenizer(contentsOf: folder)
        guard let boundary = tokenizer.bosID ?? tokenizer.eosID else {
            throw SkeinError(
                .invalidArgument,
                "\(folder)'s tokenizer has no token that begins a text"
            )
        }
        let baseline = try NGramBaseline(
            order: order,
            training: TokenFile(
                path: folder + "/train.tokens",
                vocabularySize: tokenizer.vocabularySize
            ),
            heldOut: TokenFile(
                path: folder + "/validation.tokens",
                vocabularySize: tokenizer.vocabularySize
            ),
            vocabularySize: tokenizer.vocabularySize,
            boundary: boundary,
            limit: tokens
        )
        Environment.out(
            String(
                format: "%d-grams: %.4f nats a token, %.4f bits a byte, %d tokens\n",
                order,
                baseline.sum / Double(baseline.tokens),
                baseline.bitsPerByte,
                baseline.tokens
            )
        )
    }
}
