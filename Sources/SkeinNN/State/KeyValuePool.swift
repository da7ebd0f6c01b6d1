internal import SkeinCore
public import SkeinTensor

/// Paged, shared keys and values of softmax attention, for all layers of a model.
///
/// A branch is a list of extents in reading order. Extents of several branches may lie in one page; a
/// page is append-only, so the branch that reaches its end first extends it, and any other starts a page
/// of its own: no copy is ever made.
public final class KeyValuePool: StatePool {
    /// The sizes of a pool.
    public struct Layout: Sendable, Hashable {
        /// Attention layers.
        public var layers: Int
        /// The width of a token's keys in one layer, and of its values.
        public var width: Int
        /// The type of keys and values.
        public var dtype: DType
        /// Tokens a page holds.
        public var pageTokens: Int

        /// Creates a layout.
        public init(layers: Int, width: Int, dtype: DType, pageTokens: Int = 64) {
            self.layers = layers
            self.width = width
            self.dtype = dtype
            self.pageTokens = pageTokens
        }

        var tokenBytes: Int { width * dtype.blockBytes }
        var pageBytes: Int { layers * 2 * pageTokens * tokenBytes }

        /// Where a layer's keys (0) or values (1) of a page's token start.
        func offset(layer: Int, part: Int, token: Int, of tokens: Int) -> Int {
            ((layer * 2 + part) * tokens + token) * tokenBytes
        }
    }

    /// Memory for some tokens of all layers; freed with the last extent that uses it.
    private final class Page {
        let storage: Storage
        let arena: Arena
        var used = 0

        private let census: Census

        init(_ layout: Layout, _ arena: Arena, _ census: Census) {
            storage = arena.take(layout.pageBytes)
            self.arena = arena
            self.census = census
            census.pages += 1
        }

        deinit {
            census.pages -= 1
            arena.give(storage)
        }
    }

    /// The number of pages in use.
    private final class Census { var pages = 0 }

    /// Consecutive tokens of one page.
    private struct Extent {
        var page: Page
        var start: Int
        var count: Int

        /// Whether the page's next free token would follow this extent.
        var isAtEnd: Bool { start + count == page.used }
    }

    /// What one branch remembers.
    private struct Memory {
        var extents: [Extent] = []
        var positions: [Int32] = []

        /// Adds an extent, merging it with one that it continues.
        mutating func append(_ extent: Extent) {
            if let last = extents.last, last.page === extent.page,
                last.start + last.count == extent.start
            {
                extents[extents.count - 1].count += extent.count
            } else {
                extents.append(extent)
            }
        }
    }

    /// The sizes.
    public let layout: Layout
    private let arena = Arena()
    private let census = Census()
    private var memories: [BranchKey: Memory] = [:]
    private var staging: Storage?
    private var staged: RowBatch?
    private var pasts: [Memory] = []
    /// Committed rows whose keys and values still lie in `staging` alone.
    private var pending: [Pending] = []

    /// Rows of the staged batch, `rows` high, from `row` on.
    private struct Pending {
        var row: Int
        var rows: Int
        var extent: Extent
    }

    /// Creates an empty pool.
    public init(_ layout: Layout) { self.layout = layout }

    /// Forks, truncates and joins, and serves any visibility.
    public var capabilities: Requirements {
        [.fork, .truncate, .join, .slices, .tree, .bidirectional, .leftToRight, .prefixes]
    }

    /// Bytes of the pages that branches and the batch in progress hold.
    public var residentBytes: Int { census.pages * layout.pageBytes }

    /// Bytes of the pages that these rows may take; the first branch to claim a page's end has it.
    public func bytesNeeded(_ demands: [StateDemand]) -> Int {
        var claimed: Set<ObjectIdentifier> = []
        var pages = 0
        for demand in demands {
            var rows = demand.rows
            if let last = memories[demand.key]?.extents.last, last.isAtEnd,
                claimed.insert(ObjectIdentifier(last.page)).inserted
            {
                rows -= layout.pageTokens - last.page.used
            }
            pages += max(rows + layout.pageTokens - 1, 0) / layout.pageTokens
        }
        return pages * layout.pageBytes
    }

