internal import SkeinCore
public import SkeinDecoding
public import SkeinModels
internal import SkeinNN
public import SkeinTensor

/// Runs any number of requests together: every step packs what their strategies wish for into one
/// forward pass.
///
/// Requests join and leave between steps. Decoding rows go first and prompts fill what is left, so a long
/// prompt never stops running answers. What a request gets does not depend, to the bit, on what runs
/// beside it. Not thread-safe: one owner steps it.
///
/// - Paper: Yao et al. 2023, "Flover: a temporal fusion framework", arXiv:2305.13484.
public final class Engine {
    /// The model.
    public let model: any LanguageModel
    /// Where it runs.
    public let processor: Processor
    /// How steps are packed.
    public let options: EngineOptions
    var execution: Execution
    var slots: [Int32: EngineSlot] = [:]
    /// Requests with a slot, in the order in which they were given one.
    var running: [Int32] = []
    /// Requests without one.
    var waiting: [Int32] = []
    var cache: PrefixCache
    var counts = EngineStatistics()
    var arrivals = 0
    /// Why logits are not finite; found once, because it looks through all weights.
    lazy var explanation = WeightList.explanation(model.weights, processor)
    /// The first weight that is not finite; found once.
    lazy var badWeight = model.weights?.firstNonFinite(processor)
    /// The last step, for whoever watches.
    public internal(set) var lastStep: StepReport?

    /// Creates an engine without requests.
    public init(
        model: any LanguageModel,
        processor: Processor,
        options: EngineOptions = EngineOptions()
    ) {
        self.model = model
        self.processor = processor
        self.options = options
        let state = model.makeState(dtype: options.cacheType)
        execution = Execution(processor: processor, state: state)
        cache = PrefixCache(state)
        counts.slotLimit = options.slotLimit
        counts.stateLimit = options.stateLimit ?? 0
    }

    /// Whether drafts may run: a state that keeps only its end cannot leave out those that were wrong.
    public var allowsDrafts: Bool { execution.state.capabilities.contains(.truncate) }
    /// The number of requests in progress, waiting ones included.
    public var active: Int { slots.count }
    /// Bytes of keys and values in use, remembered prompts included.
    public var stateBytes: Int { execution.state.residentBytes }
    /// Whether a step would have something to do.
    public var hasWork: Bool {
        !waiting.isEmpty || running.contains { slots[$0]?.isPaused == false }
    }

    /// Counts since the engine was made.
    public var statistics: EngineStatistics {
        var now = counts
        now.running = running.count
        now.waiting = waiting.count
        now.stateBytes = stateBytes
        now.cachedRows = cache.rows
        return now
    }

    /// Puts a request in line.
    ///
    /// - Returns: Its number, which events name.
    /// - Throws: `SkeinError.Code.incapable` when the model's state cannot do what the strategy needs,
    ///   `.contextOverflow` when it could never fit into the state's memory, and what making the
    ///   strategy throws.
    public func enqueue(_ request: EngineRequest) throws -> Int32 {
        try check(request.requires)
        try checkFits(request.prompt.count + 1)
        return enqueue(request, try request.makeStrategy(0))
    }

    /// Puts a strategy in line that starts from nothing remembered and leaves nothing.
    ///
    /// - Returns: Its number, which events name.
    /// - Throws: `SkeinError.Code.incapable` when the model's state cannot do what the strategy needs.
    public func admit<Strategy: DecodingStrategy>(_ strategy: Strategy) throws -> Int32 {
        var request = EngineRequest(prompt: []) { _ in strategy }
        request.usesMemory = false
        try check(request.requires)
        return enqueue(request, strategy)
    }

    private func enqueue(_ request: EngineRequest, _ strategy: any DecodingStrategy) -> Int32 {
        var number = Int32(truncatingIfNeeded: arrivals & 0x7fff_ffff)
        while slots[number] != nil { number = (number &+ 1) & 0x7fff_ffff }
        slots[number] = EngineSlot(
            number: number,
            arrival: arrivals,
            request: request,
            strategy: strategy
        )
        arrivals += 1
        waiting.append(number)
        return number
    }

