internal import SkeinCore
public import SkeinDecoding
public import SkeinModels
internal import SkeinNN
public import SkeinTensor

/// How an engine packs its steps.
public struct EngineOptions: Sendable {
    /// The most rows of one forward pass.
    public var rowBudget = 512
    /// The type of keys and values; f16 unless told otherwise.
    public var cacheType = DType.f16

    /// The defaults: 512 rows a step, keys and values in f16.
    public init() {}
}

/// Something that happened to a slot during a step.
public enum EngineEvent: Sendable, Hashable {
    /// Final tokens; the first one's position.
    case tokens(slot: Int32, [Int32], at: Int)
    /// The slot is done and free.
    case finished(slot: Int32, FinishReason)
    /// Counts for metrics.
    case trace(slot: Int32, Trace)
}

/// Runs any number of requests together: every step packs what their strategies wish for into one
/// forward pass.
///
/// Not thread-safe: one owner steps it.
public final class Engine {
    private struct Slot {
        var strategy: any DecodingStrategy
        var branches: Set<Branch> = [.main]
    }

    /// The model.
    public let model: any LanguageModel
    /// Where it runs.
    public let processor: Processor
    /// How steps are packed.
    public let options: EngineOptions
    private var execution: Execution
    private var slots: [Int32: Slot] = [:]
    private var order: [Int32] = []
    private var nextSlot: Int32 = 0

    /// Creates an engine without requests.
    public init(
        model: any LanguageModel,
        processor: Processor,
        options: EngineOptions = EngineOptions()
    ) {
        self.model = model
        self.processor = processor
        self.options = options
        execution = Execution(
            processor: processor,
            state: model.makeState(dtype: options.cacheType)
        )
    }

    /// The number of requests in progress.
    public var active: Int { slots.count }
    /// Bytes that requests' memories hold.
    public var stateBytes: Int { execution.state.residentBytes }

    /// Admits a request.
    ///
    /// - Parameter strategy: How it decodes.
    /// - Returns: Its slot, which events name.
    /// - Throws: `SkeinError.Code.incapable` when the model's state cannot do what the strategy needs.
    public func admit<Strategy: DecodingStrategy>(_ strategy: Strategy) throws -> Int32 {
        let needed = Strategy.requires[.target] ?? []
        let missing = needed.subtracting(execution.state.capabilities)
        guard missing.isEmpty else {
            throw SkeinError(
                .incapable,
                "the \(model.description.family) model's state cannot "
                    + missing.names.joined(separator: ", ")
                    + ", which \(Strategy.self) needs"
            )
        }
        let slot = nextSlot
        nextSlot &+= 1
        slots[slot] = Slot(strategy: strategy)
        order.append(slot)
        return slot
    }

    /// Ends a request at once and forgets its memory.
    public func cancel(_ slot: Int32) {
        guard let ended = slots.removeValue(forKey: slot) else { return }
        order.removeAll { $0 == slot }
        for branch in ended.branches {
            execution.state.drop(BranchKey(slot: slot, branch: branch))
        }
    }

    /// Runs one forward pass for all requests that have something to run.
    ///
    /// - Returns: What happened, in slot order.
    /// - Throws: `SkeinError.Code.notFinite` when a model's logits are not numbers, and errors of the
    ///   model and its state. Requests stay as they were before the step.
    public func step() throws -> [EngineEvent] {
        var packer = StepPacker(budget: options.rowBudget)
        var wishes: [(slot: Int32, Wish)] = []
        for slot in order {
            guard var entry = slots[slot] else { continue }
            for wish in entry.strategy.wish(rowBudget: options.rowBudget) {
                wishes.append((slot, wish))
            }
            slots[slot] = entry
        }
        // Short wishes first, so that decoding never waits for a prompt.
        for (slot, wish) in wishes where wish.positions.count == 1 { packer.add(wish, slot: slot) }
        for (slot, wish) in wishes where wish.positions.count != 1 { packer.add(wish, slot: slot) }
        guard let batch = try packer.batch() else { return [] }
        let hidden = try model.forward(batch, &execution)
        var logits: Tensor?
        if !batch.headRows.isEmpty {
            let made = model.logits(processor.gather(hidden, rows: batch.headRows), processor)
            guard processor.isFinite(made) else {
                throw WeightList.explanation(model.weights, processor)
            }
            logits = made
        }
        return try deliver(packer, logits)
    }

    private func deliver(_ packer: StepPacker, _ logits: Tensor?) throws -> [EngineEvent] {
        var events: [EngineEvent] = []
        for slot in order {
            let placed = packer.placed.filter { $0.slot == slot }
            guard !placed.isEmpty, var entry = slots[slot] else { continue }
            let places = Dictionary(
                placed.map { ($0.wish.id, $0.place) },
                uniquingKeysWith: { first, _ in first }
            )
            let outputs = StepOutputs(logits: logits, places: places)
            let effects = entry.strategy.receive(outputs)
            slots[slot] = entry
            let segments = Dictionary(
                placed.map { ($0.wish.id, $0.segment) },
                uniquingKeysWith: { first, _ in first }
            )
            for effect in effects {
                if let event = try apply(effect, slot: slot, segments: segments) {
                    events.append(event)
                }
            }
        }
        return events
    }

    private func apply(
        _ effect: Effect,
        slot: Int32,
        segments: [WishID: Int]
    ) throws -> EngineEvent? {
        let state = execution.state
        func key(_ branch: Branch) -> BranchKey { BranchKey(slot: slot, branch: branch) }
        switch effect {
        case .commit(let wish, let rows, let branch):
            guard let segment = segments[wish] else {
                throw SkeinError(.incapable, "wish \(wish.id) has no rows to commit in this step")
            }
            slots[slot]?.branches.insert(branch)
            try state.commit(rows: rows, ofSegment: segment, to: key(branch))
        case .fork(let branch, let count, let others):
            slots[slot]?.branches.formUnion(others)
            try state.fork(key(branch), at: count, into: others)
        case .truncate(let branch, let count):
            try state.truncate(key(branch), to: count)
        case .join(let slices, let branch):
            slots[slot]?.branches.insert(branch)
            try state.join(slices, into: key(branch))
        case .drop(let branch):
            slots[slot]?.branches.remove(branch)
            state.drop(key(branch))
        case .snapshot, .release:
            break
        case .emit(let tokens, let position, _):
            return .tokens(slot: slot, tokens, at: position)
        case .trace(let trace):
            return .trace(slot: slot, trace)
        case .finish(let reason):
            cancel(slot)
            return .finished(slot: slot, reason)
        }
        return nil
    }
}
