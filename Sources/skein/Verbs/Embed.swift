internal import ArgumentParser
internal import SkeinCore
internal import SkeinEngine
internal import SkeinTensor

/// `skein embed`: texts to vectors.
struct Embed: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Turn texts into vectors.")

    @OptionGroup var flags: ModelFlags

    @Option(
        help: "How a text's tokens become one vector: mean, cls, last or pooler; as the model says."
    )
    var pooling: String?

    @Flag(inversion: .prefixedNo, help: "Scale vectors to unit length; as the model says.")
    var normalize: Bool?

    @Option(help: "A tokenizer other than the model's own.")
    var tokenizer: String?

    @Flag(help: "Print JSON.")
    var json = false

    @Argument(help: "The texts.")
    var texts: [String]

    func run() throws {
        let embedder = try TextEmbedder(
            path: flags.path(),
            processor: flags.processor(),
            tokenizer: tokenizer,
            pooling: try pooling.map(Self.pooling),
            isNormalized: normalize,
            options: try flags.loadOptions()
        )
        let tokens = try texts.map { try embedder.tokens(of: $0) }
        let vectors = try embedder.embed(tokens)
        guard json else {
            for vector in vectors {
                Environment.out(vector.map { "\($0)" }.joined(separator: " ") + "\n")
            }
            return
        }
        var object = JSONObject()
        object["model"] = .string(embedder.modelName)
        object["dimensions"] = .int(embedder.dimensions)
        object["tokens"] = .int(tokens.reduce(0) { $0 + $1.count })
        object["embeddings"] = .array(
            vectors.map { .array($0.map { .double(Double($0)) }) }
        )
        Environment.out(JSON.object(object).text() + "\n")
    }

    private static func pooling(_ name: String) throws -> Wanted.Pooling {
        switch name {
        case "mean": return .mean
        case "cls", "first": return .first
        case "last": return .last
        case "pooler", "head": return .head
        default:
            throw SkeinError(
                .invalidArgument,
                "--pooling is \"\(name)\", expected mean, cls, last or pooler"
            )
        }
    }
}
