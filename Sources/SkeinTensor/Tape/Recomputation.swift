extension Tape {
    /// What a pass that learns does beyond recording.
    public struct Rule: Sendable, Hashable {
        /// Whether blocks keep only their input and run once more on the way back: less memory for a
        /// third more work.
        ///
        /// - Paper: Chen et al. 2016, arXiv:1604.06174, section 4.1.
        public var recomputesBlocks: Bool
        /// Dropout of what blocks add to the residual stream.
        public var dropout: Dropout?
        /// What products with weights compute in.
        public var precision: Precision

        /// Joins the choices.
        public init(
            recomputesBlocks: Bool = false,
            dropout: Dropout? = nil,
            precision: Precision = .f32
        ) {
            self.recomputesBlocks = recomputesBlocks
            self.dropout = dropout
            self.precision = precision
        }
    }

    /// What products with weights compute in while a model learns.
    public enum Precision: String, Sendable, CaseIterable {
        /// Floats of 32 bits.
        case f32
        /// Factors rounded to bf16, sums in f32: weights, gradients, moments and all that is no such
        /// product stay f32. A processor without bf16 products rounds only what it packs, the weights
        /// there and one factor on the way back, and is no faster.
        ///
        /// - Paper: Micikevicius et al. 2018, arXiv:1710.03740, section 3.1; Kalamkar et al. 2019,
        ///   arXiv:1905.12322.
        case bf16

        /// The type of the factors.
        var dtype: DType { self == .f32 ? .f32 : .bf16 }
    }
}

extension Processor {
    /// Runs a block of operations; where the tape's rule says so, only the block's input is kept.
    ///
    /// - Parameters:
    ///   - x: What enters the block.
    ///   - body: The block; it may run twice and must do the same both times.
    /// - Returns: What leaves it.
    public func block(
        _ x: consuming Tensor,
        _ body: @escaping (consuming Tensor, Processor) -> Tensor
    ) -> Tensor {
        guard let tape, tape.rule.recomputesBlocks else { return body(x, self) }
        let input = copy x
        var rule = tape.rule
        rule.recomputesBlocks = false
        var y = body(x, learning(by: rule))
        let processor = unrecorded
        tape.record(&y) { dy, tape in
            let inner = Tape(rule)
            let watched = inner.watch(input)
            let again = body(watched, processor.recording(on: inner))
            inner.backward([(again, dy)], on: processor)
            if let dx = inner.gradient(of: watched) { tape.add(dx, to: input.node, processor) }
        }
        return y
    }
}