    /// The number of rows that a branch holds.
    public func count(_ key: BranchKey) -> Int { memories[key]?.positions.count ?? 0 }

    /// The position of each row that a branch holds.
    func positions(of key: BranchKey) -> [Int32] { memories[key]?.positions ?? [] }

    /// Where a branch's rows lie: consecutive tokens of one page each.
    func extents(of key: BranchKey) -> [(storage: Storage, start: Int, count: Int)] {
        settle()
        return memories[key]?.extents.map { ($0.page.storage, $0.start, $0.count) } ?? []
    }

    /// Adds a page with at most `pageTokens` rows, whose contents the caller writes.
    func append(positions: [Int32], to key: BranchKey) -> Storage {
        let page = Page(layout, arena, census)
        page.used = positions.count
        memories[key, default: Memory()].append(
            Extent(page: page, start: 0, count: positions.count)
        )
        memories[key]?.positions += positions
        return page.storage
    }

    /// Makes room for a batch's keys and values.
    ///
    /// - Throws: `SkeinError.Code.incapable` when a slice reaches past its branch's end.
    public func stage(_ batch: RowBatch) throws {
        settle()
        pasts = try batch.segments.map { segment in
            switch segment.reads {
            case .nothing: Memory()
            case .all(let branch):
                memories[BranchKey(segment.slot, branch)] ?? Memory()
            case .slices(let slices):
                try joined(
                    slices.map { StateSlice(BranchKey(segment.slot, $0.branch), $0.range) }
                )
            }
        }
        let bytes = layout.layers * 2 * batch.count * layout.tokenBytes
        if (staging?.byteCount ?? 0) < bytes { staging = Storage(byteCount: bytes) }
        staged = batch
    }

    /// The positions of the keys that a staged segment reads.
    public func pastPositions(ofSegment segment: Int) -> [Int32] { pasts[segment].positions }

    /// Where a layer's staged keys and values go: as many tokens as the batch has rows.
    ///
    /// - Precondition: A batch is staged.
    public func stagedRun(layer: Int) -> KeyValueRun {
        guard let staging, let staged else { preconditionFailure("no batch is staged") }
        return run(staging, layer: layer, rows: 0..<staged.count, of: staged.count)
    }

    /// What a staged segment's rows may read in a layer: the past, then the segment's own rows.
    ///
    /// - Precondition: A batch is staged.
    public func runs(layer: Int, ofSegment segment: Int) -> [KeyValueRun] {
        guard let staging, let staged else { preconditionFailure("no batch is staged") }
        var runs = pasts[segment].extents.map { extent in
            run(
                extent.page.storage,
                layer: layer,
                rows: extent.start..<extent.start + extent.count,
                of: layout.pageTokens
            )
        }
        let rows = staged.segments[segment].rows
        runs.append(run(staging, layer: layer, rows: rows, of: staged.count))
        return runs
    }

    private func run(
        _ storage: Storage,
        layer: Int,
        rows: Range<Int>,
        of tokens: Int
    ) -> KeyValueRun {
        KeyValueRun(
            storage: storage,
            keyOffset: layout.offset(layer: layer, part: 0, token: rows.lowerBound, of: tokens),
            valueOffset: layout.offset(layer: layer, part: 1, token: rows.lowerBound, of: tokens),
            count: rows.count
        )
    }

    /// Forgets what the staged batch reads.
    public func unstage() {
        settle()
        pasts.removeAll()
        staged = nil
    }

    /// Adds staged rows of a segment to the end of a branch; they are copied when the pool settles.
    public func commit(rows: [Int32], ofSegment segment: Int, to key: BranchKey) throws {
        guard let staged, segment < staged.segments.count else {
            throw SkeinError(.incapable, "rows of segment \(segment) are not staged")
        }
        let own = staged.segments[segment].rows
        if let bad = rows.first(where: { $0 < 0 || Int($0) >= own.count }) {
            throw SkeinError(.incapable, "row \(bad) of a segment of \(own.count) rows")
        }
        pasts.removeAll()  // Done with; holding them would copy what is changed now.
        var memory = memories.removeValue(forKey: key) ?? Memory()
        var place = 0
        while place < rows.count {
            let first = own.lowerBound + Int(rows[place])
            var length = 1
            while place + length < rows.count, rows[place + length] == rows[place] + Int32(length) {
                length += 1
            }
            let (extent, isNew) = tail(&memory, wanting: length)
            pending.append(Pending(row: first, rows: staged.count, extent: extent))
            if isNew {
                memory.extents.append(extent)
            } else {
                memory.extents[memory.extents.count - 1].count += extent.count
            }
            memory.positions.append(contentsOf: staged.positions[first..<first + extent.count])
            place += extent.count
        }
        memories[key] = memory
    }

