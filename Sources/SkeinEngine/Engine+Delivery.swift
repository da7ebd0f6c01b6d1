internal import SkeinCore
internal import SkeinDecoding
internal import SkeinNN
internal import SkeinTensor

extension Engine {
    /// One slot's answers, and what its strategy makes of them.
    private struct Reception {
        let number: Int32
        var strategy: any DecodingStrategy
        var places: [StepOutputs.Place]
        var effects: [Effect] = []
        var isFinite = true
    }

    /// Hands every slot its outputs and carries out what strategies answer.
    ///
    /// Strategies are values that know nothing of each other, so they choose their tokens in parallel.
    func deliver(
        _ packer: StepPacker,
        _ logits: Tensor?,
        _ events: inout [EngineEvent]
    ) throws {
        var receptions: [Reception] = []
        var places: [Int32: Int] = [:]
        for placed in packer.placed {
            guard let slot = slots[placed.slot] else { continue }
            slots[placed.slot]?.lastStep = counts.steps
            if placed.isRebuild {
                try rebuilt(placed)
            } else if let place = places[placed.slot] {
                receptions[place].places.append(placed.place)
            } else {
                places[placed.slot] = receptions.count
                receptions.append(
                    Reception(
                        number: placed.slot,
                        strategy: slot.strategy,
                        places: [placed.place]
                    )
                )
            }
        }
        // Held once, so that what a strategy remembers grows in place.
        for reception in receptions { slots[reception.number]?.strategy = Absent() }
        receive(&receptions, logits)
        for reception in receptions {
            slots[reception.number]?.strategy = reception.strategy
            slots[reception.number]?.wishes = []
        }
        for reception in receptions {
            let number = reception.number
            guard reception.isFinite else {
                fail(number, nonFinite(), &events)
                continue
            }
            for effect in reception.effects where slots[number] != nil {
                try apply(effect, number, packer, &events)
            }
        }
    }

    private func receive(_ receptions: inout [Reception], _ logits: Tensor?) {
        let processor = processor
        unsafe receptions.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let work = unsafe buffer
            unsafe processor.pool.run(tasks: work.count) { index in
                let places = unsafe work[index].places
                let isFinite = places.allSatisfy { place in
                    place.headRows.indices.allSatisfy { row in
                        logits.map { processor.isFinite($0, row: place.firstLogit + row) } ?? true
                    }
                }
                guard isFinite else {
                    unsafe work[index].isFinite = false
                    return
                }
                let outputs = StepOutputs(logits: logits, places: places, processor: processor)
                unsafe work[index].effects = unsafe work[index].strategy.receive(outputs)
            }
        }
    }

    /// Why logits are not finite: a state that overflowed, or what the weights say.
    private func nonFinite() -> SkeinError {
        guard badWeight == nil, let part = execution.state.nonFinitePart() else {
            return explanation
        }
        return SkeinError(
            .notFinite,
            "the model's logits hold NaN or infinity, expected finite numbers; \(part) is the first"
                + " that is not finite",
            hint: explanation.hint
        )
    }

    /// Ends a request with an error.
    func fail(_ number: Int32, _ error: SkeinError, _ events: inout [EngineEvent]) {
        end(number, .failed)
        events.append(.failed(slot: number, error))
        events.append(.finished(slot: number, .failed))
    }

    /// Commits rows that were run again.
    private func rebuilt(_ placed: StepPacker.Placed) throws {
        let rows = (0..<Int32(placed.place.rows)).map { $0 }
        try execution.state.commit(
            rows: rows,
            ofSegment: placed.segment,
            to: BranchKey(placed.slot, .main)
        )
        slots[placed.slot]?.wishes = []
    }

    private func apply(
        _ effect: Effect,
        _ number: Int32,
        _ packer: StepPacker,
        _ events: inout [EngineEvent]
    ) throws {
        let state = execution.state
        func key(_ branch: Branch) -> BranchKey { BranchKey(number, branch) }
        switch effect {
        case .commit(let wish, let rows, let branch):
            guard
                let placed = packer.placed.first(where: {
                    $0.slot == number && $0.wish.id == wish
                })
            else {
                throw SkeinError(.incapable, "wish \(wish.id) has no rows to commit in this step")
            }
            slots[number]?.branches.insert(branch)
            try state.commit(rows: rows, ofSegment: placed.segment, to: key(branch))
            if branch == .main { log(placed.wish, rows, number) }
        case .fork(let branch, let count, let others):
            slots[number]?.branches.formUnion(others)
            if others.contains(.main) { slots[number]?.isPlain = false }
            try state.fork(key(branch), at: count, into: others)
        case .truncate(let branch, let count):
            try state.truncate(key(branch), to: count)
            if branch == .main, let rows = slots[number]?.log.count, rows > count {
                slots[number]?.log.removeLast(rows - count)
            }
        case .join(let slices, let branch):
            slots[number]?.branches.insert(branch)
            if branch == .main { slots[number]?.isPlain = false }
            try state.join(slices.map { StateSlice(key($0.branch), $0.range) }, into: key(branch))
        case .drop(let branch):
            slots[number]?.branches.remove(branch)
            state.drop(key(branch))
        case .snapshot(let branch):
            state.snapshot(key(branch))
        case .release:
            break
        case .score(let scores, let part):
            events.append(.scores(slot: number, scores, of: part))
        case .emit(let tokens, let position, _):
            counts.generationTokens += tokens.count
            events.append(.tokens(slot: number, tokens, at: position))
        case .trace(let trace):
            counts.draftedTokens += trace.drafted
            counts.acceptedTokens += trace.accepted
            events.append(.trace(slot: number, trace))
        case .finish(let reason):
            end(number, reason)
            events.append(.finished(slot: number, reason))
        }
    }

    /// Keeps the tokens of the main branch's rows while a prompt of them would leave the same rows.
    private func log(_ wish: Wish, _ rows: [Int32], _ number: Int32) {
        guard var slot = slots[number], slot.isPlain else { return }
        slots[number] = nil  // Held once, so that the log grows in place.
        defer { slots[number] = slot }
        guard wish.reads == .all(.main), let tokens = wish.inputs.tokens,
            wish.visibility.isChain(rows),
            rows.enumerated().allSatisfy({
                wish.positions[Int($0.element)] == Int32(slot.log.count + $0.offset)
            })
        else {
            slot.isPlain = false
            slot.log = []
            return
        }
        for row in rows { slot.log.append(tokens[Int(row)]) }
        if slot.log.count == slot.request.prompt.count { execution.state.snapshot(slot.main) }
        if slot.log.count <= slot.request.prompt.count { remember(slot) }
    }
}

/// Stands where a strategy was taken out for a moment.
private struct Absent: DecodingStrategy {
    static var requires: [Role: Requirements] { [:] }
    mutating func wish(rowBudget: Int) -> [Wish] { [] }
    mutating func receive<O: Outputs & ~Copyable>(_ outputs: borrowing O) -> [Effect] { [] }
}

extension Visibility {
    /// Whether each of these rows sees, of its segment, exactly those before it in the list and itself.
    func isChain(_ rows: [Int32]) -> Bool {
        switch self {
        case .causal: rows.enumerated().allSatisfy { $0.offset == Int($0.element) }
        case .parents(let parents):
            zip(rows, [-1] + rows).allSatisfy { parents[Int($0)] == $1 }
        case .bidirectional, .blockCausal, .ranges: false
        }
    }
}
