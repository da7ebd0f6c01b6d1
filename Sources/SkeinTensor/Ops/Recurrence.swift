internal import CSkeinKernels

/// Consecutive rows of a segment whose recurrent state starts in one block and ends in another.
///
/// A block holds what all layers remember; each layer knows where its part begins.
public struct RecurrentPiece: Sendable {
    /// The rows of the batch.
    public var rows: Range<Int>
    /// The rows of the sequence that lie before the first.
    public var position: Int
    /// The state before the first row; `nil` for zeros.
    public var past: Storage?
    /// Where the state after the last row goes; nobody reads it yet.
    public var next: Storage

    /// Joins rows and blocks.
    public init(rows: Range<Int>, position: Int = 0, past: Storage?, next: Storage) {
        self.rows = rows
        self.position = position
        self.past = past
        self.next = next
    }
}

/// A causal convolution of every channel for itself, followed by SiLU.
public struct CausalConvolution: Sendable {
    /// D: the number of channels.
    public let channels: Int
    /// K: the rows that one output sees; the last is its own.
    public let taps: Int
    /// `[D, K]`, as checkpoints hold it.
    let weight: Vector
    let bias: Vector?
    /// `[K, D]`, unless the weight learns.
    private let table: Vector?

    /// Creates a convolution.
    ///
    /// - Precondition: `weight` has `channels · taps` values and `bias`, if any, `channels`.
    public init(weight: Vector, bias: Vector?, channels: Int, taps: Int) {
        precondition(
            weight.count == channels * taps && bias?.count ?? channels == channels,
            "\(weight.count) weights for \(channels) channels of \(taps) taps"
        )
        self.channels = channels
        self.taps = taps
        self.weight = weight
        self.bias = bias
        table = weight.parameter == nil ? Vector(Self.transposed(weight, channels, taps)) : nil
    }

    /// Floats that the state holds: the K − 1 rows before the next.
    public var stateCount: Int { (taps - 1) * channels }

    /// The weight by taps.
    var byTaps: Vector { table ?? Vector(Self.transposed(weight, channels, taps)) }

    private static func transposed(_ weight: Vector, _ channels: Int, _ taps: Int) -> [Float] {
        (0..<taps * channels).map { weight.pointer[$0 % channels * taps + $0 / channels] }
    }
}

/// The parameters of a selective scan that do not depend on its input.
///
/// - Paper: Gu and Dao 2023, arXiv:2312.00752, section 3; the state's input is scaled by the step
///   alone (Euler), as released checkpoints need it.
public struct SelectiveScan: Sendable {
    /// D: the number of channels.
    public let channels: Int
    /// N: the states of a channel.
    public let states: Int
    /// `log(−A)`, `[D, N]`, while it learns.
    let logarithms: Parameter?
    let skip: Vector
    private let table: Vector?

    /// A scan with fixed rates.
    ///
    /// - Parameters:
    ///   - rates: A, `[D, N]`, no value above 0.
    ///   - skip: D, one value a channel.
    ///   - states: N.
    /// - Precondition: The counts agree.
    public init(rates: [Float], skip: Vector, states: Int) {
        precondition(rates.count == skip.count * states, "\(rates.count) rates")
        channels = skip.count
        self.states = states
        self.skip = skip
        logarithms = nil
        table = Vector(Self.blocked(channels, states) { rates[$0] * Self.log2e })
    }

    /// A scan whose rates learn through their logarithms.
    public init(logarithms: Parameter, skip: Vector, states: Int) {
        precondition(logarithms.count == skip.count * states, "\(logarithms.count) logarithms")
        channels = skip.count
        self.states = states
        self.skip = skip
        self.logarithms = logarithms
        table = nil
    }

    private static let log2e: Float = 1.442_695_04

    /// Blocks of channels that share vectors.
    var blocks: Int { (channels + Int(SK_SCAN_BLOCK) - 1) / Int(SK_SCAN_BLOCK) }
    /// Floats that the state holds, blocks filled up.
    public var stateCount: Int { blocks * states * Int(SK_SCAN_BLOCK) }

