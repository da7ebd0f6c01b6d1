internal import ArgumentParser
internal import SkeinCore
internal import SkeinEngine
internal import SkeinModels
internal import SkeinTensor

/// The flags of every verb that loads a model.
struct ModelFlags: ParsableArguments {
    @Option(
        name: [.customShort("m"), .long],
        help: "A Hugging Face directory, a .gguf file or a llama2.c .bin file. [env: SKEIN_MODEL]"
    )
    var model: String?

    @Option(name: [.customShort("t"), .long], help: "Threads; all cores by default.")
    var threads: Int?

    @Option(
        name: [
            .customLong("cache-type"), .customLong("kv-cache-dtype"), .customLong("cache-type-k"),
        ],
        help: "Type of keys and values: f16, bf16 or f32."
    )
    var cacheType = "f16"

    @Option(
        name: [.customLong("compute"), .customLong("dtype")],
        help: "What float weights are multiplied as: auto (their own type), f32, f16 or bf16."
    )
    var compute = "auto"

    @Option(help: "A low-rank adapter's folder, as PEFT writes it, to merge into the model.")
    var lora: String?

    @Option(
        help: ArgumentHelp(
            "Divide a recurrent model's prompts over time, in chunks of so many rows: for few channels"
                + " and many threads, at twice the work."
        )
    )
    var scanChunk: Int?

    /// Opens a checkpoint, with the adapter if one is named.
    func checkpoint(_ path: String) throws -> any Checkpoint {
        let base = try LanguageModelLoader.checkpoint(path)
        return try lora.map { try AdaptedCheckpoint(base, adapter: $0) } ?? base
    }

    /// The path, from the flag or the environment.
    func path() throws -> String { try model ?? Self.defaultPath() }

    /// The path where no flag names one.
    static func defaultPath() throws -> String {
        if let value = Environment.value("SKEIN_MODEL") { return value }
        if let path = DefaultModel.path {
            Environment.error("no model is named: running the story teller in Models/stories\n")
            return path
        }
        throw SkeinError(
            .invalidArgument,
            "no model is named",
            hint: "pass --model PATH or set SKEIN_MODEL"
        )
    }

    func processor() throws -> Processor {
        if let threads, !(1...1024).contains(threads) {
            throw SkeinError(.invalidArgument, "--threads is \(threads), expected 1 to 1024")
        }
        return try Processor(threads: threads, scanChunk: scanChunk)
    }

    func engineOptions() throws -> EngineOptions {
        var options = EngineOptions()
        options.cacheType = try Self.floatType(cacheType, flag: "--cache-type")
        return options
    }

    func loadOptions() throws -> LoadOptions {
        guard compute != "auto" else { return LoadOptions() }
        return LoadOptions(computeType: try Self.floatType(compute, flag: "--compute"))
    }

    static func floatType(_ name: String, flag: String) throws -> DType {
        switch name.lowercased() {
        case "f32", "float32": return .f32
        case "f16", "float16", "half": return .f16
        case "bf16", "bfloat16": return .bf16
        default:
            throw SkeinError(.invalidArgument, "\(flag) is \"\(name)\", expected f32, f16 or bf16")
        }
    }
}
