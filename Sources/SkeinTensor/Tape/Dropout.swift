/// Dropout: values of a layer's output become zero by chance, the others grow to keep the mean.
///
/// A draw is a function of seed, pass, place in the network and place in the tensor, so the way back and
/// a pass made again meet the same zeros, with any number of threads.
///
/// - Paper: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".
public struct Dropout: Sendable, Hashable {
    /// p: the chance of a zero, in [0, 1).
    public var rate: Float
    /// The seed of all draws.
    public var seed: UInt64
    /// The number of the pass; each pass over a batch wants its own.
    public var pass: UInt64

    /// Creates a rule.
    ///
    /// - Precondition: `rate` lies in [0, 1).
    public init(rate: Float, seed: UInt64, pass: UInt64) {
        precondition(rate >= 0 && rate < 1, "a dropout rate of \(rate)")
        self.rate = rate
        self.seed = seed
        self.pass = pass
    }

    /// Calls `body` with every place of a range of fours and the factor there: zero or 1 / (1 − p).
    fileprivate func forEach(
        in fours: Range<Int>,
        count: Int,
        site: Int,
        _ body: (Int, Float) -> Void
    ) {
        let generator = Philox(
            NoiseKey(seed: seed &+ pass &* 0x9e37_79b9_7f4a_7c15, stream: .dropout)
        )
        let threshold = UInt32(Double(rate) * 0x1p32)
        let kept = 1 / (1 - rate)
        for four in fours {
            let words = generator.words(at: UInt64(four), lane: UInt32(truncatingIfNeeded: site))
            for lane in 0..<4 where 4 * four + lane < count {
                body(4 * four + lane, words[lane] < threshold ? 0 : kept)
            }
        }
    }
}

extension UInt32 {
    /// The purpose of dropout's draws.
    fileprivate static let dropout: UInt32 = 0xd209_0074
}

extension Processor {
    /// `residual + prologue(x) · Wᵀ + bias`, with dropout of the product where the tape asks for it.
    ///
    /// - Parameters:
    ///   - x: As in `project`.
    ///   - prologue: What is done to each row first.
    ///   - projection: The weights.
    ///   - residual: What the product is added to, `[rows, outputs]`.
    ///   - site: The place in the network; no two places share draws.
    /// - Returns: `[rows, outputs]`.
    public func project(
        _ x: Tensor,
        after prologue: Prologue = .none,
        through projection: Projection,
        addingTo residual: consuming Tensor,
        dropoutSite site: Int
    ) -> Tensor {
        guard let dropout = learningRule?.dropout, dropout.rate > 0 else {
            return project(x, after: prologue, through: projection, addingTo: residual)
        }
        let product = project(x, after: prologue, through: projection)
        return add(product, to: residual, dropping: dropout, site: site)
    }

    /// `residual + dropout(x)`.
    private func add(
        _ x: Tensor,
        to residual: consuming Tensor,
        dropping dropout: Dropout,
        site: Int
    ) -> Tensor {
        let (count, before, node) = (x.count, residual.node, x.node)
        var sum = residual
        nonisolated(unsafe) let target = sum.mutablePointer()
        pool.run(count: (count + 3) / 4, grain: 4096) { fours in
            dropout.forEach(in: fours, count: count, site: site) { place, factor in
                target[place] += x.pointer[place] * factor
            }
        }
        guard let tape else { return sum }
        let processor = unrecorded
        let (rows, width) = (x.rows, x.width)
        tape.record(&sum) { dy, tape in
            let dx = Tensor(rows: rows, width: width, arena: processor.arena)
            processor.pool.run(count: (count + 3) / 4, grain: 4096) { fours in
                dropout.forEach(in: fours, count: count, site: site) { place, factor in
                    dx.pointer[place] = dy.pointer[place] * factor
                }
            }
            tape.add(dx, to: node, processor)
            tape.add(dy, to: before, processor)
        }
        return sum
    }
}
