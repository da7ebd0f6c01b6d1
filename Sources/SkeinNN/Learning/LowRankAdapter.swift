public import SkeinTensor

/// A matrix that learns only by a product of two thin ones: W = W₀ + (α / r) · B · A.
///
/// The layers meet W itself, so they run at full speed and know nothing of the adapter. Their gradient
/// dW becomes dB = (α / r) · dW · Aᵀ and dA = (α / r) · Bᵀ · dW, which is exact.
///
/// - Paper: Hu et al. 2021, arXiv:2106.09685, section 4.1.
public final class LowRankAdapter {
    /// W, which the layers read; it holds W₀ + (α / r) · B · A.
    public let target: Parameter
    /// A, `[r, inputs]`: small at random in the beginning.
    public let down: Parameter
    /// B, `[outputs, r]`: zeros in the beginning.
    public let up: Parameter
    /// α / r.
    public let scale: Float
    private let original: [Float]
    private let processor: Processor

    /// r.
    public var rank: Int { down.rows }

    /// Freezes a matrix and puts an adapter on it.
    ///
    /// - Precondition: The target is a matrix; `rank` is above 0.
    public init(_ target: Parameter, rank: Int, alpha: Float, seed: UInt64, processor: Processor) {
        precondition(target.shape.count == 2 && rank > 0, "an adapter of rank \(rank)")
        self.target = target
        self.processor = processor
        scale = alpha / Float(rank)
        original = target.values
        var stream: UInt32 = 2_166_136_261
        for byte in target.name.utf8 { stream = (stream ^ UInt32(byte)) &* 16_777_619 }
        let generator = Philox(NoiseKey(seed: seed, stream: stream))
        // As Kaiming's uniform rule with a = √5 has it: within 1 / √inputs.
        let bound = 1 / Double(target.width).squareRoot()
        down = Parameter(
            target.name + ".lora_A",
            shape: [rank, target.width],
            values: (0..<rank * target.width).map {
                Float((2 * generator.uniform(at: UInt64($0)) - 1) * bound)
            }
        )
        up = Parameter(
            target.name + ".lora_B",
            shape: [target.rows, rank],
            values: [Float](repeating: 0, count: target.rows * rank)
        )
    }

    /// Turns the target's gradient into those of A and B.
    ///
    /// Tasks own rows of dB and columns of dA, so no sum is shared.
    public func takeGradient() {
        let (width, rows, rank, scale) = (target.width, target.rows, rank, scale)
        let (a, b) = (down.values, up.values)
        nonisolated(unsafe) let gradient = unsafe target.gradient
        nonisolated(unsafe) let forUp = unsafe up.gradient
        nonisolated(unsafe) let forDown = unsafe down.gradient
        processor.pool.run(count: rows, grain: max(1, 1 << 16 / max(width * rank, 1))) { range in
            for output in range {
                for r in 0..<rank {
                    var sum: Float = 0
                    for input in 0..<width {
                        unsafe sum += gradient[output * width + input] * a[r * width + input]
                    }
                    unsafe forUp[output * rank + r] += scale * sum
                }
            }
        }
        processor.pool.run(count: width, grain: max(16, 1 << 16 / max(rows * rank, 1))) { range in
            for output in 0..<rows {
                for r in 0..<rank {
                    let weight = scale * b[output * rank + r]
                    for input in range {
                        unsafe forDown[r * width + input] +=
                            weight * gradient[output * width + input]
                    }
                }
            }
        }
        target.clearGradient()
    }

    /// Brings the target up to date with A and B.
    public func apply() {
        target.set(Self.merged(original, up.values, down.values, rank: rank, scale: scale))
    }

    /// W₀ + scale · B · A.
    ///
    /// - Parameters:
    ///   - original: W₀, `[outputs, inputs]`.
    ///   - up: B, `[outputs, r]`.
    ///   - down: A, `[r, inputs]`.
    ///   - rank: r.
    ///   - scale: α / r.
    /// - Returns: W.
    public static func merged(
        _ original: [Float],
        _ up: [Float],
        _ down: [Float],
        rank: Int,
        scale: Float
    ) -> [Float] {
        let width = down.count / max(rank, 1)
        var result = original
        for output in 0..<up.count / max(rank, 1) {
            for r in 0..<rank {
                let weight = scale * up[output * rank + r]
                for input in 0..<width {
                    result[output * width + input] += weight * down[r * width + input]
                }
            }
        }
        return result
    }
}
