internal import CSkeinKernels

/// The sizes of a layer's attention.
public struct AttentionShape: Sendable, Hashable {
    /// Query heads.
    public var heads: Int
    /// Key and value heads; divides `heads`.
    public var kvHeads: Int
    /// The width of a head.
    public var headDim: Int
    /// What scores are multiplied by, usually 1/√headDim.
    public var scale: Float

    /// Creates a shape; `scale` defaults to 1/√headDim.
    public init(heads: Int, kvHeads: Int, headDim: Int, scale: Float? = nil) {
        self.heads = heads
        self.kvHeads = kvHeads
        self.headDim = headDim
        self.scale = scale ?? 1 / Float(headDim).squareRoot()
    }

    /// The width of a token's keys, and of its values.
    public var kvWidth: Int { kvHeads * headDim }
    /// The width of a row of queries, keys and values side by side.
    public var fusedWidth: Int { (heads + 2 * kvHeads) * headDim }
}

/// Consecutive tokens' keys and values in one block of memory.
public struct KeyValueRun: Sendable {
    /// The memory.
    public var storage: Storage
    /// Where the first token's keys start, in bytes.
    public var keyOffset: Int
    /// Where the first token's values start, in bytes.
    public var valueOffset: Int
    /// The number of tokens; each takes `kvWidth` elements.
    public var count: Int

    /// Names tokens of a block.
    public init(storage: Storage, keyOffset: Int, valueOffset: Int, count: Int) {
        self.storage = storage
        self.keyOffset = keyOffset
        self.valueOffset = valueOffset
        self.count = count
    }
}

/// Which keys each row of one segment sees, lowered to ranges of logical keys.
///
/// Logical keys count the past in reading order, then the segment's own rows.
public struct AttentionSpan: Sendable {
    /// The segment's rows in the batch.
    public let rows: Range<Int>
    /// The number of past keys.
    public let past: Int
    /// What each row sees.
    let visible: VisibleKeys
    var offsets: [Int32] { visible.offsets }
    var ranges: [sk_range] { visible.ranges }
    /// The number of (row, key) pairs, for planning.
    fileprivate let pairs: Int

    /// Lowers a segment's visibility.
    ///
    /// - Parameters:
    ///   - segment: The segment.
    ///   - pastPositions: The position of each past key.
    ///   - positions: The position of each row of the batch.
    ///   - window: When given, a row sees only keys whose position is greater than its own less this.
    public init(_ segment: Segment, pastPositions: [Int32], positions: [Int32], window: Int? = nil)
    {
        rows = segment.rows
        past = pastPositions.count
        var offsets: [Int32] = [0]
        var ranges: [sk_range] = []
        var pairs = 0
        offsets.reserveCapacity(segment.rows.count + 1)
        let keyPositions = window == nil ? [] : pastPositions + positions[segment.rows]
        for row in 0..<segment.rows.count {
            var visible: [Range<Int32>] = past > 0 ? [0..<Int32(past)] : []
            for own in segment.visibility.visibleRanges(of: row, count: segment.rows.count) {
                let shifted = own.lowerBound + Int32(past)..<own.upperBound + Int32(past)
                if let last = visible.last, last.upperBound == shifted.lowerBound {
                    visible[visible.count - 1] = last.lowerBound..<shifted.upperBound
                } else {
                    visible.append(shifted)
                }
            }
            if let window {
                let lowest = Int(positions[segment.rows.lowerBound + row]) - window
                visible = Self.within(visible) { Int(keyPositions[$0]) > lowest }
            }
            for range in visible where !range.isEmpty {
                ranges.append(sk_range(begin: range.lowerBound, end: range.upperBound))
                pairs += range.count
            }
            offsets.append(Int32(ranges.count))
        }
        visible = VisibleKeys(offsets: offsets, ranges: ranges)
        self.pairs = pairs
    }

    /// The parts of ranges whose keys pass a test.
    private static func within(
        _ ranges: [Range<Int32>],
        _ isVisible: (Int) -> Bool
    ) -> [Range<Int32>] {
        var result: [Range<Int32>] = []
        for range in ranges {
            var start: Int32?
            for key in range {
                switch (start, isVisible(Int(key))) {
                case (nil, true): start = key
                case (let from?, false):
                    result.append(from..<key)
                    start = nil
                default: break
                }
            }
            if let start { result.append(start..<range.upperBound) }
        }
        return result
    }
}

extension Processor {
    /// Softmax attention of ragged segments over keys and values that lie in runs.
    ///
    /// - Parameters:
    ///   - queries: `[rows, width]`, each row beginning with its query heads.
    ///   - shape: The sizes.
    ///   - dtype: The type of keys and values: f32, f16 or bf16.
    ///   - spans: What each segment's rows see.
    ///   - runs: For each segment its past and then its own rows, in reading order.
    /// - Returns: `[rows, heads · headDim]`.
    public func attend(
        _ queries: Tensor,
        shape: AttentionShape,
        dtype: DType,
        spans: [AttentionSpan],
        runs: [[KeyValueRun]]
    ) -> Tensor {
        if learningRule != nil { return attendLearning(queries, shape: shape, spans: spans) }
        let out = Tensor(rows: queries.rows, width: shape.heads * shape.headDim, arena: arena)
        let tasks = AttentionTask.plan(spans, shape, threads: pool.threads)
        let pass = AttentionPass(kernels, queries, shape, dtype, spans, runs)
        let whole = tasks.filter { spans[$0.span].visible.parts(of: $0.rows) < 2 }
        let divided = tasks.filter { spans[$0.span].visible.parts(of: $0.rows) >= 2 }
        pool.run(tasks: whole.count) { [out] index in
            let (task, span) = (whole[index], spans[whole[index].span])
            pass.run(
                task,
                span.visible,
                into: out.pointer + span.rows.lowerBound * out.width,
                stride: out.width,
                tallies: nil
            )
        }
        attend(divided, of: pass, into: out)
        // The runs' memory must outlive the tasks.
        withExtendedLifetime(runs) {}
        return out
    }
}

/// Rows and heads of one segment that one task computes.
struct AttentionTask: Sendable {
    var span: Int
    var rows: Range<Int>
    var heads: Range<Int>

    /// Splits segments by heads and by blocks of rows, unless all of it is too little to share.
    static func plan(_ spans: [AttentionSpan], _ shape: AttentionShape, threads: Int) -> [Self] {
        let work = spans.reduce(0) { $0 + $1.pairs } * shape.heads * shape.headDim
        let isShared = threads > 1 && work > 1 << 15
        // A token's heads lie together in memory, so they stay together where segments suffice.
        let heads = spans.count >= 2 * threads ? shape.kvHeads : 1
        var tasks: [Self] = []
        for (index, span) in spans.enumerated() {
            let count = span.rows.count
            guard isShared else {
                tasks.append(Self(span: index, rows: 0..<count, heads: 0..<shape.kvHeads))
                continue
            }
            let block = count > 64 ? 64 : count
            for first in stride(from: 0, to: count, by: max(block, 1)) {
                let rows = first..<min(first + block, count)
                for head in stride(from: 0, to: shape.kvHeads, by: heads) {
                    tasks.append(Self(span: index, rows: rows, heads: head..<head + heads))
                }
            }
        }
        return tasks
    }
}
