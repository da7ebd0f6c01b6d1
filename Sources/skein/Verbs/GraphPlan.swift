internal import ArgumentParser
internal import SkeinCore
internal import SkeinGraph

/// `skein graph plan`: what an embedding would need.
struct GraphPlan: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Forecast parts, border ratios, memory and time without embedding."
    )

    @OptionGroup var input: GraphInput
    @OptionGroup var division: DivisionFlags
    @OptionGroup var embedding: EmbeddingFlags

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let loaded = try input.load()
        let levels = try division.divide(loaded.graph, seed: input.seed)
        let processor = try input.processor()
        let options = try embedding.options(seed: input.seed)
        let embedder = GraphEmbedder(
            method: try embedding.embedder(),
            options: options,
            processor: processor
        )
        let shares = try embedder.shares(of: levels)
        let forecast = try EmbeddingForecast(
            levels,
            shares: shares,
            method: embedder.method,
            alignment: options.alignment,
            processor: processor,
            lineCount: loaded.report.lines
        )
        if json {
            var object = GraphReport.levels(levels, shares: shares)
            object["bytes"] = .int(forecast.bytes)
            object["seconds"] = .double(forecast.time / .seconds(1))
            Environment.out(JSON.object(object).text() + "\n")
            return
        }
        Environment.out(
            GraphTables.loading(loaded) + GraphTables.levels(levels)
                + "dimensions \(shares)\nmemory about \(forecast.bytes >> 20) MiB\n"
                + "embedding about \(GraphTables.short(forecast.time / .seconds(1))) s\n"
        )
    }
}
