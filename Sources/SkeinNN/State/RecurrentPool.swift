internal import SkeinCore
public import SkeinTensor

/// What recurrent layers remember: one block of fixed size a branch, however long it is.
///
/// A branch is the block after its last row and a few blocks before, kept at points where it can be cut:
/// at multiples of a page, ever further apart, so that a branch of any length holds at most
/// `snapshotLimit` of them, and where a strategy asked for one. Blocks are never written once committed,
/// so branches share them.
///
/// - Paper: Gu and Dao 2023, arXiv:2312.00752, section 3.3 (the recurrent mode).
public final class RecurrentPool: StatePool {
    /// The sizes of a pool.
    public struct Layout: Sendable, Hashable {
        /// Recurrent layers.
        public var layers: Int
        /// Floats of a layer's convolution state.
        public var convolution: Int
        /// Floats of a layer's scan state.
        public var scan: Int
        /// Rows between snapshots; `nil` for none.
        public var pageTokens: Int?

        /// Creates a layout.
        public init(layers: Int, convolution: Int, scan: Int, pageTokens: Int? = 256) {
            self.layers = layers
            self.convolution = convolution
            self.scan = scan
            self.pageTokens = pageTokens
        }

        /// Floats of one layer, so that its parts begin at vectors.
        var layerCount: Int { (convolution + 15) / 16 * 16 + (scan + 15) / 16 * 16 }
        var blockBytes: Int { max(layers * layerCount * MemoryLayout<Float>.stride, 64) }

        /// Where a layer's convolution state begins, in floats.
        public func convolutionOffset(_ layer: Int) -> Int { layer * layerCount }

        /// Where a layer's scan state begins, in floats.
        public func scanOffset(_ layer: Int) -> Int {
            layer * layerCount + (convolution + 15) / 16 * 16
        }
    }

    /// The most page snapshots that a branch keeps beside its end.
    public static let snapshotLimit = 8

    /// The state of all layers after some row; freed with the last branch that uses it.
    private final class Block {
        let storage: Storage
        private let arena: Arena
        private let census: Census

        init(_ layout: Layout, _ arena: Arena, _ census: Census) {
            storage = arena.take(layout.blockBytes)
            self.arena = arena
            self.census = census
            census.blocks += 1
        }

        deinit {
            census.blocks -= 1
            arena.give(storage)
        }
    }

    /// The number of blocks in use.
    private final class Census { var blocks = 0 }

    /// A point that a branch can be cut at.
    private struct Mark {
        /// Rows of the branch up to here.
        var row: Int
        /// Rows that the state has seen.
        var seen: Int
        var block: Block
        var isKept = false
    }

    /// What one branch remembers.
    private struct Memory {
        var positions: [Int32] = []
        var marks: [Mark] = []
    }

    /// A segment of the batch in progress.
    private struct Staged {
        var before: Int
        var pieces: [RecurrentPiece] = []
        var marks: [Mark] = []
    }

    /// The sizes.
    public let layout: Layout
    private let arena = Arena()
    private let census = Census()
    private var memories: [BranchKey: Memory] = [:]
    private var staged: [Staged] = []
    private var batch: RowBatch?

    /// Creates an empty pool.
    public init(_ layout: Layout) { self.layout = layout }

    /// Forks and keeps prefixes at snapshots; rows see what was before them, in order.
    public var capabilities: Requirements { [.fork, .leftToRight, .prefixes] }
    /// Bytes of the blocks that branches and the batch in progress hold.
    public var residentBytes: Int { census.blocks * layout.blockBytes }
    /// The distance of snapshots in short branches.
    public var grain: Int { layout.pageTokens ?? 1 }

    /// The distance of snapshots in a branch of so many rows.
    private func spacing(_ rows: Int) -> Int? {
        guard var spacing = layout.pageTokens else { return nil }
        while rows / spacing > Self.snapshotLimit { spacing *= 2 }
        return spacing
    }

    /// Bytes of the blocks that these rows may take: one a branch, and its snapshots.
    public func bytesNeeded(_ demands: [StateDemand]) -> Int {
        demands.reduce(0) { sum, demand in
            let (before, after) = (count(demand.key), count(demand.key) + demand.rows)
            let snapshots = spacing(after).map { after / $0 - before / $0 } ?? 0
            return sum + (1 + min(snapshots, Self.snapshotLimit)) * layout.blockBytes
        }
    }

