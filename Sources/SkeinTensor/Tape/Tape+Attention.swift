internal import CSkeinKernels

/// What `finishHeads` was given, as far as the way back needs it.
struct FusedHeads {
    let node: Int?
    /// The rows before norms; kept only when there are norms.
    let rows: Tensor?

    init(node: Int?) {
        self.node = node
        rows = nil
    }

    init(_ rows: Tensor) {
        node = rows.node
        self.rows = rows
    }
}

extension Processor {
    /// Records norms and rotations of heads.
    func record(
        _ y: inout Tensor,
        from before: FusedHeads?,
        shape: AttentionShape,
        norms: HeadNorms?,
        rotary: RotaryTable?
    ) {
        guard let tape, let before else { return }
        let processor = unrecorded
        let inverse = rotary?.inverse
        tape.record(&y) { dy, tape in
            var dx = dy
            if let inverse {
                nonisolated(unsafe) let target = dx.mutablePointer(processor.pool)
                let (width, heads) = (dx.width, shape.heads + shape.kvHeads)
                processor.pool.run(count: dx.rows, grain: max(1, 16384 / width)) { range in
                    for row in range {
                        inverse.apply(
                            processor.kernels,
                            target + row * width,
                            row: row,
                            heads: heads,
                            shape.headDim
                        )
                    }
                }
            }
            if let norms, let rows = before.rows {
                dx = processor.backward(dx, of: rows, shape: shape, norms: norms)
            }
            tape.add(dx, to: before.node, processor)
        }
    }

    /// The gradient of rows whose queries' and keys' heads were normed.
    private func backward(
        _ dy: Tensor,
        of x: Tensor,
        shape: AttentionShape,
        norms: HeadNorms
    ) -> Tensor {
        let (rows, width, headDim) = (x.rows, x.width, shape.headDim)
        let dx = zeros(rows: rows, width: width)
        let (height, normed) = (64, (shape.heads + shape.kvHeads) * headDim)
        let blocks = (rows + height - 1) / height
        let sums = zeros(rows: blocks, width: 2 * headDim)
        pool.run(tasks: blocks) { [kernels] block in
            let weights = (norms.query.pointer, norms.key.pointer)
            let sum = sums.pointer + block * 2 * headDim
            for row in block * height..<min((block + 1) * height, rows) {
                let at = row * width
                let keys = at + shape.heads * headDim
                for (start, count, weight, total) in [
                    (at, shape.heads, weights.0, sum),
                    (keys, shape.kvHeads, weights.1, sum + headDim),
                ] {
                    kernels.rms_norm_backward(
                        dx.pointer + start,
                        total,
                        dy.pointer + start,
                        x.pointer + start,
                        weight,
                        count,
                        headDim,
                        norms.epsilon
                    )
                }
                (dx.pointer + at + normed).update(
                    from: dy.pointer + at + normed,
                    count: width - normed
                )
            }
        }
        for (offset, parameter) in [(0, norms.query.parameter), (headDim, norms.key.parameter)] {
            guard let parameter else { continue }
            for block in 0..<blocks {
                let place = sums.pointer + block * 2 * headDim + offset
                kernels.add(parameter.gradient, parameter.gradient, place, headDim)
            }
        }
        return dx
    }

    /// Attention of segments that read no past over their own rows of `[q | k | v]`, as a pass that
    /// learns makes it: in blocks, and with what the way back needs.
    func attendLearning(
        _ fused: Tensor,
        shape: AttentionShape,
        spans: [AttentionSpan]
    ) -> Tensor {
        precondition(spans.allSatisfy { $0.past == 0 }, "a tape met a segment that reads a past")
        precondition(fused.width == shape.fusedWidth, "a tape met queries without their keys")
        var out = Tensor(rows: fused.rows, width: shape.heads * shape.headDim, arena: arena)
        let totals = Tensor(rows: fused.rows, width: shape.heads, arena: arena)
        let pass = LearningPass(fused: fused, out: out, totals: totals, shape: shape, spans: spans)
        walk(pass) { [kernels] arguments, head in kernels.attention_forward(&arguments, head) }
        guard let tape else { return out }
        let (processor, kept) = (unrecorded, out)
        tape.record(&out) { dy, tape in
            let dx = Tensor(rows: fused.rows, width: fused.width, arena: processor.arena)
            let pass = LearningPass(
                fused: fused,
                out: kept,
                totals: totals,
                shape: shape,
                spans: spans
            )
            processor.walk(pass, gradient: (dy, dx)) { [kernels = processor.kernels] in
                kernels.attention_backward(&$0, $1)
            }
            tape.add(dx, to: fused.node, processor)
        }
        return out
    }

    /// Calls `body` for each key-value head of each segment.
    private func walk(
        _ pass: LearningPass,
        gradient: (dy: Tensor, dx: Tensor)? = nil,
        _ body: @escaping @Sendable (inout sk_attention_learning, Int) -> Void
    ) {
        let (shape, spans, fused, out) = (pass.shape, pass.spans, pass.fused, pass.out)
        let kvHeads = shape.kvHeads
        pool.run(tasks: spans.count * kvHeads) { [kernels, arena] task in
            let span = spans[task / kvHeads]
            let (first, rows) = (span.rows.lowerBound, span.rows.count)
            let floats = kernels.attention_scratch(rows, shape.headDim)
            let scratch = Workspace(floats * MemoryLayout<Float>.stride, arena)
            span.offsets.withUnsafeBufferPointer { offsets in
                span.ranges.withUnsafeBufferPointer { ranges in
                    guard let offsets = offsets.baseAddress else { return }
                    var none = sk_range(begin: 0, end: 0)
                    withUnsafePointer(to: &none) { none in
                        var arguments = sk_attention_learning(
                            x: fused.pointer + first * fused.width,
                            x_stride: fused.width,
                            y: out.pointer + first * out.width,
                            totals: pass.totals.pointer + first * shape.heads,
                            dy: gradient.map { UnsafePointer($0.dy.pointer + first * out.width) },
                            dx: gradient.map { $0.dx.pointer + first * fused.width },
                            rows: rows,
                            heads: Int32(shape.heads),
                            kv_heads: Int32(kvHeads),
                            head_dim: Int32(shape.headDim),
                            scale: shape.scale,
                            range_offsets: offsets,
                            ranges: ranges.baseAddress ?? none,
                            scratch: scratch.storage.base.assumingMemoryBound(to: Float.self)
                        )
                        body(&arguments, task % kvHeads)
                    }
                }
            }
        }
    }
}

/// The tensors of attention that learns: rows of `[q | k | v]`, what it gives, and each row's and head's
/// log of the sum of the scores' exponentials.
private struct LearningPass: Sendable {
    let fused: Tensor
    let out: Tensor
    let totals: Tensor
    let shape: AttentionShape
    let spans: [AttentionSpan]
}
