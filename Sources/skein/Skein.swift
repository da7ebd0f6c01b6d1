internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinSpark

/// The command line.
@main
struct Skein: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skein",
        abstract: "Parallel machine learning: run, serve, measure and look into language models.",
        version: "0.1.0",
        subcommands: [
            Generate.self, Chat.self, Serve.self, Embed.self, Tokenize.self, Inspect.self,
            Bench.self, Evaluate.self, Quantize.self, Train.self, TaskVerb.self, Stories.self,
            Classic.self, GraphVerb.self,
        ]
    )

    /// Parses and runs; errors of the world become one line, a hint, and a sysexits code.
    static func main() async {
        do {
            var command = try parseAsRoot(Environment.arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as SkeinError {
            Environment.error("skein: \(error.message)\n")
            if let hint = error.hint { Environment.error("hint: \(hint)\n") }
            Foundation.exit(exitCode(error.code))
        } catch {
            exit(withError: error)
        }
    }

    private static func exitCode(_ code: SkeinError.Code) -> Int32 {
        switch code {
        case .invalidArgument: 64
        case .notFound, .ioFailure, .sparkUnreachable, .sparkUnauthenticated, .sparkVersion: 69
        case .corruptFile, .unsupported, .missingTensor, .shapeMismatch, .syntax, .notFinite,
            .contextOverflow:
            65
        default: 70
        }
    }
}