    /// Reserves up to `wanted` tokens at the end of a branch: in its last page if it is free there.
    private func tail(_ memory: inout Memory, wanting wanted: Int) -> (Extent, isNew: Bool) {
        if let last = memory.extents.last, last.isAtEnd, last.page.used < layout.pageTokens {
            let count = min(wanted, layout.pageTokens - last.page.used)
            last.page.used += count
            return (Extent(page: last.page, start: last.start + last.count, count: count), false)
        }
        let page = Page(layout, arena, census)
        page.used = min(wanted, layout.pageTokens)
        return (Extent(page: page, start: 0, count: page.used), true)
    }

    /// Copies what was committed to its pages, on all threads: other rows' places are other bytes.
    public func settle(_ pool: ThreadPool) {
        guard pending.count > 1, let staging else { return settle() }
        let layout = layout
        // Storages are written here before anybody reads them.
        let copies = pending.map {
            ($0.row, $0.rows, $0.extent.page.storage, $0.extent.start, $0.extent.count)
        }
        pool.run(count: copies.count, grain: 4) { range in
            for (row, rows, page, start, count) in copies[range] {
                Self.copy(layout, staging, row: row, of: rows, to: page, at: start, count: count)
            }
        }
        pending.removeAll(keepingCapacity: true)
    }

    private func settle() {
        guard !pending.isEmpty else { return }
        if let staging {
            for one in pending {
                Self.copy(
                    layout,
                    staging,
                    row: one.row,
                    of: one.rows,
                    to: one.extent.page.storage,
                    at: one.extent.start,
                    count: one.extent.count
                )
            }
        }
        pending.removeAll(keepingCapacity: true)
    }

    private static func copy(
        _ layout: Layout,
        _ staging: Storage,
        row: Int,
        of rows: Int,
        to page: Storage,
        at start: Int,
        count: Int
    ) {
        for layer in 0..<layout.layers {
            for part in 0..<2 {
                page.copy(
                    from: staging,
                    at: layout.offset(layer: layer, part: part, token: row, of: rows),
                    to: layout.offset(
                        layer: layer,
                        part: part,
                        token: start,
                        of: layout.pageTokens
                    ),
                    byteCount: count * layout.tokenBytes
                )
            }
        }
    }

    /// Shares the first rows of a branch with others.
    public func fork(_ key: BranchKey, at count: Int, into others: [Branch]) throws {
        let memory = try prefix(of: key, count: count)
        for other in others { memories[BranchKey(key.slot, other)] = memory }
    }

    /// Forgets rows from the end of a branch.
    public func truncate(_ key: BranchKey, to count: Int) throws {
        memories[key] = try prefix(of: key, count: count)
    }

    /// Concatenates slices, sharing their pages.
    public func join(_ slices: [StateSlice], into key: BranchKey) throws {
        memories[key] = try joined(slices)
    }

    /// Forgets a branch.
    public func drop(_ key: BranchKey) { memories.removeValue(forKey: key) }

    private func prefix(of key: BranchKey, count: Int) throws -> Memory {
        try joined([StateSlice(key, 0..<count)])
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
            var start = 0
            for extent in memory.extents {
                let overlap = slice.range.clamped(to: start..<start + extent.count)
                if !overlap.isEmpty {
                    result.append(
                        Extent(
                            page: extent.page,
                            start: extent.start + overlap.lowerBound - start,
                            count: overlap.count
                        )
                    )
                }
                start += extent.count
            }
            result.positions.append(contentsOf: memory.positions[slice.range])
        }
        return result
    }
}
