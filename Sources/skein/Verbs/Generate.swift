internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinDecoding
internal import SkeinEngine
internal import SkeinModels
internal import SkeinText

/// `skein generate`: continues a prompt.
struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Continue a prompt.")

    @OptionGroup var model: ModelFlags
    @OptionGroup var sampling: SamplingFlags

    @Option(name: [.customShort("p"), .long], help: "The text to continue.")
    var prompt: String?

    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: "A file with the text to continue."
    )
    var file: String?

    @Option(help: "A tokenizer other than the model's own.")
    var tokenizer: String?

    @Option(
        name: .customLong("prompt-cache"),
        help: "A file that keeps the prompt's keys and values for the next run."
    )
    var promptCache: String?

    @Option(
        name: .customLong("draft-max"),
        help: "Tokens to guess ahead from what was said before; no guess changes the answer."
    )
    var draftMax = 0

    @Flag(help: "Print one JSON object instead of text.")
    var json = false

    @Flag(name: .customLong("no-statistics"), help: "Leave out the line of figures.")
    var noStatistics = false

    func run() throws {
        let text = try promptText()
        let session = try Session(model, tokenizer: tokenizer, contextSize: sampling.contextSize)
        let generator = session.generator
        var ids = generator.tokenizer.encode(text)
        if ids.isEmpty, let bos = generator.tokenizer.bosID { ids = [bos] }
        let parameters = try sampling.parameters(
            vocabularySize: session.model.description.vocabularySize,
            defaultMaxTokens: nil
        )
        Interrupt.start()
        if let promptCache, FileManager.default.fileExists(atPath: promptCache) {
            let restored = try generator.engine.restorePrompt(from: promptCache)
            Environment.error("restored \(restored.count) tokens from \(promptCache)\n")
        }
        let result = try generator.generate(
            prompt: ids,
            parameters: parameters,
            stopStrings: sampling.stop,
            draftLimit: max(draftMax, 0),
            isCancelled: { Interrupt.isRaised },
            onText: { piece in if !json { Environment.out(piece) } }
        )
        if json {
            Environment.out(session.json(result, prompt: ids).text(.indented(2)) + "\n")
        } else {
            Environment.out("\n")
        }
        if let promptCache { _ = try generator.engine.savePrompt(ids, to: promptCache) }
        if !noStatistics { Environment.error(session.statistics(result)) }
    }

    private func promptText() throws -> String {
        if let prompt { return prompt }
        guard let file else {
            throw SkeinError(
                .invalidArgument,
                "no prompt",
                hint: "pass --prompt TEXT or --file PATH"
            )
        }
        return try TextFile.read(file)
    }
}
