internal import ArgumentParser

/// The command line.
@main
struct Skein: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skein",
        abstract: "Parallel machine learning: run, measure and look into language models.",
        version: "0.1.0",
        subcommands: []
    )
}