    /// Finds what each segment continues and makes blocks for where it will end.
    ///
    /// - Throws: `SkeinError.Code.incapable` for rows that do not see all before them in order, or that
    ///   continue a branch at a point that was not kept.
    public func stage(_ batch: RowBatch) throws {
        staged = try batch.segments.map { segment in
            guard segment.visibility == .causal else {
                throw refusal("let rows see others than all before them")
            }
            switch segment.reads {
            case .nothing: return pieces(segment.rows, after: nil)
            case .all(let branch):
                let memory = memories[BranchKey(segment.slot, branch)] ?? Memory()
                return pieces(segment.rows, after: try end(of: memory))
            case .slices: throw refusal("read slices of branches")
            }
        }
        self.batch = batch
    }

    private func pieces(_ rows: Range<Int>, after past: Mark?) -> Staged {
        var result = Staged(before: past?.seen ?? 0)
        var (first, block) = (rows.lowerBound, past?.block)
        let step = spacing(result.before + rows.count)
        repeat {
            let seen = result.before + first - rows.lowerBound
            let last = step.map { min(rows.upperBound, first + $0 - seen % $0) } ?? rows.upperBound
            let next = Block(layout, arena, census)
            result.pieces.append(
                RecurrentPiece(
                    rows: first..<last,
                    position: seen,
                    past: block?.storage,
                    next: next.storage
                )
            )
            let done = last - rows.lowerBound
            result.marks.append(Mark(row: done, seen: result.before + done, block: next))
            (first, block) = (last, next)
        } while first < rows.upperBound
        return result
    }

    private func end(of memory: Memory) throws -> Mark? {
        guard !memory.positions.isEmpty else { return nil }
        guard let last = memory.marks.last, last.row == memory.positions.count,
            last.seen == last.row
        else { throw refusal("continue a branch at a point that was not kept") }
        return last
    }

    private func refusal(_ what: String) -> SkeinError {
        SkeinError(
            .incapable,
            "a recurrent state was asked to \(what)",
            hint: "decode with a strategy that takes tokens one after another"
        )
    }

    /// The pieces of every staged segment.
    public var segments: [[RecurrentPiece]] { staged.map(\.pieces) }

    /// Forgets the batch.
    public func unstage() {
        staged = []
        batch = nil
    }

    /// Makes a staged segment's first rows, up to a point that was kept, the end of a branch.
    ///
    /// - Throws: `SkeinError.Code.incapable` for other rows.
    public func commit(rows: [Int32], ofSegment segment: Int, to key: BranchKey) throws {
        guard let batch, segment < staged.count else {
            throw SkeinError(.incapable, "rows of segment \(segment) are not staged")
        }
        guard !rows.isEmpty else { return }
        var memory = memories.removeValue(forKey: key) ?? Memory()
        defer { memories[key] = memory }
        let own = staged[segment]
        guard memory.positions.count == own.before,
            rows.enumerated().allSatisfy({ $0.offset == Int($0.element) }),
            let last = own.marks.firstIndex(where: { $0.row == rows.count })
        else {
            throw refusal("keep \(rows.count) rows of a segment that ran as one")
        }
        let first = batch.segments[segment].rows.lowerBound
        memory.positions += batch.positions[first..<first + rows.count]
        memory.marks += own.marks[...last].map { mark in
            Mark(row: own.before + mark.row, seen: mark.seen, block: mark.block)
        }
        thin(&memory)
    }

    /// Lets go of blocks that lie between the points worth keeping.
    private func thin(_ memory: inout Memory) {
        let step = spacing(memory.marks.last?.seen ?? 0)
        let last = memory.marks.count - 1
        memory.marks = memory.marks.enumerated().filter { index, mark in
            index == last || mark.isKept || step.map { mark.seen % $0 == 0 } ?? false
        }.map(\.element)
    }

    /// The number of rows that a branch holds.
    public func count(_ key: BranchKey) -> Int { memories[key]?.positions.count ?? 0 }

    /// The last kept point within a branch's first rows.
    public func cut(_ key: BranchKey, atMost count: Int) -> Int {
        memories[key]?.marks.last { $0.row <= count }?.row ?? 0
    }

    /// Keeps the branch's end.
    public func snapshot(_ key: BranchKey) {
        guard let last = memories[key]?.marks.indices.last else { return }
        memories[key]?.marks[last].isKept = true
    }

