internal import CSkeinKernels

/// The logical keys that each row of a segment sees.
struct VisibleKeys: Sendable {
    /// Where each row's ranges begin; one more than rows.
    let offsets: [Int32]
    /// Ascending and disjoint within a row.
    let ranges: [sk_range]

    /// Visible keys of a part.
    ///
    /// Rows that see more keys see them part by part, and what the parts come to is put together in order,
    /// so that few rows over many keys can be shared among threads.
    static let partKeys = 1024

    private func keys(of row: Int) -> Int {
        ranges[Int(offsets[row])..<Int(offsets[row + 1])].reduce(0) {
            $0 + Int($1.end - $1.begin)
        }
    }

    /// The most parts that any of these rows needs.
    func parts(of rows: Range<Int>) -> Int {
        let most = rows.reduce(0) { max($0, keys(of: $1)) }
        return (most + Self.partKeys - 1) / Self.partKeys
    }

    /// What each row sees of one part of its visible keys.
    func part(_ number: Int) -> Self {
        let (first, last) = (number * Self.partKeys, (number + 1) * Self.partKeys)
        var offsets: [Int32] = [0]
        var ranges: [sk_range] = []
        for row in 0..<self.offsets.count - 1 {
            var seen = 0
            for range in self.ranges[Int(self.offsets[row])..<Int(self.offsets[row + 1])] {
                let count = Int(range.end - range.begin)
                let (from, to) = (max(first - seen, 0), min(last - seen, count))
                if from < to {
                    ranges.append(
                        sk_range(begin: range.begin + Int32(from), end: range.begin + Int32(to))
                    )
                }
                seen += count
            }
            offsets.append(Int32(ranges.count))
        }
        return Self(offsets: offsets, ranges: ranges)
    }
}

/// What rows and heads come to over a part of their keys: the largest score m, the sum u of e^(score − m),
/// and the mean of the values under these weights.
///
/// - Paper: Feng et al. 2024, arXiv:2405.13956, section 3.2; Dao et al. 2023, flash decoding.
private struct SoftmaxParts: Associative {
    let count: Int
    let headDim: Int
    /// m and u, `[count][2]`.
    var tallies: [Float]
    /// `[count][headDim]`.
    var means: [Float]

    mutating func append(_ later: Self) {
        for index in 0..<count {
            let (m, u) = (tallies[2 * index], tallies[2 * index + 1])
            let (m2, u2) = (later.tallies[2 * index], later.tallies[2 * index + 1])
            // A part without keys, or with none but such as weigh nothing, leaves the others' bits alone.
            guard u2 != 0 else { continue }
            guard u != 0 else {
                tallies[2 * index] = m2
                tallies[2 * index + 1] = u2
                let own = index * headDim..<(index + 1) * headDim
                means.replaceSubrange(own, with: later.means[own])
                continue
            }
            let most = max(m, m2)
            let (before, after) = (u * Elementary.exp(m - most), u2 * Elementary.exp(m2 - most))
            let sum = before + after
            tallies[2 * index] = most
            tallies[2 * index + 1] = sum
            for column in index * headDim..<(index + 1) * headDim {
                means[column] = (before * means[column] + after * later.means[column]) / sum
            }
        }
    }
}

/// One call of attention, as its tasks share it.
///
/// Invariant: the lowered runs point into memory that the caller keeps for the whole pass.
struct AttentionPass: @unchecked Sendable {
    let shape: AttentionShape
    let spans: [AttentionSpan]
    private let kernels: sk_kernels
    private let queries: Tensor
    private let dtype: DType
    private let runs: [[sk_kv_run]]

    init(
        _ kernels: sk_kernels,
        _ queries: Tensor,
        _ shape: AttentionShape,
        _ dtype: DType,
        _ spans: [AttentionSpan],
        _ runs: [[KeyValueRun]]
    ) {
        self.kernels = kernels
        self.queries = queries
        self.shape = shape
        self.dtype = dtype
        self.spans = spans
        self.runs = runs.map { segment in
            segment.map {
                sk_kv_run(
                    keys: UnsafeRawPointer($0.storage.base + $0.keyOffset),
                    values: UnsafeRawPointer($0.storage.base + $0.valueOffset),
                    count: Int32($0.count)
                )
            }
        }
    }

