internal import CSkeinKernels

extension Processor {
    /// Records a convolution.
    func record(
        _ y: inout Tensor,
        convolve x: Tensor,
        through convolution: CausalConvolution,
        _ weight: Vector,
        segments: [[RecurrentPiece]],
        at offset: Int
    ) {
        guard let tape else { return }
        let processor = unrecorded
        tape.record(&y) { dy, tape in
            processor.backward(dy, convolve: x, convolution, weight, segments, offset, tape)
        }
    }

    private func backward(
        _ dy: Tensor,
        convolve x: Tensor,
        _ convolution: CausalConvolution,
        _ weight: Vector,
        _ segments: [[RecurrentPiece]],
        _ offset: Int,
        _ tape: Tape
    ) {
        let (channels, taps) = (convolution.channels, convolution.taps)
        var dx = tape.takeGradient(of: x, self)
        nonisolated(unsafe) let target = dx.mutablePointer()
        let byTaps = zeros(rows: taps, width: channels)
        let parts = Self.blockParts(
            (channels + Int(SK_SCAN_BLOCK) - 1) / Int(SK_SCAN_BLOCK),
            among: max(1, pool.threads * 4)
        )
        pool.run(tasks: parts.count) { [kernels] index in
            let first = parts[index].lowerBound * Int(SK_SCAN_BLOCK)
            let last = min(parts[index].upperBound * Int(SK_SCAN_BLOCK), channels)
            for piece in segments.joined() {
                let row = piece.rows.lowerBound
                var arguments = sk_convolution_backward(
                    forward: Self.arguments(convolution, weight, x, piece, offset),
                    dy: UnsafePointer(dy.pointer + row * channels),
                    dx: target + row * x.width,
                    dweight: byTaps.pointer,
                    dbias: convolution.bias?.parameter?.gradient,
                    ld_dy: channels,
                    ld_dx: x.width
                )
                kernels.convolve_backward(&arguments, first, last)
            }
        }
        tape.putGradient(dx, of: x)
        guard let gradient = convolution.weight.parameter?.gradient else { return }
        for channel in 0..<channels {
            for tap in 0..<taps {
                gradient[channel * taps + tap] += byTaps.pointer[tap * channels + channel]
            }
        }
    }

    /// Records a scan.
    func record(
        _ y: inout Tensor,
        scan inputs: ScanInputs,
        _ scan: SelectiveScan,
        _ decay: Vector,
        segments: [[RecurrentPiece]],
        at offset: Int
    ) {
        guard let tape else { return }
        let processor = unrecorded
        tape.record(&y) { dy, tape in
            processor.backward(dy, scan: inputs, scan, decay, segments, offset, tape)
        }
    }

    /// Parts of the channels that the way back sums over, one after another: a fixed number, so that
    /// results do not depend on threads.
    private static let scanParts = 8

    private func backward(
        _ dy: Tensor,
        scan inputs: ScanInputs,
        _ scan: SelectiveScan,
        _ decay: Vector,
        _ segments: [[RecurrentPiece]],
        _ offset: Int,
        _ tape: Tape
    ) {
        let (channels, states, rows) = (scan.channels, scan.states, inputs.x.rows)
        let parts = Self.blockParts(scan.blocks, among: Self.scanParts)
        let (mixed, column) = inputs.mixed
        // The gate may lie in the tensor that the convolution reads, never in x, steps or mixed.
        var dx = tape.takeGradient(of: inputs.x, self)
        var dstep = tape.takeGradient(of: inputs.step, self)
        var dgate = inputs.gate.map { tape.takeGradient(of: $0.tensor, self) }
        nonisolated(unsafe) let toX = dx.mutablePointer()
        nonisolated(unsafe) let toStep = dstep.mutablePointer()
        nonisolated(unsafe) let toGate = dgate?.mutablePointer()
        let sums = zeros(rows: parts.count * rows, width: 2 * states)
        let rates = zeros(rows: 1, width: scan.stateCount)
        let skips = zeros(rows: 1, width: channels)
        pool.run(tasks: parts.count) { [kernels, arena] part in
            let blocks = parts[part]
            let longest = segments.joined().map(\.rows.count).max() ?? 0
            let scratch = Workspace(
                kernels.scan_scratch(longest, states, blocks.count) * MemoryLayout<Float>.stride,
                arena
            )
            for piece in segments.joined() where !piece.rows.isEmpty {
                let row = piece.rows.lowerBound
                let sum = sums.pointer + (part * rows + row) * 2 * states
                var arguments = sk_scan_backward(
                    forward: Self.arguments(inputs, scan, decay, piece, offset),
                    dy: UnsafePointer(dy.pointer + row * channels),
                    dx: toX + row * channels,
                    dstep: toStep + row * channels,
                    din: sum,
                    dout: sum + states,
                    dgate: inputs.gate.flatMap { gate in
                        toGate.map { $0 + row * gate.tensor.width + gate.offset }
                    },
                    ddecay: rates.pointer,
                    dskip: skips.pointer,
                    scratch: scratch.storage.base.assumingMemoryBound(to: Float.self),
                    ld_dy: channels,
                    ld_dx: channels,
                    ld_dstep: channels,
                    ld_din: 2 * states,
                    ld_dgate: inputs.gate?.tensor.width ?? 0
                )
                kernels.scan_backward(&arguments, blocks.lowerBound, blocks.upperBound)
            }
        }
        tape.putGradient(dx, of: inputs.x)
        tape.putGradient(dstep, of: inputs.step)
        if let gate = inputs.gate, let dgate { tape.putGradient(dgate, of: gate.tensor) }
        var dmixed = tape.takeGradient(of: mixed, self)
        nonisolated(unsafe) let target = dmixed.mutablePointer()
        let count = parts.count
        pool.run(count: rows, grain: 64) { range in
            for row in range {
                for part in 0..<count {
                    let source = sums.pointer + (part * rows + row) * 2 * states
                    let place = target + row * mixed.width + column
                    for index in 0..<2 * states { place[index] += source[index] }
                }
            }
        }
        tape.putGradient(dmixed, of: mixed)
        learn(scan, rates: rates, skips: skips)
    }

    /// Adds gradients to the parameters of a scan: d/d log(−A) is A times that by A.
    private func learn(_ scan: SelectiveScan, rates: Tensor, skips: Tensor) {
        if let gradient = scan.skip.parameter?.gradient {
            kernels.add(gradient, gradient, skips.pointer, scan.channels)
        }
        guard let logarithms = scan.logarithms else { return }
        let block = Int(SK_SCAN_BLOCK)
        for channel in 0..<scan.channels {
            for state in 0..<scan.states {
                let place = (channel / block * scan.states + state) * block + channel % block
                let index = channel * scan.states + state
                let rate = -Elementary.exp(logarithms.pointer[index])
                logarithms.gradient[index] += rates.pointer[place] * rate
            }
        }
    }
}
