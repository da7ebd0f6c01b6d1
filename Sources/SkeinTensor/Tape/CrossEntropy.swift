internal import CSkeinKernels
internal import SkeinCore

/// How logits are judged against the tokens that came.
public struct CrossEntropy: Sendable, Hashable {
    /// The share of each target that is spread evenly over all tokens.
    ///
    /// - Paper: Szegedy et al. 2016, arXiv:1512.00567, section 7.
    public var labelSmoothing: Float
    /// The weight of the square of the logits' log-sum-exp.
    ///
    /// - Paper: Chowdhery et al. 2022, arXiv:2204.02311, section 5.
    public var zLossWeight: Float
    /// What gradients are multiplied by; 1 / (targets of the whole step) makes their mean.
    public var gradientScale: Float
    /// The rows whose logits exist at a time.
    public var chunkRows: Int

    /// Creates a rule.
    public init(
        labelSmoothing: Float = 0,
        zLossWeight: Float = 0,
        gradientScale: Float = 1,
        chunkRows: Int = 256
    ) {
        self.labelSmoothing = labelSmoothing
        self.zLossWeight = zLossWeight
        self.gradientScale = gradientScale
        self.chunkRows = chunkRows
    }

    /// The target of a row that is not judged.
    public static let ignored: Int32 = -1

    /// What the rows of a pass lost together.
    public struct Outcome: Sendable, Hashable {
        /// The sum of the judged rows' losses, in nats.
        public var sum: Double
        /// The number of judged rows.
        public var count: Int

        /// The mean loss of a judged row.
        public var mean: Double { count == 0 ? 0 : sum / Double(count) }
    }
}

extension Processor {
    /// The loss of rows of hidden state: final norm, output projection and cross-entropy in one.
    ///
    /// Logits of `chunkRows` rows exist at a time. On a recording processor their gradients are made at
    /// once, added to the projection's, and kept as the gradient of the projection's input.
    ///
    /// - Parameters:
    ///   - hidden: `[rows, C]`.
    ///   - prologue: The final norm.
    ///   - projection: The output head.
    ///   - targets: The token that came after each row, or `CrossEntropy.ignored`.
    ///   - rule: How they are judged.
    /// - Returns: The rows' loss.
    /// - Throws: `SkeinError.Code.invalidArgument` for a target outside the vocabulary.
    public func crossEntropy(
        _ hidden: Tensor,
        after prologue: Prologue,
        through projection: Projection,
        targets: [Int32],
        rule: CrossEntropy = CrossEntropy()
    ) throws -> CrossEntropy.Outcome {
        precondition(targets.count == hidden.rows, "\(targets.count) targets, \(hidden.rows) rows")
        try Self.check(
            targets.filter { $0 != CrossEntropy.ignored },
            rows: projection.outputs,
            of: "the head"
        )
        let processor = unrecorded
        let gradients =
            tape == nil ? nil : Tensor(rows: hidden.rows, width: projection.inputs, arena: arena)
        var outcome = CrossEntropy.Outcome(sum: 0, count: 0)
        let weights = projection.lend(processor)
        let transposed = gradients.map { _ in processor.packTransposed(projection) }
        for first in stride(from: 0, to: hidden.rows, by: max(rule.chunkRows, 1)) {
            let range = first..<min(first + rule.chunkRows, hidden.rows)
            let rows = processor.gather(hidden, rows: range.map { Int32($0) })
            let plain = prologue.isNone ? rows : processor.apply(prologue, to: rows)
            let logits = processor.project(plain, through: projection, weights)
            for loss in processor.judge(logits, targets[range], rule) {
                outcome.sum += loss
            }
            outcome.count += targets[range].count { $0 != CrossEntropy.ignored }
            guard let gradients else { continue }
            let part = processor.backward(
                logits,
                of: plain,
                through: projection,
                transposed: transposed
            )
            (gradients.pointer + first * part.width).update(from: part.pointer, count: part.count)
        }
        if let tape, let gradients {
            let plain = gradients
            var loss = Tensor(rows: 0, width: 0, arena: arena)
            tape.record(&loss) { _, tape in
                processor.backward(plain, of: hidden, before: prologue, tape)
            }
            tape.add(loss, to: loss.node, processor)
        }
        return outcome
    }

    /// Turns logits into their gradients; returns each row's loss.
    private func judge(
        _ logits: Tensor,
        _ targets: ArraySlice<Int32>,
        _ rule: CrossEntropy
    ) -> [Double] {
        let (targets, width) = (Array(targets), logits.width)
        let losses = Tensor(rows: targets.count, width: 2, arena: arena)
        pool.run(count: targets.count, grain: max(1, 16384 / max(width, 1))) { [kernels] range in
            var arguments = sk_cross_entropy(
                smoothing: rule.labelSmoothing,
                z_weight: rule.zLossWeight,
                scale: rule.gradientScale
            )
            let results = UnsafeMutableRawPointer(losses.pointer)
                .assumingMemoryBound(to: Double.self)
            for row in range {
                let place = logits.pointer + row * width
                guard targets[row] != CrossEntropy.ignored else {
                    place.update(repeating: 0, count: width)
                    results[row] = 0
                    continue
                }
                results[row] = kernels.cross_entropy(place, width, Int(targets[row]), &arguments)
            }
        }
        return UnsafeRawBufferPointer(start: losses.pointer, count: targets.count * 8)
            .withMemoryRebound(to: Double.self) { Array($0) }
    }
}
