internal import SkeinCore

/// SmolLM 3: the Llama stack in which some layers know no positions, and only those may have windows.
///
/// - Paper: layers without positions: Yang et al. 2025, arXiv:2501.18795, section 3.
enum SmolLM3 {
    /// Loads a model.
    static func load(_ loader: inout ParameterLoader) throws -> TransformerDecoder {
        let configuration = loader.checkpoint.configuration
        let isRotated = try rotations(configuration)
        let slides = configuration.flag("use_sliding_window", default: false)
        return try LlamaStack(
            rotaryBase: 2_000_000,
            isRotated: isRotated,
            windows: slides ? configuration.slidingWindows { !isRotated[$0] } : []
        ).load(&loader)
    }

    /// Whether each layer rotates its heads: a list, or all but every fourth.
    private static func rotations(_ configuration: ModelConfiguration) throws -> [Bool] {
        let layers = try configuration.integer("num_hidden_layers")
        guard let list = configuration.values["no_rope_layers"]?.array else {
            let interval = try configuration.optionalInteger("no_rope_layer_interval") ?? 4
            return (0..<layers).map { ($0 + 1) % interval != 0 }
        }
        guard list.count == layers else {
            throw SkeinError(
                .corruptFile,
                "\(configuration.source): no_rope_layers has \(list.count) entries, expected one for"
                    + " each of \(layers) layers"
            )
        }
        return list.map { $0.int != 0 }
    }
}
