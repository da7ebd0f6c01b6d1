internal import SkeinCore
public import SkeinTensor

/// Keys and values of softmax attention in one preallocated buffer a layer, one slot a branch.
///
/// A branch's tokens are always consecutive, at the price of copies: forks and joins copy tokens, a branch
/// that outgrows its slot copies the whole buffer, and where a branch leaves a hole between others, live
/// slots move into it. `copies` counts all of them.
///
/// - Paper: Yao et al. 2023, arXiv:2305.13484, its contiguous buffers with memory reordering.
public final class ContiguousKeyValuePool: StatePool {
    /// The sizes of a pool.
    public struct Layout: Sendable, Hashable {
        /// Attention layers.
        public var layers: Int
        /// The width of a token's keys in one layer, and of its values.
        public var width: Int
        /// The type of keys and values.
        public var dtype: DType
        /// Branches that there is room for at first.
        public var slots: Int
        /// Tokens of a slot at first.
        public var capacity: Int
        /// Branches that the pool may grow to hold.
        public var maximumSlots: Int
        /// Tokens that slots may grow to hold.
        public var maximumCapacity: Int

        /// Creates a layout; without maxima the pool grows without bound.
        public init(
            layers: Int,
            width: Int,
            dtype: DType,
            slots: Int,
            capacity: Int,
            maximumSlots: Int = 1 << 20,
            maximumCapacity: Int = 1 << 24
        ) {
            self.layers = layers
            self.width = width
            self.dtype = dtype
            self.slots = max(slots, 1)
            self.capacity = max(capacity, 1)
            self.maximumSlots = max(maximumSlots, self.slots)
            self.maximumCapacity = max(maximumCapacity, self.capacity)
        }
    }

    /// What was copied since the pool was made, beside rows that were committed.
    public struct Copies: Sendable, Hashable {
        /// Slots that moved into holes.
        public var moves = 0
        /// Bytes of those.
        public var movedBytes = 0
        /// Bytes that forks and joins copied.
        public var sharedBytes = 0
        /// Bytes that moved because the buffers grew.
        public var grownBytes = 0
    }

    /// Consecutive tokens of one slot.
    private struct Piece: Hashable {
        var slot: Int
        var tokens: Range<Int>
    }

    /// What one branch remembers; a branch without rows has no slot.
    private struct Memory {
        var slot: Int?
        var positions: [Int32] = []
    }

    /// What a staged segment reads.
    private struct Past {
        var pieces: [Piece] = []
        var positions: [Int32] = []
    }

    /// The sizes that the pool began with.
    public let layout: Layout
    /// Whether holes are closed by moving live slots; else each stays until an edge reaches it.
    public let reorders: Bool
    /// What was copied so far.
    public private(set) var copies = Copies()
    /// Which slots are taken.
    public private(set) var batch: SlotBatch

    private var slab: Slab
    private var memories: [BranchKey: Memory] = [:]
    private var occupants: [Int: BranchKey] = [:]
    /// What holes held when they were left, while they are kept.
    private var remains: [Int: [Int32]] = [:]
    private var staging: Storage?
    private var staged: RowBatch?
    private var pasts: [Past] = []

    /// Creates an empty pool and reserves its buffers.
    public init(_ layout: Layout, reorders: Bool = true) {
        self.layout = layout
        self.reorders = reorders
        slab = Slab(layout)
        batch = SlotBatch(capacity: layout.slots)
    }

    /// Forks, truncates and joins, forks and joins by copying, and serves any visibility.
    public var capabilities: Requirements {
        [.fork, .truncate, .join, .slices, .tree, .bidirectional, .leftToRight, .prefixes]
    }

    /// Bytes of the slots from the first to the last taken one: a hole is held like any other slot.
    public var residentBytes: Int { batch.range.count * slab.slotBytes }

    /// Bytes of the buffers, taken or not.
    public var reservedBytes: Int { slab.slots * slab.slotBytes }

