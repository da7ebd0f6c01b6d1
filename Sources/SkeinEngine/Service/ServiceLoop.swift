internal import SkeinCore
internal import SkeinDecoding
internal import SkeinTensor
internal import SkeinText

/// The thread of a service: takes mail, steps the engine, turns tokens into text, hands out events.
final class ServiceLoop {
    /// A request between submission and its last event.
    private struct Client {
        let number: UInt64
        let request: GenerationRequest
        let sink: GenerationSink
        let submitted: ContinuousClock.Instant
        var text: TokenStream
        var stops: StopStrings
        var held = GenerationPiece(text: "", tokens: [])
        var promptScores: [TokenScore] = []
        var summary = GenerationSummary(reason: .cancelled)
        var isStarted = false
        var isPaused = false
    }

    private let engine: Engine
    private let tokenizer: Tokenizer
    private let stopTokens: Set<Int32>
    private let contextSize: Int
    private let board: ServiceBoard
    private var clients: [Int32: Client] = [:]
    private var slotOf: [UInt64: Int32] = [:]
    private var lastReport = ContinuousClock.now

    init(
        _ engine: Engine,
        _ tokenizer: Tokenizer,
        stopTokens: Set<Int32>,
        contextSize: Int,
        _ board: ServiceBoard
    ) {
        self.engine = engine
        self.tokenizer = tokenizer
        self.stopTokens = stopTokens
        self.contextSize = contextSize
        self.board = board
    }

    func run() {
        while true {
            let mail = board.takeMail()
            for arrival in mail.arrivals { accept(arrival) }
            for number in mail.cancelled {
                if let slot = slotOf[number] { end(slot, .cancelled) }
            }
            if mail.isStopping {
                for slot in Array(clients.keys) { end(slot, .cancelled) }
                publish(isIdle: true)
                board.close()
                return
            }
            watchClients()
            guard engine.hasWork else {
                publish(isIdle: true)
                let hasTimers = clients.values.contains {
                    $0.isPaused || $0.request.deadline != nil
                }
                board.sleep(milliseconds: hasTimers ? 5 : nil)
                continue
            }
            step()
        }
    }

    private func step() {
        do {
            let events = try engine.step()
            // Before the answers: whoever has one finds it counted.
            board.publish(engine.statistics, nil)
            publishStep()
            for event in events { handle(event) }
        } catch {
            // The step's requests cannot go on; those in line may.
            for (slot, client) in clients where client.isStarted {
                end(slot, .failed, failure: "\(error)")
            }
        }
        publish(isIdle: false)
    }

    private func accept(_ arrival: ServiceBoard.Arrival) {
        let request = arrival.request
        var parameters = request.parameters
        if !request.ignoresEnd { parameters.stopTokens.formUnion(stopTokens) }
        let client = Client(
            number: arrival.number,
            request: request,
            sink: arrival.sink,
            submitted: arrival.time,
            text: TokenStream(tokenizer, skipSpecialTokens: request.skipsSpecialTokens),
            stops: StopStrings(request.stopStrings)
        )
        let draftLimit = engine.allowsDrafts ? request.draftLimit : 0
        var entry = EngineRequest(prompt: request.prompt) { [contextSize, parameters] remembered in
            try Autoregressive(
                prompt: request.prompt,
                parameters: parameters,
                grammar: request.grammar,
                contextLimit: contextSize,
                startingAt: remembered,
                answerScores: request.topLogProbabilities,
                promptScores: request.promptLogProbabilities,
                draftLimit: draftLimit
            )
        }
        entry.priority = request.priority
        entry.salt = request.cacheSalt
        entry.usesMemory = request.usesPrefixCache && request.promptLogProbabilities == nil
        do {
            let slot = try engine.enqueue(entry)
            clients[slot] = client
            clients[slot]?.summary.promptTokens = request.prompt.count
            slotOf[arrival.number] = slot
        } catch {
            var summary = GenerationSummary(reason: .failed)
            summary.failure = "\(error)"
            arrival.sink.send(.finished(summary))
            board.hasEnded(wasWaiting: true)
        }
    }

    /// Pauses requests whose readers lag and ends those whose time is over.
    private func watchClients() {
        var late: [Int32] = []
        for (slot, client) in clients {
            let isLagging = client.sink.isLagging
            if isLagging != client.isPaused {
                clients[slot]?.isPaused = isLagging
                engine.pause(slot, isLagging)
            }
            if let deadline = client.request.deadline, deadline < .now { late.append(slot) }
        }
        for slot in late { end(slot, .cancelled, failure: "the request's time is over") }
    }

