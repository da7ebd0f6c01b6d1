internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinEngine
internal import SkeinModels
internal import SkeinTensor
internal import SkeinText

/// `skein eval compare`: models made from one, side by side.
struct CompareVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare models with the one they were made from: size, speed, perplexity."
    )

    @Option(name: [.customShort("r"), .long], help: "The model of full precision.")
    var reference: String

    @Argument(help: "The models made from it.")
    var models: [String]

    @Option(name: [.customShort("f"), .customLong("file")], help: "The text.")
    var file: String

    @Option(name: [.customShort("c"), .customLong("ctx-size")], help: "Tokens of a window.")
    var window = 512

    @Option(name: [.customShort("n"), .long], help: "Tokens generated to measure speed; 0: none.")
    var nGen = 64

    @Option(name: [.customShort("t"), .long], help: "Threads; all cores by default.")
    var threads: Int?

    @Option(help: "Write a page with pictures to this file.")
    var html: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let processor = try Processor(threads: threads)
        let tokenizer = try TokenizerLoader.load(reference)
        let ids = tokenizer.encode(try TextFile.read(file), addSpecialTokens: false)
        let bos = tokenizer.addsBOS ? tokenizer.bosID : nil
        func load(_ path: String) throws -> any LanguageModel {
            try LanguageModelLoader.load(
                LanguageModelLoader.checkpoint(path),
                processor: processor
            )
        }
        let right = try load(reference)
        let size = min(window, right.description.contextLength)
        var entries: [ModelComparison.Entry] = []
        for path in [reference] + models {
            let isReference = entries.isEmpty
            let model = isReference ? right : try load(path)
            let perplexity = try Perplexity.measure(
                ids,
                bos: bos,
                window: size,
                rule: .chunks,
                model: model,
                processor: processor
            )
            let divergence =
                isReference
                ? nil
                : try Divergence.measure(
                    ids,
                    bos: bos,
                    window: size,
                    reference: right,
                    model: model,
                    processor: processor
                )
            var speed = 0.0
            if nGen > 0 {
                var benchmark = SpeedBenchmark(
                    model: model,
                    processor: processor,
                    options: EngineOptions()
                )
                let test = SpeedBenchmark.Test.generation(nGen, sequences: 1, depth: 0)
                speed = try benchmark.run(test, repetitions: 5).samples.sorted()[2]
            }
            entries.append(
                ModelComparison.Entry(
                    name: URL(fileURLWithPath: path).lastPathComponent,
                    bytes: model.description.weightBytes,
                    speed: speed,
                    perplexity: perplexity.value,
                    divergence: divergence?.mean ?? 0,
                    topAgreement: divergence?.topAgreement ?? 1
                )
            )
            Environment.error("\r\(entries.count) of \(models.count + 1) models ")
        }
        Environment.error("\n")
        let comparison = ModelComparison(entries)
        if let html {
            let name = URL(fileURLWithPath: reference).lastPathComponent
            let page = comparison.html(title: "\(name) and what was made of it")
            try Data(page.utf8).write(to: URL(fileURLWithPath: html))
        }
        Environment.out(json ? comparison.json : comparison.markdown)
    }
}