    /// Bytes that the taken range may grow by, whole slots at a time; more than any limit where the pool
    /// may not grow so far.
    public func bytesNeeded(_ demands: [StateDemand]) -> Int {
        let impossible = Int.max / 2
        var rows: [BranchKey: Int] = [:]
        for demand in demands where demand.rows > 0 { rows[demand.key, default: 0] += demand.rows }
        let fresh = rows.keys.reduce(0) { $0 + (memories[$1]?.slot == nil ? 1 : 0) }
        let longest = rows.reduce(0) { max($0, count($1.key) + $1.value) }
        guard batch.count + fresh <= layout.maximumSlots, longest <= layout.maximumCapacity else {
            return impossible
        }
        let capacity = Self.doubled(slab.capacity, to: longest, atMost: layout.maximumCapacity)
        let slots = max(
            min(batch.range.count + fresh, slab.slots),
            batch.count + fresh
        )
        let slotBytes = Slab.slotBytes(capacity, layers: slab.layers, tokenBytes: slab.tokenBytes)
        return slots * slotBytes - residentBytes
    }

    /// The number of rows that a branch holds.
    public func count(_ key: BranchKey) -> Int { memories[key]?.positions.count ?? 0 }

    /// Branches that ended and whose slots are holes; none where holes are closed.
    ///
    /// They can be read, with their last contents, so that the price of computing holes can be measured.
    ///
    /// - Complexity: O(range).
    public var abandoned: [BranchKey] { reorders ? [] : batch.holes.map(Self.abandonedKey) }

    /// The last position of an abandoned branch.
    public func lastPosition(ofAbandoned key: BranchKey) -> Int32 {
        remains[Int(key.branch.id)]?.last ?? 0
    }

    private static func abandonedKey(_ slot: Int) -> BranchKey {
        BranchKey(.min, Branch(id: Int32(slot)))
    }

    private func memory(of key: BranchKey) -> Memory {
        guard key.slot == .min else { return memories[key] ?? Memory() }
        let slot = Int(key.branch.id)
        return remains[slot].map { Memory(slot: slot, positions: $0) } ?? Memory()
    }

    // MARK: - Steps

    /// Closes holes and makes room for a batch's keys and values.
    ///
    /// - Throws: `SkeinError.Code.incapable` when a slice reaches past its branch's end.
    public func stage(_ batch: RowBatch) throws {
        reorder()
        pasts = try batch.segments.map { segment in
            switch segment.reads {
            case .nothing: Past()
            case .all(let branch):
                try past([StateSlice(BranchKey(segment.slot, branch), 0..<0)], isWhole: true)
            case .slices(let slices):
                try past(slices.map { StateSlice(BranchKey(segment.slot, $0.branch), $0.range) })
            }
        }
        let bytes = slab.layers * 2 * batch.count * slab.tokenBytes
        if (staging?.byteCount ?? 0) < bytes { staging = Storage(byteCount: bytes) }
        staged = batch
    }

    /// Forgets what the staged batch reads and closes holes.
    public func unstage() {
        pasts.removeAll()
        staged = nil
        reorder()
    }

    /// Copies staged rows of a segment to the end of a branch.
    ///
    /// - Throws: `.incapable` for rows that are not staged, `.contextOverflow` when the branch would be
    ///   longer than slots may grow, `.overloaded` when there are more branches than slots may be.
    public func commit(rows: [Int32], ofSegment segment: Int, to key: BranchKey) throws {
        guard let staging, let staged, segment < staged.segments.count else {
            throw SkeinError(.incapable, "rows of segment \(segment) are not staged")
        }
        let own = staged.segments[segment].rows
        if let bad = rows.first(where: { $0 < 0 || Int($0) >= own.count }) {
            throw SkeinError(.incapable, "row \(bad) of a segment of \(own.count) rows")
        }
        guard !rows.isEmpty else { return }
        try reserve(count(key) + rows.count)
        let slot = try takeSlot(for: key)
        var place = 0
        while place < rows.count {
            let first = own.lowerBound + Int(rows[place])
            var length = 1
            while place + length < rows.count, rows[place + length] == rows[place] + Int32(length) {
                length += 1
            }
            let run = first..<first + length
            slab.write(staging, rows: run, of: staged.count, to: slot, at: count(key))
            memories[key]?.positions.append(contentsOf: staged.positions[run])
            place += length
        }
    }

    // MARK: - Branches

    /// Copies the first rows of a branch to others.
    public func fork(_ key: BranchKey, at count: Int, into others: [Branch]) throws {
        for other in others {
            try join([StateSlice(key, 0..<count)], into: BranchKey(key.slot, other))
        }
    }

    /// Forgets rows from the end of a branch; nothing is copied.
    public func truncate(_ key: BranchKey, to count: Int) throws {
        let kept = try past([StateSlice(key, 0..<count)])
        guard memories[key] != nil else { return }
        memories[key]?.positions = kept.positions
        if count == 0 { leaveSlot(of: key) }
    }

