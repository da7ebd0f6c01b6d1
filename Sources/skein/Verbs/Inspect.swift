internal import ArgumentParser
internal import SkeinCore
internal import SkeinTensor

/// `skein inspect`: what a model file holds.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what is inside a model file.")

    @Argument(help: "A safetensors, GGUF or llama2.c file, or a model directory.")
    var file: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let inspection = try Inspection(path: file)
        Environment.out(json ? inspection.json.text(.indented(2)) + "\n" : inspection.table)
    }
}
