internal import SkeinCore
internal import SkeinNN
internal import SkeinTensor

extension Engine {
    /// Gives slots to waiting requests: by priority, then by arrival.
    ///
    /// A request whose prompt begins like one that is being run waits until that beginning is there to
    /// share. One that does not fit into memory stops those behind it, so that it is not passed over for
    /// ever.
    func admitWaiting() -> [EngineEvent] {
        var events: [EngineEvent] = []
        guard !waiting.isEmpty, running.count < options.slotLimit else { return events }
        let line = waiting.compactMap { slots[$0] }.sorted { rank($0) < rank($1) }
        var rows = 0
        for slot in line {
            guard running.count < options.slotLimit else { break }
            if followsLeader(slot) { continue }
            do {
                guard try admit(slot, &events, beside: rows) else { break }
                rows += max(slot.log.count, slot.request.prompt.count)
            } catch {
                execution.state.drop(slot.main)
                fail(
                    slot.number,
                    error as? SkeinError ?? SkeinError(.incapable, "\(error)"),
                    &events
                )
            }
        }
        return events
    }

    /// What decides who goes first; a request that was overtaken often enough goes before all.
    private func rank(_ slot: EngineSlot) -> (Int, Int) {
        (slot.overtaken >= options.overtakeLimit ? .min : slot.request.priority, slot.arrival)
    }

    private func admit(
        _ waiter: EngineSlot,
        _ events: inout [EngineEvent],
        beside rows: Int
    ) throws -> Bool {
        var slot = waiter
        let state = execution.state
        let isNew = !slot.hasStarted
        let tokens = isNew ? slot.request.prompt : slot.log
        var remembered = 0
        if usesCache(slot) {
            remembered = try cache.recall(
                tokens,
                limit: isNew ? tokens.count - 1 : tokens.count,
                salt: slot.request.salt,
                into: slot.main
            )
        }
        // Room for its whole prompt, and for one more page of everyone, before it may start.
        var demands = running.compactMap { slots[$0] }.map { other in
            let goal = max(other.request.prompt.count, other.rowsToRebuild)
            return StateDemand(other.main, rows: max(goal - state.count(other.main), 0) + 1)
        }
        demands.append(StateDemand(slot.main, rows: tokens.count - remembered + 1))
        guard running.isEmpty || makeRoom(state.bytesNeeded(demands)) else {
            state.drop(slot.main)
            return false
        }
        if isNew {
            if remembered > 0 { slot.strategy = try slot.request.makeStrategy(remembered) }
            slot.cachedTokens = remembered
            slot.hasStarted = true
            slot.log = Array(tokens.prefix(remembered))
            counts.promptTokens += tokens.count
            if usesCache(slot) {
                counts.cacheQueries += tokens.count
                counts.cacheHits += remembered
            }
            events.append(.started(slot: slot.number, cachedTokens: remembered))
        } else {
            slot.rowsToRebuild = tokens.count
        }
        slot.wishes = []
        slot.leader = nil
        slots[slot.number] = slot
        waiting.removeAll { $0 == slot.number }
        running.append(slot.number)
        for other in waiting where (slots[other]?.arrival ?? .max) < slot.arrival {
            slots[other]?.overtaken += 1
        }
        return true
    }

    /// The fewest rows worth waiting for.
    private var sharedRows: Int { max(32, execution.state.grain) }

    /// Whether a running request is about to leave rows that this one can use.
    private func followsLeader(_ slot: EngineSlot) -> Bool {
        guard usesCache(slot), !slot.hasStarted else { return false }
        let prompt = slot.request.prompt
        if let leader = slot.leader {
            if let other = slots[leader], isAhead(other, of: prompt) { return true }
            slots[slot.number]?.leader = nil
        }
        guard prompt.count > sharedRows else { return false }
        for number in running {
            guard let other = slots[number], other.request.salt == slot.request.salt,
                usesCache(other), isAhead(other, of: prompt)
            else { continue }
            slots[slot.number]?.leader = number
            return true
        }
        return false
    }

    /// Whether a running prompt shares rows that have not run yet with another prompt.
    private func isAhead(_ other: EngineSlot, of prompt: [Int32]) -> Bool {
        guard other.isPrefilling, running.contains(other.number) else { return false }
        let done = other.log.count
        let limit = min(other.request.prompt.count, prompt.count - 1)
        guard limit >= done + sharedRows else { return false }
        return other.request.prompt[..<(done + sharedRows)]
            == prompt[..<(done + sharedRows)]
    }
}
