internal import SkeinCore
internal import SkeinNN
internal import SkeinTensor

/// Mamba, under the names of transformers, of the original repository and of GGUF.
///
/// - Paper: Gu and Dao 2023, arXiv:2312.00752.
enum Mamba {
    /// The sizes of a layer.
    private struct Shape {
        var width: Int
        var channels: Int
        var states: Int
        var taps: Int
        var rank: Int
    }

    /// Loads a model.
    static func load(_ loader: inout ParameterLoader) throws -> MambaDecoder {
        let configuration = loader.checkpoint.configuration
        let width = try configuration.integer("hidden_size")
        let layers = try configuration.integer("num_hidden_layers")
        let vocabulary = try configuration.integer("vocab_size")
        let epsilon = Float(
            try configuration.number(
                "layer_norm_epsilon",
                default: configuration.number("rms_norm_eps", default: 1e-5)
            )
        )
        let shape = try shape(configuration, width)
        let embedding = try loader.embedding(
            "backbone.embeddings.weight",
            orHead: "lm_head.weight",
            [vocabulary, width]
        )
        var blocks: [MambaDecoder.Block] = []
        for layer in 0..<layers {
            let name = "backbone.layers.\(layer)"
            blocks.append(
                MambaDecoder.Block(
                    norm: .rmsNorm(
                        weight: try loader.vector("\(name).norm.weight", width),
                        epsilon: epsilon
                    ),
                    mixer: try mixer(&loader, "\(name).mixer", shape)
                )
            )
        }
        let norm = try loader.vector("backbone.norm_f.weight", width)
        let head = try loader.head("lm_head.weight", tiedTo: embedding, [vocabulary, width])
        return MambaDecoder(
            description: loader.description(
                vocabulary: vocabulary,
                width: width,
                layers: layers,
                context: try configuration.optionalInteger("max_position_embeddings") ?? 1 << 20
            ),
            weights: loader.weights,
            learned: loader.learned,
            embedding: embedding,
            blocks: blocks,
            finalNorm: .rmsNorm(weight: norm, epsilon: epsilon),
            head: head
        )
    }

    private static func shape(_ configuration: ModelConfiguration, _ width: Int) throws -> Shape {
        let activation = configuration.values["hidden_act"]?.string ?? "silu"
        guard ["silu", "swish"].contains(activation) else {
            throw SkeinError(
                .unsupported,
                "\(configuration.source): activation \"\(activation)\"; known is silu"
            )
        }
        let channels =
            try configuration.optionalInteger("intermediate_size")
            ?? (configuration.optionalInteger("expand") ?? 2) * width
        let isAutomatic = configuration.values["time_step_rank"]?.string == "auto"
        let shape = Shape(
            width: width,
            channels: channels,
            states: try configuration.optionalInteger("state_size") ?? 16,
            taps: try configuration.optionalInteger("conv_kernel") ?? 4,
            rank: try isAutomatic
                ? (width + 15) / 16
                : configuration.optionalInteger("time_step_rank") ?? (width + 15) / 16
        )
        guard shape.states <= 256, shape.taps <= 64 else {
            throw SkeinError(
                .unsupported,
                "\(configuration.source): \(shape.states) states and \(shape.taps) taps; at most"
                    + " 256 and 64 are supported"
            )
        }
        return shape
    }

    private static func mixer(
        _ loader: inout ParameterLoader,
        _ name: String,
        _ shape: Shape
    ) throws -> MambaMixer {
        let channels = shape.channels
        return MambaMixer(
            input: try loader.projection([("\(name).in_proj", 2 * channels)], inputs: shape.width),
            convolution: CausalConvolution(
                weight: try loader.array(
                    "\(name).conv1d.weight",
                    [channels, 1, shape.taps],
                    or: [channels, shape.taps]
                ),
                bias: try loader.optionalVector("\(name).conv1d.bias", channels),
                channels: channels,
                taps: shape.taps
            ),
            mixing: try mixing(&loader, "\(name).x_proj", shape),
            step: try loader.projection([("\(name).dt_proj", channels)], inputs: shape.rank),
            scan: try scan(&loader, name, shape),
            output: try loader.projection([("\(name).out_proj", shape.width)], inputs: channels)
        )
    }

    /// From x to step, B and C; of a time-invariant layer, biases alone.
    private static func mixing(
        _ loader: inout ParameterLoader,
        _ name: String,
        _ shape: Shape
    ) throws -> Projection {
        let outputs = shape.rank + 2 * shape.states
        let projection = try loader.projection([(name, outputs)], inputs: shape.channels)
        if loader.checkpoint.configuration.flag("time_invariant", default: false),
            let weight = projection.parts[0].matrix.parameter
        {
            weight.set([Float](repeating: 0, count: weight.count))
            weight.isFrozen = true
        }
        return projection
    }

    private static func scan(
        _ loader: inout ParameterLoader,
        _ name: String,
        _ shape: Shape
    ) throws -> SelectiveScan {
        let size = [shape.channels, shape.states]
        let skip = try loader.array("\(name).D", [shape.channels])
        // GGUF files hold A itself.
        if loader.checkpoint.tensor("\(name).A") != nil {
            let rates = try loader.array("\(name).A", size).values
            if let bad = rates.firstIndex(where: { $0 > 0 }) {
                throw SkeinError(
                    .corruptFile,
                    "\(name).A[\(bad)] is \(rates[bad]), expected at most 0: the state would grow"
                )
            }
            return SelectiveScan(rates: rates, skip: skip, states: shape.states)
        }
        let logarithms = try loader.array("\(name).A_log", size)
        if let parameter = logarithms.parameter {
            return SelectiveScan(logarithms: parameter, skip: skip, states: shape.states)
        }
        let rates = logarithms.values.map { -Elementary.exp($0) }
        return SelectiveScan(rates: rates, skip: skip, states: shape.states)
    }
}