    /// Copies slices, in order, into a slot.
    public func join(_ slices: [StateSlice], into key: BranchKey) throws {
        let source = try past(slices)
        if slices.count == 1, slices[0].key == key, slices[0].range.lowerBound == 0 {
            try truncate(key, to: slices[0].range.count)
            return
        }
        guard !source.pieces.isEmpty else {
            drop(key)
            memories[key] = Memory()
            return
        }
        try reserve(source.positions.count)
        // A branch that is made of itself needs both slots for a moment.
        let isOwnSource = slices.contains { $0.key == key }
        let old = memories[key]?.slot
        let target: Int
        if isOwnSource, let old {
            target = try freeSlot()
            occupants[old] = nil
            occupants[target] = key
            memories[key]?.slot = target
        } else {
            target = try takeSlot(for: key)
        }
        var token = 0
        for piece in source.pieces {
            copies.sharedBytes += slab.copy(piece.tokens, of: piece.slot, to: target, at: token)
            token += piece.tokens.count
        }
        if isOwnSource, let old { vacate(old, leaving: source.positions) }
        memories[key]?.positions = source.positions
    }

    /// Forgets a branch.
    public func drop(_ key: BranchKey) {
        leaveSlot(of: key)
        memories.removeValue(forKey: key)
    }

    /// Copies a branch out.
    public func image(of key: BranchKey) -> StateImage {
        let memory = memory(of: key)
        let rows = memory.positions.count
        return StateImage(
            positions: memory.positions,
            parts: ["keys", "values"].enumerated().map { part, name in
                StateImage.Part(
                    name: name,
                    dtype: layout.dtype,
                    shape: [slab.layers, rows, layout.width],
                    bytes: memory.slot.map { slab.image(part: part, slot: $0, tokens: rows) } ?? []
                )
            }
        )
    }

    /// Makes a branch of what was copied out of this or another kind of key-value state.
    ///
    /// - Throws: `SkeinError.Code.shapeMismatch` when the image is of another layout, and as `commit`.
    public func load(_ image: StateImage, into key: BranchKey) throws {
        let rows = image.positions.count
        let shape = [slab.layers, rows, layout.width]
        let bytes = slab.layers * rows * slab.tokenBytes
        guard image.parts.map(\.name) == ["keys", "values"],
            image.parts.allSatisfy({
                $0.dtype == layout.dtype && $0.shape == shape && $0.bytes.count == bytes
            })
        else {
            let found = image.parts.map { "\($0.name) \($0.dtype.name) \($0.shape)" }
            throw SkeinError(
                .shapeMismatch,
                "the saved state holds \(found.joined(separator: ", ")), expected keys and values"
                    + " \(layout.dtype.name) \(shape)",
                hint: "it was saved by another model or with another type of keys and values"
            )
        }
        try reserve(rows)
        drop(key)
        memories[key] = Memory()
        guard rows > 0 else { return }
        let slot = try takeSlot(for: key)
        for (part, values) in image.parts.enumerated() {
            slab.load(values.bytes, part: part, into: slot, tokens: rows)
        }
        memories[key]?.positions = image.positions
    }

    private func past(_ slices: [StateSlice], isWhole: Bool = false) throws -> Past {
        var result = Past()
        for slice in slices {
            let memory = memory(of: slice.key)
            let range = isWhole ? 0..<memory.positions.count : slice.range
            guard range.upperBound <= memory.positions.count else {
                throw SkeinError(
                    .incapable,
                    "rows \(range) of branch \(slice.key.branch.id), which holds"
                        + " \(memory.positions.count)"
                )
            }
            guard let slot = memory.slot, !range.isEmpty else { continue }
            result.positions.append(contentsOf: memory.positions[range])
            if let last = result.pieces.last, last.slot == slot,
                last.tokens.upperBound == range.lowerBound
            {
                result.pieces[result.pieces.count - 1].tokens =
                    last.tokens.lowerBound..<range.upperBound
            } else {
                result.pieces.append(Piece(slot: slot, tokens: range))
            }
        }
        return result
    }

    // MARK: - Slots

    /// A branch's slot, taking one if it has none.
    private func takeSlot(for key: BranchKey) throws -> Int {
        if let slot = memories[key]?.slot { return slot }
        let slot = try freeSlot()
        memories[key, default: Memory()].slot = slot
        occupants[slot] = key
        return slot
    }