    /// Shares a branch's first rows.
    ///
    /// - Throws: `SkeinError.Code.incapable` when the branch was not kept there.
    public func fork(_ key: BranchKey, at count: Int, into others: [Branch]) throws {
        let memory = try prefix(of: key, count)
        for other in others { memories[BranchKey(key.slot, other)] = memory }
    }

    /// Goes back to a point that was kept.
    ///
    /// - Throws: `SkeinError.Code.incapable` when the branch was not kept there.
    public func truncate(_ key: BranchKey, to count: Int) throws {
        memories[key] = try prefix(of: key, count)
    }

    private func prefix(of key: BranchKey, _ count: Int) throws -> Memory {
        guard count == 0 || cut(key, atMost: count) == count else {
            throw refusal(
                "go back to row \(count) of \(self.count(key)), where nothing was kept"
            )
        }
        return try joined([StateSlice(key, 0..<count)])
    }

    /// Puts slices in a row; the result can be continued where its last slice ends at a kept point and
    /// the slices are what its state has seen.
    public func join(_ slices: [StateSlice], into key: BranchKey) throws {
        memories[key] = try joined(slices)
    }

    private func joined(_ slices: [StateSlice]) throws -> Memory {
        var result = Memory()
        for slice in slices {
            let memory = memories[slice.key] ?? Memory()
            guard slice.range.upperBound <= memory.positions.count else {
                throw SkeinError(
                    .incapable,
                    "rows \(slice.range) of branch \(slice.key.branch.id), which holds"
                        + " \(memory.positions.count)"
                )
            }
            let start = result.positions.count - slice.range.lowerBound
            for mark in memory.marks
            where mark.row > slice.range.lowerBound && mark.row <= slice.range.upperBound {
                result.marks.append(mark)
                result.marks[result.marks.count - 1].row += start
            }
            result.positions += memory.positions[slice.range]
        }
        thin(&result)
        return result
    }

    /// Forgets a branch.
    public func drop(_ key: BranchKey) { memories.removeValue(forKey: key) }

    /// Copies a branch's end out: `state`, `[layers, floats of a layer]`.
    public func image(of key: BranchKey) -> StateImage {
        guard let memory = memories[key], let last = memory.marks.last,
            last.row == memory.positions.count
        else { return StateImage(positions: [], parts: []) }
        let count = layout.layers * layout.layerCount * MemoryLayout<Float>.stride
        let bytes = unsafe [UInt8](last.block.storage.bytes(at: 0, count: count))
        return StateImage(
            positions: memory.positions,
            parts: [
                .init(
                    name: "state",
                    dtype: .f32,
                    shape: [layout.layers, layout.layerCount],
                    bytes: bytes
                )
            ]
        )
    }

    /// Makes a branch of what was copied out.
    ///
    /// - Throws: `SkeinError.Code.shapeMismatch` when the image is of another layout.
    public func load(_ image: StateImage, into key: BranchKey) throws {
        guard !image.positions.isEmpty || !image.parts.isEmpty else { return drop(key) }
        let shape = [layout.layers, layout.layerCount]
        let bytes = shape.reduce(MemoryLayout<Float>.stride, *)
        guard image.parts.count == 1, let part = image.parts.first, part.name == "state",
            part.dtype == .f32, part.shape == shape, part.bytes.count == bytes
        else {
            let found = image.parts.map { "\($0.name) \($0.dtype.name) \($0.shape)" }
            throw SkeinError(
                .shapeMismatch,
                "the saved state holds \(found.joined(separator: ", ")), expected state f32 \(shape)",
                hint: "it was saved by another model"
            )
        }
        let block = Block(layout, arena, census)
        block.storage.copy(part.bytes[...], to: 0)
        let rows = image.positions.count
        memories[key] = Memory(
            positions: image.positions,
            marks: [Mark(row: rows, seen: rows, block: block)]
        )
    }

    /// The first layer whose staged states hold NaN or infinity.
    public func nonFinitePart() -> String? {
        for segment in staged {
            for piece in segment.pieces {
                for layer in 0..<layout.layers {
                    let start = layout.scanOffset(layer) * MemoryLayout<Float>.stride
                    let count = layout.scan * MemoryLayout<Float>.stride
                    let isFinite = unsafe piece.next.bytes(at: start, count: count)
                        .bindMemory(to: Float.self).allSatisfy(\.isFinite)
                    if !isFinite { return "the recurrent state of layer \(layer)" }
                }
            }
        }
        return nil
    }
}
