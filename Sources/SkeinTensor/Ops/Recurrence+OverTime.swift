internal import CSkeinKernels

/// What rows of a scan come to: from a state h before them, 2^(A log₂ e · the sum of their steps) · h plus
/// the state that they alone lead to.
///
/// - Paper: Gu and Dao 2023, arXiv:2312.00752, section 3.3 (the parallel scan).
private struct DecayedStates: Associative {
    /// Of one part of the channels.
    let blocks: Range<Int>
    let states: Int
    let decay: Vector
    let kernels: sk_kernels
    let arena: Arena
    /// The state that the rows alone lead to, and the sums of their steps.
    private(set) var memory: Workspace

    init(_ blocks: Range<Int>, _ scan: SelectiveScan, _ decay: Vector, _ processor: Processor) {
        self.blocks = blocks
        states = scan.states
        self.decay = decay
        kernels = processor.kernels
        arena = processor.arena
        memory = Self.memory(blocks.count, states, arena)
    }

    /// A state that was kept, after rows whose steps nobody asks for.
    init(
        _ blocks: Range<Int>,
        _ scan: SelectiveScan,
        _ decay: Vector,
        _ processor: Processor,
        _ kept: UnsafePointer<Float>
    ) {
        self.init(blocks, scan, decay, processor)
        state.update(from: kept + offset, count: stateCount)
        steps.update(repeating: 0, count: stepCount)
    }

    private static func memory(_ blocks: Int, _ states: Int, _ arena: Arena) -> Workspace {
        let floats = blocks * (states + 1) * Int(SK_SCAN_BLOCK)
        return Workspace(floats * MemoryLayout<Float>.stride, arena)
    }

    var stateCount: Int { blocks.count * states * Int(SK_SCAN_BLOCK) }
    private var stepCount: Int { blocks.count * Int(SK_SCAN_BLOCK) }
    var state: UnsafeMutablePointer<Float> { memory.storage.floats(0) }
    var steps: UnsafeMutablePointer<Float> { memory.storage.floats(stateCount) }
    /// Floats of the state before the first block.
    var offset: Int { blocks.lowerBound * states * Int(SK_SCAN_BLOCK) }

    mutating func append(_ later: Self) {
        var whole = later
        whole.memory = Self.memory(blocks.count, states, arena)
        whole.state.update(from: later.state, count: stateCount)
        kernels.scan_append(
            whole.state,
            state,
            decay.pointer + offset,
            later.steps,
            states,
            blocks.count
        )
        for index in 0..<stepCount { whole.steps[index] = steps[index] + later.steps[index] }
        memory = whole.memory
    }
}

extension Processor {
    /// One piece of a scan, in chunks that begin at multiples of `chunk` rows of the sequence, and in parts
    /// of its channels.
    func scanOverTime(
        _ inputs: ScanInputs,
        _ scan: SelectiveScan,
        _ decay: Vector,
        _ piece: RecurrentPiece,
        _ parts: [Range<Int>],
        _ offset: Int,
        chunk: Int,
        into y: Tensor
    ) {
        let first = piece.position / chunk
        let last = max(first, (piece.position + piece.rows.count - 1) / chunk)
        let start = piece.rows.lowerBound - piece.position
        @Sendable func rows(_ index: Int) -> Range<Int> {
            let begin = start + (first + index) * chunk
            return max(begin, piece.rows.lowerBound)..<min(begin + chunk, piece.rows.upperBound)
        }
        let count = last - first + 1
        // A state at a chunk's end is always put together, wherever a sequence was cut.
        let endsChunk = (piece.position + piece.rows.count) % chunk == 0
        pool.scan(lanes: parts.map { _ in count }) { lane in
            piece.past.map { DecayedStates(parts[lane], scan, decay, self, $0.floats(offset)) }
        } part: { lane, index in
            let part = DecayedStates(parts[lane], scan, decay, self)
            let own = RecurrentPiece(rows: rows(index), past: nil, next: piece.next)
            var arguments = Self.arguments(inputs, scan, decay, own, offset)
            arguments.next = part.state - part.offset
            arguments.steps = part.steps - part.blocks.lowerBound * Int(SK_SCAN_BLOCK)
            self.kernels.scan(&arguments, part.blocks.lowerBound, part.blocks.upperBound)
            return part
        } end: { lane, whole in
            guard endsChunk else { return }
            (piece.next.floats(offset) + whole.offset).update(
                from: whole.state,
                count: whole.stateCount
            )
        } finish: { lane, index, before in
            let own = RecurrentPiece(rows: rows(index), past: nil, next: piece.next)
            var arguments = Self.arguments(inputs, scan, decay, own, offset)
            if let before { arguments.past = UnsafePointer(before.state - before.offset) }
            // Only a last chunk that is not whole leaves its state; the others go on in memory of their own.
            let spare = DecayedStates(parts[lane], scan, decay, self)
            if endsChunk || index + 1 < count { arguments.next = spare.state - spare.offset }
            arguments.y = y.pointer + own.rows.lowerBound * scan.channels
            arguments.ld_y = scan.channels
            self.kernels.scan(&arguments, parts[lane].lowerBound, parts[lane].upperBound)
        }
    }
}
