internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinStories
internal import SkeinTensor

/// `skein stories`: writes texts for language models to learn from.
struct Stories: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write short stories, told by a small world model, as JSONL or text.",
        discussion: """
            A story is a function of seed and number. Those of --held-out are about heroes and \
            things that no other story names.
            """
    )

    @Option(name: [.short, .long], help: "How many stories.") var count = 10
    @Option(help: "The seed.") var seed = 1
    @Option(help: "The number of the first story.") var first = 0
    @Flag(help: "Only held-out heroes and things.") var heldOut = false
    @Option(name: .shortAndLong, help: "A .jsonl or .txt file; standard output otherwise.")
    var output: String?

    func run() throws {
        guard count >= 0, first >= 0, seed >= 0 else {
            throw SkeinError(
                .invalidArgument,
                "--count \(count) --first \(first) --seed \(seed): expected none below 0"
            )
        }
        let generator = StoryGenerator(
            seed: UInt64(seed),
            part: heldOut ? .heldOut : .training
        )
        let isLines = output?.hasSuffix(".jsonl") ?? false
        let file = try output.map { try AtomicFile(path: $0) }
        for index in first..<first + count {
            let story = generator.story(index)
            let text =
                isLines
                ? JSON.object(Self.object(story)).text(.compact) + "\n" : story.text + "\n\n"
            if let file {
                try unsafe Array(text.utf8).withUnsafeBytes { try unsafe file.write($0) }
            } else {
                Environment.out(text)
            }
        }
        try file?.commit()
    }

    private static func object(_ story: StoryGenerator.Story) -> JSONObject {
        var object = JSONObject()
        object["text"] = .string(story.text)
        object["plot"] = .string(story.plot)
        return object
    }
}