    /// Runs a task over some of its rows' keys; `out` and `tallies` are where the segment's first row
    /// begins.
    func run(
        _ task: AttentionTask,
        _ visible: VisibleKeys,
        into out: UnsafeMutablePointer<Float>,
        stride: Int,
        tallies: UnsafeMutablePointer<Float>?
    ) {
        let first = spans[task.span].rows.lowerBound
        runs[task.span].withUnsafeBufferPointer { runs in
            visible.offsets.withUnsafeBufferPointer { offsets in
                visible.ranges.withUnsafeBufferPointer { ranges in
                    guard let offsets = offsets.baseAddress else { return }
                    var none = sk_range(begin: 0, end: 0)
                    var empty = sk_kv_run(keys: out, values: out, count: 0)
                    var arguments = sk_attention(
                        q: queries.pointer + first * queries.width,
                        q_stride: queries.width,
                        out: out,
                        out_stride: stride,
                        heads: Int32(shape.heads),
                        kv_heads: Int32(shape.kvHeads),
                        head_dim: Int32(shape.headDim),
                        kv_type: dtype.rawValue,
                        key_stride: shape.kvWidth,
                        scale: shape.scale,
                        soft_cap: 0,
                        runs: runs.baseAddress ?? withUnsafePointer(to: &empty) { $0 },
                        run_count: Int32(runs.count),
                        range_offsets: offsets,
                        ranges: ranges.baseAddress ?? withUnsafePointer(to: &none) { $0 },
                        tallies: tallies
                    )
                    kernels.attention(
                        &arguments,
                        task.rows.lowerBound,
                        task.rows.upperBound,
                        task.heads.lowerBound,
                        task.heads.upperBound
                    )
                }
            }
        }
    }

    /// Runs a task over one part of its rows' keys.
    fileprivate func part(_ task: AttentionTask, _ visible: VisibleKeys) -> SoftmaxParts {
        let group = shape.heads / shape.kvHeads
        let (rows, heads) = (task.rows.count, task.heads.count * group)
        let head = task.heads.lowerBound * group
        var means = [Float](repeating: 0, count: rows * heads * shape.headDim)
        // The kernel counts all heads, the task has some.
        var all = [Float](repeating: 0, count: rows * shape.heads * 2)
        means.withUnsafeMutableBufferPointer { means in
            all.withUnsafeMutableBufferPointer { all in
                guard let means = means.baseAddress, let all = all.baseAddress else { return }
                let stride = heads * shape.headDim
                run(
                    task,
                    visible,
                    into: means - task.rows.lowerBound * stride - head * shape.headDim,
                    stride: stride,
                    tallies: all - task.rows.lowerBound * shape.heads * 2
                )
            }
        }
        let own = (0..<rows).flatMap { row -> ArraySlice<Float> in
            let start = (row * shape.heads + head) * 2
            return all[start..<start + heads * 2]
        }
        return SoftmaxParts(
            count: rows * heads,
            headDim: shape.headDim,
            tallies: own,
            means: means
        )
    }
}

extension Processor {
    /// Runs tasks whose rows see more than one part of keys.
    func attend(_ tasks: [AttentionTask], of pass: AttentionPass, into out: Tensor) {
        guard !tasks.isEmpty else { return }
        var parts: [Int: [VisibleKeys]] = [:]
        for span in Set(tasks.map(\.span)) {
            let visible = pass.spans[span].visible
            parts[span] = (0..<visible.parts(of: 0..<pass.spans[span].rows.count)).map {
                visible.part($0)
            }
        }
        let visible = parts
        pool.reduce(
            lanes: tasks.map { pass.spans[$0.span].visible.parts(of: $0.rows) }
        ) { lane, number -> SoftmaxParts in
            let task = tasks[lane]
            let keys = visible[task.span]?[number] ?? pass.spans[task.span].visible
            return pass.part(task, keys)
        } finish: { lane, whole in
            let (task, headDim) = (tasks[lane], pass.shape.headDim)
            let heads = pass.shape.heads / pass.shape.kvHeads
            let width = task.heads.count * heads * headDim
            let first = pass.spans[task.span].rows.lowerBound
            whole.means.withUnsafeBufferPointer { means in
                guard let means = means.baseAddress else { return }
                for (index, row) in task.rows.enumerated() {
                    let target = (first + row) * out.width + task.heads.lowerBound * heads * headDim
                    (out.pointer + target).update(from: means + index * width, count: width)
                }
            }
        }
    }
}
