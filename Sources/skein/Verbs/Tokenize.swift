internal import ArgumentParser
internal import SkeinCore
internal import SkeinModels
internal import SkeinText

/// `skein tokenize`: text to ids and back.
struct Tokenize: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the token ids of a text.")

    @Option(
        name: [.customShort("m"), .long],
        help: "A model or tokenizer: a directory, .json, .gguf or tok*.bin. [env: SKEIN_MODEL]"
    )
    var model: String?

    @Option(
        name: [.customShort("p"), .customLong("prompt"), .customLong("text")],
        help: "The text."
    )
    var text: String?

    @Option(name: [.customShort("f"), .customLong("file")], help: "A file with the text.")
    var file: String?

    @Flag(help: "Turn ids into text instead.")
    var decode = false

    @Option(help: "Ids to decode: 1,2,3.")
    var ids: String?

    @Flag(name: .customLong("no-bos"), help: "Leave out the model's own first and last tokens.")
    var noBOS = false

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: "Encode a file once and print the rate in MB/s.")
    var benchmark: String?

    func run() throws {
        guard let path = model ?? Environment.value("SKEIN_MODEL") ?? DefaultModel.path else {
            throw SkeinError(.invalidArgument, "no tokenizer is named", hint: "pass --model PATH")
        }
        let tokenizer = try TokenizerLoader.load(path)
        if let benchmark { return try measure(tokenizer, benchmark) }
        if decode || ids != nil {
            let text = try tokenizer.decode(parsedIDs(), skipSpecialTokens: false)
            Environment.out(json ? JSON.string(text).text() + "\n" : text + "\n")
            return
        }
        guard let text = try text ?? file.map(TextFile.read) else {
            throw SkeinError(
                .invalidArgument,
                "no text",
                hint: "pass --text TEXT, --file PATH or --ids"
            )
        }
        let found = tokenizer.encode(text, addSpecialTokens: !noBOS)
        guard json else {
            for id in found { Environment.out("\(id)\t\(tokenizer.token(id) ?? "")\n") }
            return
        }
        Environment.out(JSON.array(found.map { .int(Int($0)) }).text() + "\n")
    }

    private func parsedIDs() throws -> [Int32] {
        try (ids ?? "").split(whereSeparator: { ", ".contains($0) }).map {
            guard let id = Int32($0) else {
                throw SkeinError(.invalidArgument, "--ids holds \"\($0)\", expected numbers")
            }
            return id
        }
    }

    private func measure(_ tokenizer: Tokenizer, _ path: String) throws {
        let text = try TextFile.read(path)
        let clock = ContinuousClock()
        let start = clock.now
        let count = tokenizer.encode(text, addSpecialTokens: false).count
        let elapsed = (clock.now - start).components
        let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
        Environment.out(
            "{\"bytes\": \(text.utf8.count), \"tokens\": \(count), \"seconds\": \(seconds),"
                + " \"mb_per_second\": \(Double(text.utf8.count) / seconds / 1e6)}\n"
        )
    }
}