    private func freeSlot() throws -> Int {
        if batch.count == batch.capacity { try growSlots() }
        guard let slot = batch.admit() else {
            throw SkeinError(.overloaded, "all \(batch.capacity) slots of the state are taken")
        }
        remains[slot] = nil
        return slot
    }

    private func leaveSlot(of key: BranchKey) {
        guard let memory = memories[key], let slot = memory.slot else { return }
        memories[key]?.slot = nil
        occupants[slot] = nil
        vacate(slot, leaving: memory.positions)
    }

    private func vacate(_ slot: Int, leaving positions: [Int32]) {
        batch.evict(slot)
        guard !reorders else { return }
        remains[slot] = positions
        for hole in remains.keys where !batch.range.contains(hole) { remains[hole] = nil }
    }

    /// Moves live slots into holes, as few bytes as possible.
    private func reorder() {
        guard reorders, batch.holeCount > 0 else { return }
        let weights = (0..<batch.capacity).map { slot in occupants[slot].map(count) ?? 0 }
        for move in batch.compact(weights: weights) {
            guard let key = occupants.removeValue(forKey: move.source) else { continue }
            copies.moves += 1
            copies.movedBytes += slab.copy(0..<count(key), of: move.source, to: move.target, at: 0)
            occupants[move.target] = key
            memories[key]?.slot = move.target
        }
    }

    // MARK: - Growth

    private static func doubled(_ size: Int, to needed: Int, atMost limit: Int) -> Int {
        var result = size
        while result < needed { result *= 2 }
        return max(size, min(result, limit))
    }

    private func reserve(_ tokens: Int) throws {
        guard tokens > slab.capacity else { return }
        guard tokens <= layout.maximumCapacity else {
            throw SkeinError(
                .contextOverflow,
                "a branch needs \(tokens) tokens, a slot may grow to \(layout.maximumCapacity)",
                hint: "shorten the prompt or raise the context size"
            )
        }
        grow(
            slots: slab.slots,
            capacity: Self.doubled(slab.capacity, to: tokens, atMost: layout.maximumCapacity)
        )
    }

    private func growSlots() throws {
        guard slab.slots < layout.maximumSlots else {
            throw SkeinError(
                .overloaded,
                "a branch more than the \(layout.maximumSlots) that the state may hold",
                hint: "wait for a request to end or raise the number of slots"
            )
        }
        let slots = min(slab.slots * 2, layout.maximumSlots)
        grow(slots: slots, capacity: slab.capacity)
        batch.grow(to: slots)
    }

    private func grow(slots: Int, capacity: Int) {
        var used = remains.mapValues(\.count)
        for (slot, key) in occupants { used[slot] = count(key) }
        let copied: Int
        (slab, copied) = slab.grown(slots: slots, capacity: capacity, keeping: used)
        copies.grownBytes += copied
    }
}

extension ContiguousKeyValuePool: KeyValueMemory {
    /// The type of keys and values.
    public var dtype: DType { layout.dtype }

    /// The positions of the keys that a staged segment reads.
    public func pastPositions(ofSegment segment: Int) -> [Int32] { pasts[segment].positions }

    /// Where a layer's staged keys and values go: as many tokens as the batch has rows.
    ///
    /// - Precondition: A batch is staged.
    public func stagedRun(layer: Int) -> KeyValueRun {
        guard let staged else { preconditionFailure("no batch is staged") }
        return stagedRun(layer: layer, rows: 0..<staged.count)
    }

    /// What a staged segment's rows may read in a layer: the past, then the segment's own rows.
    ///
    /// - Precondition: A batch is staged.
    public func runs(layer: Int, ofSegment segment: Int) -> [KeyValueRun] {
        guard let staged else { preconditionFailure("no batch is staged") }
        return pasts[segment].pieces.map {
            slab.run(layer: layer, slot: $0.slot, tokens: $0.tokens)
        }
            + [stagedRun(layer: layer, rows: staged.segments[segment].rows)]
    }

    private func stagedRun(layer: Int, rows: Range<Int>) -> KeyValueRun {
        guard let staging, let staged else { preconditionFailure("no batch is staged") }
        func offset(_ part: Int) -> Int {
            ((layer * 2 + part) * staged.count + rows.lowerBound) * slab.tokenBytes
        }
        return KeyValueRun(
            storage: staging,
            keyOffset: offset(0),
            valueOffset: offset(1),
            count: rows.count
        )
    }
}