    /// A log₂ e in the order of the state.
    var decay: Vector {
        if let table { return table }
        guard let logarithms else { return Vector([]) }
        return Vector(
            Self.blocked(channels, states) {
                -Elementary.exp(logarithms.pointer[$0]) * Self.log2e
            }
        )
    }

    /// Values by channel and state, in blocks.
    private static func blocked(
        _ channels: Int,
        _ states: Int,
        _ value: (Int) -> Float
    ) -> [Float] {
        let block = Int(SK_SCAN_BLOCK)
        let blocks = (channels + block - 1) / block
        var result = [Float](repeating: 0, count: blocks * states * block)
        for channel in 0..<channels {
            for state in 0..<states {
                let place = (channel / block * states + state) * block + channel % block
                result[place] = value(channel * states + state)
            }
        }
        return result
    }
}

/// Where a scan finds what its rows bring: columns of three tensors.
public struct ScanInputs: Sendable {
    /// x after the convolution, `[rows, D]`.
    public var x: Tensor
    /// The steps before softplus, `[rows, D]`.
    public var step: Tensor
    /// B from column `mixed.offset` on, C after it, N columns each.
    public var mixed: (tensor: Tensor, offset: Int)
    /// The gate z from a column on, if there is one.
    public var gate: (tensor: Tensor, offset: Int)?

    /// Joins the parts.
    public init(
        x: Tensor,
        step: Tensor,
        mixed: (tensor: Tensor, offset: Int),
        gate: (tensor: Tensor, offset: Int)?
    ) {
        self.x = x
        self.step = step
        self.mixed = mixed
        self.gate = gate
    }
}

extension Storage {
    /// Floats from a place on.
    func floats(_ offset: Int) -> UnsafeMutablePointer<Float> {
        base.assumingMemoryBound(to: Float.self) + offset
    }
}

extension Processor {
    /// A causal convolution and SiLU of the first columns of a tensor, by segments.
    ///
    /// - Parameters:
    ///   - x: `[rows, at least D]`.
    ///   - convolution: The weights.
    ///   - segments: The pieces of each segment, in order.
    ///   - offset: Where this layer's rows begin in a state's block, in floats.
    /// - Returns: `[rows, D]`.
    public func convolve(
        _ x: Tensor,
        through convolution: CausalConvolution,
        segments: [[RecurrentPiece]],
        at offset: Int
    ) -> Tensor {
        let (channels, taps) = (convolution.channels, convolution.taps)
        precondition(x.width >= channels, "rows of \(x.width) for \(channels) channels")
        var y = Tensor(rows: x.rows, width: channels, arena: arena)
        let weight = convolution.byTaps
        let pieces = segments.joined().filter { !$0.rows.isEmpty }
        var tasks: [(piece: RecurrentPiece, rows: Range<Int>)] = []
        let height = max(1, 16_384 / max(channels, 1))
        for piece in pieces {
            for first in stride(from: 0, to: piece.rows.count, by: height) {
                tasks.append((piece, first..<min(first + height, piece.rows.count)))
            }
        }
        let jobs = tasks
        pool.run(tasks: jobs.count) { [kernels, y] index in
            let (piece, rows) = jobs[index]
            var arguments = Self.arguments(convolution, weight, x, piece, offset)
            arguments.y = y.pointer + piece.rows.lowerBound * channels
            arguments.ld_y = channels
            kernels.convolve(&arguments, rows.lowerBound, rows.upperBound)
            guard rows.upperBound == piece.rows.count else { return }
            // The last rows, of this piece or of the past, are the state.
            let next = piece.next.floats(offset)
            for tap in 0..<taps - 1 {
                let row = piece.rows.count - (taps - 1) + tap
                let target = next + tap * channels
                if row >= 0 {
                    target.update(from: arguments.x + row * x.width, count: channels)
                } else if let past = arguments.past {
                    target.update(from: past + (row + taps - 1) * channels, count: channels)
                } else {
                    target.update(repeating: 0, count: channels)
                }
            }
        }
        record(&y, convolve: x, through: convolution, weight, segments: segments, at: offset)
        return y
    }

