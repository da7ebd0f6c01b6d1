internal import SkeinCore
public import SkeinTensor

/// The parameters of a model that learns, in the order its loader met them.
public struct ParameterSet: Sendable {
    /// One parameter and how its checkpoint stores it.
    public struct Entry: Sendable {
        /// The parameter.
        public var parameter: Parameter
        /// Whether the checkpoint holds `[inputs, outputs]`, as GPT-2's original layers do.
        public var isTransposed: Bool
    }

    /// All of them.
    public private(set) var entries: [Entry] = []

    /// Creates an empty set.
    public init() {}

    /// The parameters alone.
    public var parameters: [Parameter] { entries.map(\.parameter) }
    /// The number of values.
    public var count: Int { entries.reduce(0) { $0 + $1.parameter.count } }

    /// A parameter by its name; two uses of one weight share it.
    public subscript(name: String) -> Parameter? {
        let key = ExactKey(name)
        return entries.first { ExactKey($0.parameter.name) == key }?.parameter
    }

    /// Adds a parameter.
    mutating func append(_ parameter: Parameter, isTransposed: Bool) {
        entries.append(Entry(parameter: parameter, isTransposed: isTransposed))
    }
}

/// How the weights of a new model are drawn.
///
/// Matrices and tables are normal with mean 0; norms' weights are 1 and biases 0. Mamba's layers have
/// rules of their own.
public struct Initialization: Sendable, Hashable {
    /// The seed of all draws.
    public var seed: UInt64
    /// The standard deviation.
    public var deviation: Float
    /// Whether matrices that write to the residual stream are divided by √(2 · layers).
    ///
    /// - Paper: Radford et al. 2019, GPT-2, section 2.3.
    public var isResidualScaled: Bool

    /// Creates a rule.
    public init(seed: UInt64, deviation: Float = 0.02, isResidualScaled: Bool = true) {
        self.seed = seed
        self.deviation = deviation
        self.isResidualScaled = isResidualScaled
    }

    /// The values of one weight; a function of the seed and the weight's name alone.
    ///
    /// - Source: Box and Muller 1958: two normal values from one draw.
    func values(_ name: String, shape: [Int], layers: Int, _ pool: ThreadPool) -> [Float] {
        let count = shape.reduce(1, *)
        var stream: UInt32 = 2_166_136_261
        for byte in name.utf8 { stream = (stream ^ UInt32(byte)) &* 16_777_619 }
        let generator = Philox(NoiseKey(seed: seed, stream: stream))
        if name.contains(".mixer.") {
            return MambaInitialization(generator, layers: layers).values(name, shape)
        }
        guard shape.count == 2 else {
            return [Float](repeating: name.hasSuffix("bias") ? 0 : 1, count: count)
        }
        let writes = ["o_proj", "down_proj", "c_proj"].contains { name.contains($0) }
        let scale = isResidualScaled && writes ? 1 / Float(2 * max(layers, 1)).squareRoot() : 1
        let factor = Double(deviation * scale)
        return unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard let base = buffer.baseAddress else { return }
            nonisolated(unsafe) let target = unsafe base
            pool.run(count: (count + 1) / 2, grain: 4096) { range in
                for pair in range {
                    let (cosine, sine) = generator.normals(at: UInt64(pair))
                    unsafe (target + 2 * pair).initialize(to: Float(cosine * factor))
                    guard 2 * pair + 1 < count else { continue }
                    unsafe (target + 2 * pair + 1).initialize(to: Float(sine * factor))
                }
            }
            initialized = count
        }
    }
}

extension Philox {
    /// Two independent normal values, with 53 and 53 random bits behind them.
    func normals(at position: UInt64) -> (Double, Double) {
        let words = words(at: position)
        let first = Double((UInt64(words[0]) << 32 | UInt64(words[1])) >> 11) * 0x1p-53
        let second = Double((UInt64(words[2]) << 32 | UInt64(words[3])) >> 11) * 0x1p-53
        let radius = (-2 * Elementary.log(1 - first)).squareRoot()
        let angle = 2 * Double.pi * second
        return (radius * Elementary.cosine(angle), radius * Elementary.sine(angle))
    }
}
