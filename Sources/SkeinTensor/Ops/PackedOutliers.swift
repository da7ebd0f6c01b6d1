internal import CSkeinKernels

/// The weights of a grouped matrix that are kept whole, ordered by tile, panel and column.
final class PackedOutliers: Sendable {
    private let starts: Storage
    private let entries: Storage

    var byteCount: Int { starts.byteCount + entries.byteCount }

    /// What a product reads, for as long as this lives.
    var table: UnsafePointer<sk_outliers> { UnsafePointer(place) }
    private nonisolated(unsafe) let place = UnsafeMutablePointer<sk_outliers>.allocate(capacity: 1)

    deinit { place.deallocate() }

    init(_ record: GroupedRecord) {
        let tile = Int(SK_TILE_N)
        let panel = Int(SK_OUTLIER_PANEL)
        let panels = (record.inputs + panel - 1) / panel
        let tiles = (record.outputs + tile - 1) / tile
        func cell(_ row: Int, _ column: Int) -> Int { row / tile * panels + column / panel }
        var ends = [UInt32](repeating: 0, count: tiles * panels + 1)
        record.forEachOutlier { row, column, _ in ends[cell(row, column) + 1] += 1 }
        for index in 1..<ends.count { ends[index] += ends[index - 1] }
        var next = ends
        var sorted = [UInt64](repeating: 0, count: record.outliers)
        record.forEachOutlier { row, column, bits in
            let cell = cell(row, column)
            // The column again in the upper half, so that words sort by columns.
            let order = UInt64(column % panel) << 32
            let entry = UInt64(bits) << 16 | UInt64(row % tile) << 12 | UInt64(column % panel)
            sorted[Int(next[cell])] = order | entry
            next[cell] += 1
        }
        for index in 0..<ends.count - 1 {
            sorted[Int(ends[index])..<Int(ends[index + 1])].sort()
        }
        starts = Storage(byteCount: ends.count * 4)
        entries = Storage(byteCount: max(sorted.count, 1) * 4)
        let firsts = starts.base.assumingMemoryBound(to: UInt32.self)
        for (index, end) in ends.enumerated() { firsts[index] = end }
        let words = entries.base.assumingMemoryBound(to: UInt32.self)
        for (index, word) in sorted.enumerated() {
            words[index] = UInt32(truncatingIfNeeded: word)
        }
        place.initialize(
            to: sk_outliers(starts: UnsafePointer(firsts), entries: UnsafePointer(words))
        )
    }
}