    private func handle(_ event: EngineEvent) {
        let slot = event.slot
        guard clients[slot] != nil else { return }
        switch event {
        case .started(_, let cachedTokens):
            let time = elapsed(slot)
            clients[slot]?.isStarted = true
            clients[slot]?.summary.cachedTokens = cachedTokens
            clients[slot]?.summary.queueTime = time
            board.wasStarted()
        case .scores(_, let scores, .prompt): add(promptScores: scores, to: slot)
        case .scores(_, let scores, .answer): clients[slot]?.held.scores += scores
        case .tokens(_, let tokens, _): add(tokens, to: slot)
        case .trace(_, let trace):
            clients[slot]?.summary.draftedTokens += trace.drafted
            clients[slot]?.summary.acceptedTokens += trace.accepted
        case .failed(_, let error): clients[slot]?.summary.failure = "\(error)"
        case .finished(_, let reason): finish(slot, reason)
        }
    }

    private func add(promptScores: [TokenScore], to slot: Int32) {
        guard var client = clients[slot] else { return }
        client.promptScores += promptScores
        if client.promptScores.count == client.request.prompt.count {
            client.sink.send(.prompt(client.promptScores))
            client.promptScores = []
        }
        clients[slot] = client
    }

    private func add(_ tokens: [Int32], to slot: Int32) {
        guard var client = clients.removeValue(forKey: slot) else { return }
        if client.summary.completionTokens == 0 {
            client.summary.timeToFirstToken = (.now - client.submitted).seconds
        }
        for token in tokens where !client.stops.isStopped {
            client.summary.completionTokens += 1
            client.held.tokens.append(token)
            client.held.text += client.stops.append(client.text.append(token)).emit
        }
        if !client.held.text.isEmpty, !client.request.deliversAtEnd { send(&client) }
        let isStopped = client.stops.isStopped
        clients[slot] = client
        if isStopped {
            engine.cancel(slot)
            finish(slot, .stop)
        }
    }

    private func send(_ client: inout Client) {
        var piece = client.held
        client.held = GenerationPiece(text: "", tokens: [])
        // The score of an end token may have come with those before it.
        client.held.scores = Array(piece.scores.dropFirst(piece.tokens.count))
        piece.scores.removeLast(client.held.scores.count)
        client.sink.send(.piece(piece))
    }

    /// Takes a request out of the engine.
    private func end(_ slot: Int32, _ reason: FinishReason, failure: String? = nil) {
        engine.cancel(slot)
        clients[slot]?.summary.failure = failure
        finish(slot, reason)
    }

    /// The last events of a request that the engine no longer has.
    private func finish(_ slot: Int32, _ reason: FinishReason) {
        guard var client = clients.removeValue(forKey: slot) else { return }
        slotOf[client.number] = nil
        if !client.stops.isStopped {
            client.held.text += client.stops.append(client.text.finish()).emit
            client.held.text += client.stops.finish()
        } else {
            client.summary.stopString = client.stops.found
        }
        if !client.held.tokens.isEmpty || !client.held.text.isEmpty { send(&client) }
        // After a stop text the rest are scores of tokens that were cut off.
        if !client.stops.isStopped { client.summary.endScore = client.held.scores.first }
        client.summary.reason = reason
        client.summary.totalTime = (.now - client.submitted).seconds
        client.sink.send(.finished(client.summary))
        board.hasEnded(wasWaiting: !client.isStarted)
    }

    private func elapsed(_ slot: Int32) -> Double {
        clients[slot].map { (.now - $0.submitted).seconds } ?? 0
    }

    // MARK: - Reports

    private func publish(isIdle: Bool) {
        let now = ContinuousClock.now
        let isDue = isIdle || now - lastReport > .milliseconds(100)
        if isDue { lastReport = now }
        board.publish(engine.statistics, isDue ? reports() : nil)
    }

    /// Shows the last step to whoever watches, before requests that ended with it are forgotten.
    private func publishStep() {
        guard board.isObserved, var report = engine.lastStep else { return }
        for place in report.parts.indices {
            report.parts[place].id = clients[report.parts[place].slot]?.request.id ?? ""
        }
        board.publish(report)
    }

    private func reports() -> [SlotReport] {
        clients.keys.sorted().compactMap { slot in
            guard let client = clients[slot], let progress = engine.progress(slot) else {
                return nil
            }
            return SlotReport(
                slot: slot,
                id: client.request.id,
                phase: progress.phase,
                strategy: progress.strategy,
                promptTokens: client.request.prompt.count,
                cachedTokens: client.summary.cachedTokens,
                rowsDone: progress.rows,
                completionTokens: client.summary.completionTokens,
                age: elapsed(slot)
            )
        }
    }
}
