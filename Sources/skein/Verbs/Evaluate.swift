internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinEngine
internal import SkeinModels
internal import SkeinTensor
internal import SkeinText

/// `skein eval`: measures of a model's quality.
struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Measure a model's quality.",
        subcommands: [PerplexityVerb.self, DivergenceVerb.self, CompareVerb.self, NGramVerb.self]
    )
}

/// `skein eval perplexity`: how surprising a text is to a model.
struct PerplexityVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perplexity",
        abstract: "Measure the perplexity of a text."
    )

    @OptionGroup var flags: ModelFlags

    @Option(name: [.customShort("f"), .customLong("file")], help: "The text.")
    var file: String

    @Option(name: [.customShort("c"), .customLong("ctx-size")], help: "Tokens of a window.")
    var window = 512

    @Option(
        name: .customLong("protocol"),
        help: "chunks scores all but each window's first token; llama.cpp the second half of each."
    )
    var rule = "chunks"

    @Option(help: "A tokenizer other than the model's own.")
    var tokenizer: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        guard let rule = Perplexity.Rule(rawValue: rule) else {
            throw SkeinError(
                .invalidArgument,
                "--protocol is \"\(rule)\", expected chunks or llama.cpp"
            )
        }
        let path = try flags.path()
        let text = try TextFile.read(file)
        let processor = try flags.processor()
        let model = try LanguageModelLoader.load(
            flags.checkpoint(path),
            processor: processor,
            options: try flags.loadOptions()
        )
        let tokenizer = try TokenizerLoader.load(tokenizer ?? path)
        let bos = tokenizer.addsBOS ? tokenizer.bosID : nil
        let result = try Perplexity.measure(
            tokenizer.encode(text, addSpecialTokens: rule == .llamaCpp),
            bos: bos,
            window: min(window, model.description.contextLength),
            rule: rule,
            model: model,
            processor: processor,
            cacheType: try flags.engineOptions().cacheType
        ) { done, all, score in
            Environment.error(
                "\rwindow \(done) of \(all), perplexity \(String(format: "%.4f", score.value)) "
            )
        }
        Environment.error("\n")
        guard json else {
            Environment.out(
                "perplexity \(String(format: "%.5f", result.value)) over \(result.tokens) tokens,"
                    + " \(String(format: "%.6f", result.meanNLL)) nats a token\n"
            )
            return
        }
        Environment.out(
            "{\"perplexity\": \(result.value), \"nll\": \(result.meanNLL), \"tokens\": \(result.tokens)}\n"
        )
    }
}

/// `skein eval divergence`: how far a model is from the one it was made from.
struct DivergenceVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "divergence",
        abstract: "Compare a model's predictions with those of the model it was made from."
    )

    @OptionGroup var flags: ModelFlags

    @Option(name: [.customShort("r"), .long], help: "The model of full precision.")
    var reference: String

    @Option(name: [.customShort("f"), .customLong("file")], help: "The text.")
    var file: String

    @Option(name: [.customShort("c"), .customLong("ctx-size")], help: "Tokens of a window.")
    var window = 512

    @Option(help: "A tokenizer other than the reference's own.")
    var tokenizer: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let text = try TextFile.read(file)
        let processor = try flags.processor()
        let options = try flags.loadOptions()
        let right = try LanguageModelLoader.load(
            LanguageModelLoader.checkpoint(reference),
            processor: processor,
            options: options
        )
        let model = try LanguageModelLoader.load(
            flags.checkpoint(flags.path()),
            processor: processor,
            options: options
        )
        let tokenizer = try TokenizerLoader.load(tokenizer ?? reference)
        let result = try Divergence.measure(
            tokenizer.encode(text, addSpecialTokens: false),
            bos: tokenizer.addsBOS ? tokenizer.bosID : nil,
            window: min(window, model.description.contextLength),
            reference: right,
            model: model,
            processor: processor,
            cacheType: try flags.engineOptions().cacheType
        ) { done, all, found in
            Environment.error(
                "\rwindow \(done) of \(all), divergence \(String(format: "%.5f", found.mean)) "
            )
        }
        Environment.error("\n")
        let (median, high) = (result.quantile(0.5), result.quantile(0.99))
        guard json else {
            Environment.out(
                "KL divergence \(String(format: "%.6f", result.mean)) nats a token (median"
                    + " \(String(format: "%.6f", median)), 99 % \(String(format: "%.4f", high))), the"
                    + " same first choice at \(String(format: "%.2f", result.topAgreement * 100)) %"
                    + " of \(result.tokens) tokens\n"
            )
            return
        }
        Environment.out(
            "{\"kl\": \(result.mean), \"kl_median\": \(median), \"kl_99\": \(high),"
                + " \"top_agreement\": \(result.topAgreement), \"tokens\": \(result.tokens)}\n"
        )
    }
}