    /// The kernel's arguments for one piece, without its output.
    static func arguments(
        _ convolution: CausalConvolution,
        _ weight: Vector,
        _ x: Tensor,
        _ piece: RecurrentPiece,
        _ offset: Int
    ) -> sk_convolution {
        sk_convolution(
            x: UnsafePointer(x.pointer + piece.rows.lowerBound * x.width),
            weight: weight.pointer,
            bias: convolution.bias?.pointer,
            past: piece.past.map { UnsafePointer($0.floats(offset)) },
            y: x.pointer,
            ld_x: x.width,
            ld_y: 0,
            rows: piece.rows.count,
            channels: convolution.channels,
            taps: convolution.taps
        )
    }

    /// The selective scan with its gate and skip, by segments.
    ///
    /// A row has the same bits however its segment is cut into pieces and whatever else is in the batch;
    /// with a `scanChunk`, where the cuts lie at its multiples.
    ///
    /// - Parameters:
    ///   - inputs: What the rows bring.
    ///   - scan: The fixed parameters.
    ///   - segments: The pieces of each segment, in order.
    ///   - offset: Where this layer's states begin in a state's block, in floats.
    /// - Returns: `[rows, D]`.
    public func scan(
        _ inputs: ScanInputs,
        _ scan: SelectiveScan,
        segments: [[RecurrentPiece]],
        at offset: Int
    ) -> Tensor {
        let channels = scan.channels
        precondition(
            inputs.x.width == channels && inputs.step.width == channels,
            "rows of \(inputs.x.width) and \(inputs.step.width) for \(channels) channels"
        )
        var y = Tensor(rows: inputs.x.rows, width: channels, arena: arena)
        let decay = scan.decay
        // Eight blocks of a row together hide the latency of one.
        let most = max(pool.threads, min(pool.threads * 4, scan.blocks / 8))
        let parts = Self.blockParts(scan.blocks, among: most)
        if let scanChunk {
            for piece in segments.joined() {
                scanOverTime(inputs, scan, decay, piece, parts, offset, chunk: scanChunk, into: y)
            }
            record(&y, scan: inputs, scan, decay, segments: segments, at: offset)
            return y
        }
        pool.run(tasks: segments.count * parts.count) { [kernels, y] index in
            let blocks = parts[index % parts.count]
            for piece in segments[index / parts.count] {
                var arguments = Self.arguments(inputs, scan, decay, piece, offset)
                arguments.y = y.pointer + piece.rows.lowerBound * channels
                arguments.ld_y = channels
                kernels.scan(&arguments, blocks.lowerBound, blocks.upperBound)
            }
        }
        record(&y, scan: inputs, scan, decay, segments: segments, at: offset)
        return y
    }

    /// Blocks in at most `count` parts of a few blocks each.
    static func blockParts(_ blocks: Int, among count: Int) -> [Range<Int>] {
        let parts = min(count, blocks)
        return (0..<parts).map { blocks * $0 / parts..<blocks * ($0 + 1) / parts }
    }

    /// The kernel's arguments for one piece, without its output.
    static func arguments(
        _ inputs: ScanInputs,
        _ scan: SelectiveScan,
        _ decay: Vector,
        _ piece: RecurrentPiece,
        _ offset: Int
    ) -> sk_scan {
        let first = piece.rows.lowerBound
        let (mixed, column) = inputs.mixed
        let enters = mixed.pointer + first * mixed.width + column
        return sk_scan(
            x: UnsafePointer(inputs.x.pointer + first * inputs.x.width),
            step: UnsafePointer(inputs.step.pointer + first * inputs.step.width),
            in: UnsafePointer(enters),
            out: UnsafePointer(enters + scan.states),
            gate: inputs.gate.map {
                UnsafePointer($0.tensor.pointer + first * $0.tensor.width + $0.offset)
            },
            decay: decay.pointer,
            skip: scan.skip.pointer,
            past: piece.past.map { UnsafePointer($0.floats(offset)) },
            next: piece.next.floats(offset),
            y: nil,
            steps: nil,
            ld_x: inputs.x.width,
            ld_step: inputs.step.width,
            ld_in: mixed.width,
            ld_gate: inputs.gate?.tensor.width ?? 0,
            ld_y: 0,
            rows: piece.rows.count,
            channels: scan.channels,
            states: scan.states
        )
    }
}