    private func check(_ requires: [Role: Requirements]) throws {
        let missing = (requires[.target] ?? []).subtracting(execution.state.capabilities)
        guard missing.isEmpty else {
            throw SkeinError(
                .incapable,
                "the \(model.description.family) model's state cannot "
                    + missing.names.joined(separator: ", ") + ", which the decoding strategy needs"
            )
        }
    }

    /// Forgets all remembered prompts and answers that no running request holds.
    public func forgetPrompts() { while cache.forgetOldest() {} }

    /// What a request is doing, how it decodes and how many rows it has.
    func progress(
        _ number: Int32
    ) -> (phase: SlotReport.Phase, strategy: String, rows: Int)? {
        guard let slot = slots[number] else { return nil }
        let rows = execution.state.count(slot.main)
        let phase: SlotReport.Phase =
            !running.contains(number)
            ? .waiting
            : slot.isPrefilling || rows < slot.rowsToRebuild ? .prefilling : .decoding
        let name = "\(type(of: slot.strategy))".prefix { $0 != "<" }
        return (phase, String(name), rows)
    }

    /// Ends a request at once and forgets its memory.
    public func cancel(_ number: Int32) {
        guard slots[number] != nil else { return }
        end(number, .cancelled)
    }

    /// Holds a request where it is, or lets it go on; its memory stays.
    public func pause(_ number: Int32, _ isPaused: Bool) { slots[number]?.isPaused = isPaused }

    /// Takes a request out.
    func end(_ number: Int32, _ reason: FinishReason) {
        guard let slot = slots[number] else { return }
        remember(slot)
        for key in slot.keys { execution.state.drop(key) }
        slots[number] = nil
        running.removeAll { $0 == number }
        waiting.removeAll { $0 == number }
        counts.finished[reason, default: 0] += 1
    }

    /// Runs one forward pass for all requests that have something to run.
    ///
    /// - Returns: What happened, in slot order.
    /// - Throws: Errors of the model and its state. Requests stay as they were before the step.
    public func step() throws -> [EngineEvent] {
        let clock = ContinuousClock()
        let start = clock.now
        var events = admitWaiting()
        let packer = plan(&events)
        guard let batch = packer.batch() else { return events }
        defer { execution.state.unstage() }
        let modelStart = clock.now
        let hidden = try model.forward(batch, &execution)
        var logits: Tensor?
        if !batch.headRows.isEmpty {
            logits = model.logits(processor.gather(hidden, rows: batch.headRows), processor)
        }
        let modelTime = clock.now - modelStart
        counts.steps += 1
        counts.rows += batch.count
        try deliver(packer, logits, &events)
        execution.state.settle(processor.pool)
        let time = clock.now - start
        counts.modelTime += modelTime.seconds
        counts.stepTime += time.seconds
        report(packer, events, seconds: time.seconds)
        return events
    }

    private func report(_ packer: StepPacker, _ events: [EngineEvent], seconds: Double) {
        var parts: [Int32: StepReport.Part] = [:]
        var promptRows = 0
        var decodeRows = 0
        for placed in packer.placed {
            if placed.isPrompt {
                promptRows += placed.place.rows
            } else {
                decodeRows += placed.place.rows
            }
            parts[placed.slot, default: StepReport.Part(slot: placed.slot)].rows +=
                placed.place.rows
        }
        for event in events {
            switch event {
            case .tokens(let slot, let tokens, _): parts[slot]?.tokens += tokens
            case .trace(let slot, let trace):
                parts[slot]?.drafted += trace.drafted
                parts[slot]?.accepted += trace.accepted
                parts[slot]?.rejected += trace.rejected
            default: break
            }
        }
        for number in parts.keys { parts[number]?.branches = slots[number]?.branches.count ?? 0 }
        lastStep = StepReport(
            number: counts.steps,
            time: seconds,
            promptRows: promptRows,
            decodeRows: decodeRows,
            waiting: waiting.count,
            stateBytes: stateBytes,
            parts: parts.values.sorted { $0.slot < $1.slot }
        )
    }
}

extension Duration {
    /// The duration in seconds.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
