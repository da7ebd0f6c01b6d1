internal import ArgumentParser
internal import Foundation
internal import Logging
internal import SkeinCore
internal import SkeinEngine
internal import SkeinModels
internal import SkeinServer
internal import SkeinTensor

/// `skein serve`: models behind OpenAI's HTTP interface.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve models over HTTP, as OpenAI's interface describes."
    )

    @Option(
        name: [.customShort("m"), .customLong("model")],
        help: "PATH or PATH=NAME; repeat for several models. [env: SKEIN_MODEL]"
    )
    var models: [String] = []

    @Option(
        name: .customLong("embedding-model"),
        help: "PATH or PATH=NAME of a model for /v1/embeddings; may be repeated."
    )
    var embeddingModels: [String] = []

    @Option(
        name: [.customLong("served-model-name"), .customLong("alias")],
        help: "The model's name."
    )
    var name: String?

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port; 0 lets the system choose.")
    var port = 8080

    @Option(
        name: .customLong("api-key"),
        help: "A key that requests must bear; may be repeated. [env: SKEIN_API_KEY]"
    )
    var apiKeys: [String] = []

    @Option(name: .customLong("api-key-file"), help: "A file of keys, one a line.")
    var apiKeyFile: String?

    @Option(
        name: [
            .customLong("parallel"), .customLong("max-num-seqs"),
        ],
        help: "Requests that run together."
    )
    var parallel = 64

    @Option(name: [.customLong("queue-limit")], help: "Requests that may wait.")
    var queueLimit = 1024

    @Option(
        name: [.customLong("ctx-size"), .customLong("max-model-len"), .customShort("c")],
        help: "Tokens of prompt and answer together; the model's own by default."
    )
    var contextSize: Int?

    @Option(
        name: [.customLong("kv-memory")],
        help: "MiB for keys and values; half of memory by default."
    )
    var kvMemory: Int?

    @Option(
        name: [
            .customLong("batch-size"), .customLong("max-num-batched-tokens"), .customShort("b"),
        ],
        help: "Rows of one forward pass."
    )
    var batch = 512

    @Option(help: "Rows of prompts in a step that decodes too.")
    var promptRows = 128

    @Option(name: [.customShort("t"), .long], help: "Threads; all cores by default.")
    var threads: Int?

    @Option(
        name: [.customLong("cache-type"), .customLong("kv-cache-dtype")],
        help: "f16, bf16 or f32."
    )
    var cacheType = "f16"

    @Option(name: .customLong("chat-template"), help: "A file with a chat template in Jinja.")
    var template: String?

    @Flag(
        name: .customLong("prefix-caching"),
        inversion: .prefixedNo,
        help: "Remember prompts for requests that begin alike."
    )
    var prefixCaching = true

    @Option(
        name: .customLong("draft-max"),
        help: "Tokens to guess ahead from what was said before; no guess changes an answer."
    )
    var draftMax = 0

    @Option(
        help: "Rows that decoding requests share; drafts fill what decoding leaves."
    )
    var draftRows = EngineOptions().draftRows

    @Option(help: "The most bytes of a request's body.")
    var maxBodyBytes = 8 << 20

    @Option(help: "The most bytes of a request's headers.")
    var maxHeaderBytes = 64 << 10

    @Option(help: "The most connections at once.")
    var maxConnections = 4096

    @Option(help: "The most requests a minute of one key, or of one address where no key is asked.")
    var maxRequestsPerMinute: Int?

    @Option(help: "Seconds until a silent connection is closed.")
    var idleTimeout = 120.0

    @Option(help: "The most seconds that a request's body may take to arrive.")
    var bodyTimeout = 60.0

    @Option(help: "The most seconds of a request.")
    var requestTimeout: Double?

    @Option(help: "Seconds to wait for running requests at the end.")
    var drainTimeout = 30.0

    @Option(
        name: .customLong("max-tokens"),
        help: "Tokens of an answer where a request does not say."
    )
    var maxTokens: Int?

    @Option(help: "A low-rank adapter's folder, as PEFT writes it, to merge into every model.")
    var lora: String?

    @Option(name: .customLong("cors-origin"), help: "An origin that browsers may call from, or *.")
    var corsOrigins: [String] = []

    @Option(help: "A certificate chain in PEM.")
    var tlsCert: String?

    @Option(help: "The certificate's key in PEM.")
    var tlsKey: String?

    @Flag(help: "Write prompts to the log.")
    var logPrompts = false

    @Flag(name: .customLong("vllm-metrics"), help: "Export metrics under vLLM's names too.")
    var vllmMetrics = false

    @Option(name: .customLong("log-level"), help: "debug, info, warning or error.")
    var logLevel = "info"

    func run() async throws {
        let options = try serverOptions()
        let registry = ModelRegistry(isLoading: true)
        var logger = Logger(label: "skein") { JSONLog(label: $0) }
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw SkeinError(
                .invalidArgument,
                "--log-level is \"\(logLevel)\", expected debug, info, warning or error"
            )
        }
        logger.logLevel = level
        let entries = try modelEntries()
        let embedders = embeddingModels.map { Self.entry($0, name: nil) }
        let server = SkeinServer(options: options, registry: registry, logger: logger)
        let loading = Task.detached { [self, logger] in
            do {
                for (path, name) in entries { try load(path, name, into: registry) }
                for (path, name) in embedders { try loadEmbedder(path, name, into: registry) }
                registry.finishLoading()
                logger.notice("ready", metadata: ["models": "\(registry.models.count)"])
            } catch {
                Environment.error("error: \(error)\n")
                Foundation.exit(70)
            }
        }
        try await server.run { port in
            Environment.error("skein listens on http://\(options.host):\(port)\n")
        }
        loading.cancel()
    }

    private func modelEntries() throws -> [(path: String, name: String)] {
        if models.isEmpty, !embeddingModels.isEmpty { return [] }
        let given = try models.isEmpty ? [ModelFlags.defaultPath()] : models
        return given.map { Self.entry($0, name: given.count == 1 ? name : nil) }
    }

    /// Splits PATH=NAME; the file's own name serves where none is given.
    private static func entry(_ text: String, name: String?) -> (path: String, name: String) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        let file = parts[0].split(separator: "/").last.map(String.init) ?? parts[0]
        let plain = file.hasSuffix(".gguf") ? String(file.dropLast(5)) : file
        return (parts[0], parts.count > 1 ? parts[1] : name ?? plain)
    }

    private func loadEmbedder(
        _ path: String,
        _ name: String,
        into registry: ModelRegistry
    ) throws {
        let embedder = try TextEmbedder(path: path, processor: Processor(threads: threads))
        try registry.add(ServedEmbedder(name: name, embedder: embedder))
    }

    private func load(_ path: String, _ name: String, into registry: ModelRegistry) throws {
        let processor = try Processor(threads: threads)
        let base = try LanguageModelLoader.checkpoint(path)
        let checkpoint = try lora.map { try AdaptedCheckpoint(base, adapter: $0) } ?? base
        var options = ServiceOptions()
        options.queueLimit = queueLimit
        options.engine.slotLimit = parallel
        options.engine.rowBudget = batch
        options.engine.promptRowsBesideDecoding = promptRows
        options.engine.draftRows = draftRows
        options.engine.cacheType = try ModelFlags.floatType(cacheType, flag: "--cache-type")
        options.engine.remembersPrompts = prefixCaching
        options.engine.stateLimit =
            kvMemory.map { $0 << 20 } ?? Int(ProcessInfo.processInfo.physicalMemory / 2)
        let tokenizer = Ahead { try TokenizerLoader.load(path) }
        let service = try GenerationService(
            model: LanguageModelLoader.load(checkpoint, processor: processor),
            tokenizer: tokenizer.value(),
            processor: processor,
            options: options,
            stopTokens: checkpoint.configuration.stopTokens,
            contextSize: contextSize
        )
        try registry.add(
            ServedModel(
                name: name,
                service: service,
                chatTemplate: template.map(TextFile.read),
                created: Int(Date().timeIntervalSince1970)
            )
        )
    }

    private func serverOptions() throws -> ServerOptions {
        try checkDomains()
        var options = ServerOptions()
        options.host = host
        options.port = port
        options.apiKeys = apiKeys
        if let key = Environment.value("SKEIN_API_KEY") { options.apiKeys.append(key) }
        if let apiKeyFile {
            options.apiKeys += try TextFile.read(apiKeyFile).split(whereSeparator: \.isNewline)
                .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
        options.bodyLimit = maxBodyBytes
        options.headerLimit = maxHeaderBytes
        options.connectionLimit = maxConnections
        options.requestsPerMinute = maxRequestsPerMinute
        options.idleTimeout = idleTimeout
        options.bodyTimeout = bodyTimeout
        options.draftLimit = draftMax
        options.requestTimeout = requestTimeout
        options.drainTimeout = drainTimeout
        options.defaultMaxTokens = maxTokens
        options.corsOrigins = corsOrigins
        options.logsPrompts = logPrompts
        options.exportsVLLMNames = vllmMetrics
        switch (tlsCert, tlsKey) {
        case (nil, nil): break
        case (let certificate?, let key?): options.tls = (certificate, key)
        default:
            throw SkeinError(.invalidArgument, "--tls-cert and --tls-key belong together")
        }
        return options
    }

    /// Refuses flags that make no sense, by name.
    private func checkDomains() throws {
        for (flag, value, least) in [
            ("--parallel", parallel, 1), ("--queue-limit", queueLimit, 0),
            ("--batch-size", batch, 1),
            ("--prompt-rows", promptRows, 1), ("--draft-rows", draftRows, 1),
            ("--draft-max", draftMax, 0), ("--max-body-bytes", maxBodyBytes, 1),
            ("--max-header-bytes", maxHeaderBytes, 256), ("--max-connections", maxConnections, 1),
            ("--max-requests-per-minute", maxRequestsPerMinute ?? 1, 1), ("--port", port, 0),
        ] where value < least {
            throw SkeinError(.invalidArgument, "\(flag) is \(value), expected at least \(least)")
        }
        for (flag, value, least) in [
            ("--idle-timeout", idleTimeout, 1e-3), ("--body-timeout", bodyTimeout, 1e-3),
            ("--request-timeout", requestTimeout ?? 1, 0), ("--drain-timeout", drainTimeout, 0),
        ] where !(least..<1e9).contains(value) {
            throw SkeinError(
                .invalidArgument,
                "\(flag) is \(value), expected at least \(least) seconds and less than 1e9"
            )
        }
        for (flag, value, most) in [
            ("--port", port, 65535), ("--draft-max", draftMax, ServerOptions.mostDrafts),
        ] where value > most {
            throw SkeinError(.invalidArgument, "\(flag) is \(value), expected at most \(most)")
        }
    }
}
