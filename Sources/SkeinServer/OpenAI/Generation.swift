internal import Hummingbird
internal import SkeinCore
internal import SkeinEngine

/// A request's answers on their way from the engine: submitted together, read one by one or merged.
struct Generation: Sendable {
    let model: ServedModel
    let streams: [GenerationStream]
    let metrics: ServerMetrics

    /// Submits every answer of every prompt.
    ///
    /// - Throws: As `GenerationService.submit`; then nothing stays submitted.
    init(_ requests: [GenerationRequest], _ model: ServedModel, _ state: ServerState) throws {
        self.model = model
        metrics = state.metrics
        // Streams that are dropped on the way out cancel what was submitted before.
        var streams: [GenerationStream] = []
        for request in requests {
            do {
                streams.append(try model.service.submit(request))
            } catch {
                for stream in streams { model.service.cancel(stream.number) }
                throw error
            }
        }
        self.streams = streams
    }

    /// Ends all answers.
    func cancel() { for stream in streams { model.service.cancel(stream.number) } }

    /// Reads all answers to their ends; a client that leaves ends them.
    func answers(_ context: ServerContext, _ state: ServerState) async throws -> [Answer] {
        try await state.connections.watch(context.channel, onClose: cancel) {
            var answers: [Answer] = []
            for stream in streams {
                var answer = Answer()
                var clock = TokenClock(isWhole: true)
                for await event in stream {
                    answer.add(event)
                    clock.observe(event, metrics)
                }
                do {
                    try answer.summary.check()
                } catch {
                    cancel()
                    throw error
                }
                answers.append(answer)
            }
            return answers
        }
    }

    /// Hands every event to `body` with its answer's number, as events come.
    ///
    /// A failing answer ends all.
    func forEach(
        _ body: @escaping @Sendable (_ number: Int, GenerationEvent) async throws -> Void
    ) async throws {
        try await withTaskCancellationHandler {
            guard streams.count > 1 else {
                return try await read(0, body)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in streams.indices {
                    group.addTask { try await read(number, body) }
                }
                try await group.waitForAll()
            }
        } onCancel: {
            cancel()
        }
    }

    private func read(
        _ number: Int,
        _ body: @Sendable (_ number: Int, GenerationEvent) async throws -> Void
    ) async throws {
        var clock = TokenClock(isWhole: false)
        for await event in streams[number] {
            clock.observe(event, metrics)
            if case .finished(let summary) = event { try summary.check() }
            try await body(number, event)
        }
    }
}

/// Times the pieces of one answer for the metrics.
struct TokenClock {
    /// Whether the answer comes in one piece: then the mean stands for the time between its tokens.
    var isWhole = false
    private var last: ContinuousClock.Instant?

    init(isWhole: Bool) { self.isWhole = isWhole }

    mutating func observe(_ event: GenerationEvent, _ metrics: ServerMetrics) {
        switch event {
        case .prompt: break
        case .piece(let piece):
            let now = ContinuousClock.now
            if !isWhole, let last, !piece.tokens.isEmpty {
                metrics.observeInterTokenLatency(
                    (now - last) / piece.tokens.count,
                    count: piece.tokens.count
                )
            }
            last = now
        case .finished(let summary):
            metrics.observe(summary)
            let rest = summary.completionTokens - 1
            guard isWhole, rest > 0 else { return }
            let time = summary.totalTime - summary.timeToFirstToken
            metrics.observeInterTokenLatency(.seconds(time) / rest, count: rest)
        }
    }
}
