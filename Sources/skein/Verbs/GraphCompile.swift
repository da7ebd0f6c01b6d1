internal import ArgumentParser
internal import SkeinCore
internal import SkeinGraph
internal import SkeinTensor

/// `skein graph compile`: the file that other verbs map instead of reading text.
struct GraphCompile: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compile",
        abstract:
            "Turn a text of edges into a file that is mapped, in as many passes as memory asks for."
    )

    @OptionGroup var input: GraphInput

    @Option(name: [.short, .long], help: "Where the file goes.")
    var output: String

    @Option(help: "MiB for the rows of one pass, besides 16 bytes a node.")
    var memory = 1024

    func validate() throws {
        guard memory > 0 else { throw ValidationError("--memory must be positive") }
    }

    func run() throws {
        let clock = ContinuousClock()
        let start = clock.now
        let result = try GraphStore.compile(
            input.graph,
            to: output,
            format: try input.textFormat(),
            headerLines: input.headerLines,
            memory: memory << 20,
            compute: GraphCompute(try input.processor())
        )
        Environment.out(
            "\(result.nodes) nodes, \(result.edges) edges, \(result.report.selfLoops) self loops left "
                + "out, \(result.report.repeats) repeats summed\n\(result.bands) passes for rows, "
                + "\(clock.now - start), peak \(Environment.peakMemory >> 20) MiB\n"
        )
    }
}
