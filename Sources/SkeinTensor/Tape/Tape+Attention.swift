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
                nonisolated(unsafe) let target = dx.mutablePointer()
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

    /// Records attention of segments that read no past over their own rows of `[q | k | v]`.
    func record(
        _ y: inout Tensor,
        attending fused: Tensor,
        shape: AttentionShape,
        spans: [AttentionSpan]
    ) {
        guard let tape else { return }
        precondition(spans.allSatisfy { $0.past == 0 }, "a tape met a segment that reads a past")
        precondition(fused.width == shape.fusedWidth, "a tape met queries without their keys")
        let processor = unrecorded
        let out = y
        tape.record(&y) { dy, tape in
            let dx = processor.backward(dy, from: out, of: fused, shape: shape, spans: spans)
            tape.add(dx, to: fused.node, processor)
        }
    }

    private func backward(
        _ dy: Tensor,
        from y: Tensor,
        of fused: Tensor,
        shape: AttentionShape,
        spans: [AttentionSpan]
    ) -> Tensor {
        let dx = Tensor(rows: fused.rows, width: fused.width, arena: arena)
        let kvHeads = shape.kvHeads
        let bytes = kernels.attention_scratch(shape.headDim) * MemoryLayout<Float>.stride
        pool.run(tasks: spans.count * kvHeads) { [kernels, arena] task in
            let span = spans[task / kvHeads]
            let first = span.rows.lowerBound
            let scratch = Workspace(bytes, arena)
            span.offsets.withUnsafeBufferPointer { offsets in
                span.ranges.withUnsafeBufferPointer { ranges in
                    guard let offsets = offsets.baseAddress else { return }
                    var none = sk_range(begin: 0, end: 0)
                    withUnsafePointer(to: &none) { none in
                        var arguments = sk_attention_backward(
                            x: fused.pointer + first * fused.width,
                            x_stride: fused.width,
                            y: y.pointer + first * y.width,
                            dy: dy.pointer + first * dy.width,
                            dx: dx.pointer + first * dx.width,
                            rows: span.rows.count,
                            heads: Int32(shape.heads),
                            kv_heads: Int32(kvHeads),
                            head_dim: Int32(shape.headDim),
                            scale: shape.scale,
                            range_offsets: offsets,
                            ranges: ranges.baseAddress ?? none,
                            scratch: scratch.storage.base.assumingMemoryBound(to: Float.self)
                        )
                        kernels.attention_backward(&arguments, task % kvHeads)
                    }
                }
            }
        }
        return dx
    }
}
