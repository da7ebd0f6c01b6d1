internal import SkeinCore
internal import SkeinDecoding
internal import SkeinModels
internal import SkeinNN
internal import SkeinTensor

extension Engine {
    /// Bytes of remembered prompts that are kept where no limit is set.
    private static let spareBytes = 1 << 30

    func usesCache(_ slot: EngineSlot) -> Bool {
        options.remembersPrompts && slot.request.usesMemory
            && execution.state.capabilities.contains(.prefixes)
    }

    /// Leaves a request's rows to those that begin alike.
    func remember(_ slot: EngineSlot) {
        guard usesCache(slot), slot.isPlain, slot.hasStarted else { return }
        let rows = min(slot.log.count, execution.state.count(slot.main))
        guard rows > 0 else { return }
        // Sharing rows that exist takes nothing that could be missing.
        try? cache.remember(slot.log[..<rows], salt: slot.request.salt, from: slot.main)
        if options.stateLimit == nil {
            while stateBytes > Self.spareBytes, cache.forgetOldest() {}
        }
    }

    /// Refuses what could not run even alone.
    func checkFits(_ rows: Int) throws {
        guard let limit = options.stateLimit else { return }
        let needed = execution.state.bytesNeeded([StateDemand(BranchKey(.max, .main), rows: rows)])
        guard needed <= limit else {
            throw SkeinError(
                .contextOverflow,
                "\(rows) tokens take \(needed) bytes of keys and values, the limit is \(limit)",
                hint: "shorten the prompt or raise the memory for keys and values"
            )
        }
    }

    /// Forgets remembered prompts until so many bytes fit; whether they do.
    func makeRoom(_ bytes: Int) -> Bool {
        guard let limit = options.stateLimit else { return true }
        while stateBytes + bytes > limit {
            guard cache.forgetOldest() else { return false }
        }
        return true
    }

    /// Chooses the rows of a step: decoding first, the least recently served before others; then prompts
    /// by priority and arrival, as many rows as the budgets leave.
    ///
    /// Where memory runs out, remembered prompts go first, then drafts; then the request of lowest
    /// priority that came last gives up its rows and waits to run them again.
    func plan(_ events: inout [EngineEvent]) -> StepPacker {
        var candidates: [(slot: EngineSlot, wish: Wish)] = []
        for number in running {
            guard var slot = slots[number], !slot.isPaused else { continue }
            if slot.wishes.isEmpty {
                slot.wishes = wishes(&slot)
                slots[number] = slot
            }
            guard !slot.wishes.isEmpty else {
                fail(number, SkeinError(.incapable, "the strategy wishes for no rows"), &events)
                continue
            }
            for wish in slot.wishes { candidates.append((slot, wish)) }
        }
        let decoding = candidates.filter { !$0.wish.isPrompt }
            .sorted { ($0.slot.lastStep, $0.slot.arrival) < ($1.slot.lastStep, $1.slot.arrival) }
        let prompts = candidates.filter(\.wish.isPrompt)
            .sorted {
                ($0.slot.request.priority, $0.slot.arrival)
                    < ($1.slot.request.priority, $1.slot.arrival)
            }
        var allowsDrafts = true
        while true {
            var packer = StepPacker(
                budget: options.rowBudget,
                vocabularySize: model.description.vocabularySize
            )
            for (slot, wish) in decoding where running.contains(slot.number) {
                let limit = wish.isTrimmable && !allowsDrafts ? 1 : Int.max
                packer.add(wish, slot: slot.number, limit: limit)
            }
            var rows = packer.rows == 0 ? Int.max : options.promptRowsBesideDecoding
            for (slot, wish) in prompts where running.contains(slot.number) {
                rows -= packer.add(wish, slot: slot.number, limit: rows)
            }
            if let refusal = packer.refusal {
                fail(refusal.slot, refusal.error, &events)
                continue
            }
            let demands = packer.placed.map {
                StateDemand(BranchKey($0.slot, $0.wish.grown), rows: $0.place.rows)
            }
            if makeRoom(execution.state.bytesNeeded(demands)) { return packer }
            // Nobody gives way to another's drafts.
            if allowsDrafts,
                packer.placed.contains(where: { $0.wish.isTrimmable && $0.place.rows > 1 })
            {
                allowsDrafts = false
                continue
            }
            if let victim = victim() {
                preempt(victim)
            } else if let last = running.last {
                fail(
                    last,
                    SkeinError(
                        .contextOverflow,
                        "the memory for keys and values, \(options.stateLimit ?? 0) bytes, is full",
                        hint: "raise it, or lower the number of requests that run together"
                    ),
                    &events
                )
            } else {
                return packer
            }
        }
    }

    /// What a slot would run next.
    private func wishes(_ slot: inout EngineSlot) -> [Wish] {
        let done = execution.state.count(slot.main)
        guard done < slot.rowsToRebuild else {
            // What a prompt may take is for the packer to say; this is about drafts.
            let share = max(options.draftRows / max(running.count, 1), 1)
            return slot.strategy.wish(rowBudget: min(share, options.rowBudget))
        }
        return [
            Wish(
                id: .rebuild,
                inputs: .tokens(Array(slot.log[done..<slot.rowsToRebuild])),
                positions: (done..<slot.rowsToRebuild).map(Int32.init),
                reads: .all(.main),
                wanted: []
            )
        ]
    }

    /// The request that gives way: of the lowest priority, the one that came last; never the only one.
    private func victim() -> Int32? {
        guard running.count > 1 else { return nil }
        return running.compactMap { slots[$0] }
            .filter {
                $0.isPlain && $0.branches == [.main]
                    && $0.log.count == execution.state.count($0.main)
            }
            .max { ($0.request.priority, $0.arrival) < ($1.request.priority, $1.arrival) }?
            .number
    }

    /// Takes a request's rows away and puts it back in line.
    private func preempt(_ number: Int32) {
        guard var slot = slots[number] else { return }
        execution.state.drop(slot.main)
        slot.wishes = []
        slot.rowsToRebuild = 0
        slots[number] = slot
        running.removeAll { $0 == number }
        waiting.append(number)
        counts.preemptions += 1
    }
}
