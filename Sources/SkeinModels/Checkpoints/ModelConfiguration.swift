public import SkeinCore
internal import SkeinNN

/// A model's configuration under the keys of `config.json`, with typed, checked access.
public struct ModelConfiguration: Sendable {
    /// The values.
    public var values: JSON
    /// Where they come from, for messages.
    public var source: String

    /// Wraps values.
    public init(_ values: JSON, source: String) {
        self.values = values
        self.source = source
    }

    /// The family: `model_type`.
    public var family: String { values["model_type"]?.string ?? "" }

    /// Whether a new model of the family has a bias of this name.
    func hasBias(_ name: String) -> Bool {
        switch family {
        case "gpt2": true
        case "mamba":
            name.hasSuffix("dt_proj.bias")
                || name.hasSuffix("conv1d.bias") && flag("use_conv_bias", default: true)
                || name.hasSuffix("x_proj.bias") && flag("time_invariant", default: false)
                || ["in_proj.bias", "out_proj.bias"].contains { name.hasSuffix($0) }
                    && flag("use_bias", default: false)
        default: false
        }
    }

    /// The ids that end an answer: `eos_token_id`, one or several.
    public var stopTokens: Set<Int32> {
        let value = values["eos_token_id"]
        let ids = value?.array?.compactMap(\.int) ?? value?.int.map { [$0] } ?? []
        return Set(ids.compactMap { Int32(exactly: $0) })
    }

    /// A positive integer that must be there.
    func integer(_ keys: String...) throws -> Int {
        for key in keys {
            if let value = try optionalInteger(key) { return value }
        }
        throw SkeinError(.corruptFile, "\(source) has no \(keys.joined(separator: " or "))")
    }

    /// A positive integer, or one that is not below a bound, if it is there.
    func optionalInteger(_ key: String, atLeast bound: Int = 1) throws -> Int? {
        guard let value = values[key], !value.isNull else { return nil }
        guard let number = value.int, number >= bound, number < 1 << 31 else {
            throw SkeinError(
                .corruptFile,
                "\(source): \(key) is \(value.text()), expected a"
                    + (bound == 1 ? " positive integer" : "n integer of at least \(bound)")
            )
        }
        return number
    }

    /// A finite number with a default.
    func number(_ key: String, default fallback: Double) throws -> Double {
        guard let value = values[key], !value.isNull else { return fallback }
        guard let number = value.double, number.isFinite else {
            throw SkeinError(
                .corruptFile,
                "\(source): \(key) is \(value.text()), expected a number"
            )
        }
        return number
    }

    /// A boolean with a default.
    func flag(_ key: String, default fallback: Bool) -> Bool { values[key]?.bool ?? fallback }

    /// Each layer's sliding window, `nil` where it sees all; empty when there is no window at all.
    ///
    /// - Parameter slides: Whether a layer has the window, where `layer_types` does not say.
    /// - Returns: One entry a layer, or none.
    /// - Throws: `SkeinError.Code.corruptFile` for a list of another length than the layers.
    func slidingWindows(_ slides: (Int) -> Bool) throws -> [Int?] {
        guard let window = try optionalInteger("sliding_window") else { return [] }
        let layers = 0..<(try integer("num_hidden_layers"))
        guard let types = values["layer_types"]?.array else {
            return layers.map { slides($0) ? window : nil }
        }
        guard types.count == layers.count else {
            throw SkeinError(
                .corruptFile,
                "\(source): layer_types has \(types.count) entries, expected one for each of"
                    + " \(layers.count) layers"
            )
        }
        return types.map { $0.string == "sliding_attention" ? window : nil }
    }

    /// The scaling of rotary frequencies: `rope_scaling`, or `rope_parameters` of newer files.
    func rotaryScaling(contextLength: Int) throws -> RotaryEmbedding.Scaling {
        let table = values["rope_scaling"]?.object ?? values["rope_parameters"]?.object
        guard let table else { return .none }
        let scaling = Self(.object(table), source: "\(source), rope scaling")
        let kind = (table["rope_type"] ?? table["type"])?.string ?? "default"
        let factor = try scaling.number("factor", default: 1)
        let original = try scaling.number(
            "original_max_position_embeddings",
            default: number("original_max_position_embeddings", default: Double(contextLength))
        )
        guard factor > 0, original > 0 else {
            throw SkeinError(.corruptFile, "\(scaling.source): factor \(factor), expected above 0")
        }
        switch kind {
        case "default": return .none
        case "linear": return .linear(factor: factor)
        case "llama3":
            return .llama3(
                factor: factor,
                lowFactor: try scaling.number("low_freq_factor", default: 1),
                highFactor: try scaling.number("high_freq_factor", default: 4),
                originalContext: original
            )
        case "yarn":
            return .yarn(
                factor: factor,
                betaFast: try scaling.number("beta_fast", default: 32),
                betaSlow: try scaling.number("beta_slow", default: 1),
                originalContext: original,
                attentionFactor: try scaling.yarnAttention(factor),
                isTruncated: scaling.flag("truncate", default: true)
            )
        default:
            throw SkeinError(
                .unsupported,
                "\(scaling.source): type \"\(kind)\"; known are default, linear, llama3 and yarn"
            )
        }
    }

    /// θ, which newer files keep inside `rope_parameters`.
    func rotaryBase(default fallback: Double) throws -> Double {
        let inner = values["rope_parameters"]?["rope_theta"]?.double
        let base = try number("rope_theta", default: inner ?? fallback)
        guard base > 0 else { throw SkeinError(.corruptFile, "\(source): rope_theta is \(base)") }
        return base
    }

    private func yarnAttention(_ factor: Double) throws -> Double {
        func magnitude(_ scale: Double) -> Double {
            factor <= 1 ? 1 : 0.1 * scale * Elementary.log(factor) + 1
        }
        let all = try number("mscale_all_dim", default: 0)
        let one = try number("mscale", default: 0)
        let fallback = all > 0 && one > 0 ? magnitude(one) / magnitude(all) : magnitude(1)
        return try number("attention_factor", default: fallback)
    }
}

extension ModelConfiguration {
    /// The same under Hugging Face's keys, where a checkpoint of the original Mamba repository says it
    /// in its own.
    ///
    /// - Throws: `SkeinError.Code.unsupported` for a variant that is not Mamba 1.
    func translated() throws -> Self {
        guard values["model_type"] == nil, values["ssm_cfg"] != nil || values["d_model"] != nil,
            case .object(var object) = values
        else { return self }
        let layer = values["ssm_cfg"]?["layer"]?.string ?? "Mamba1"
        guard layer == "Mamba1" else {
            throw SkeinError(.unsupported, "\(source): a layer of \(layer); known is Mamba1")
        }
        if let attention = values["attn_layer_idx"]?.array, !attention.isEmpty {
            throw SkeinError(
                .unsupported,
                "\(source): attention in layers between Mamba's; known are models without"
            )
        }
        guard try optionalInteger("d_intermediate", atLeast: 0) ?? 0 == 0 else {
            throw SkeinError(
                .unsupported,
                "\(source): feed-forward layers between Mamba's; known are models without"
            )
        }
        object["model_type"] = .string("mamba")
        object["hidden_size"] = .int(try integer("d_model"))
        object["num_hidden_layers"] = .int(try integer("n_layer"))
        let multiple = try optionalInteger("pad_vocab_size_multiple") ?? 8
        let vocabulary = try integer("vocab_size")
        object["vocab_size"] = .int((vocabulary + multiple - 1) / multiple * multiple)
        object["tie_word_embeddings"] = .bool(flag("tie_embeddings", default: true))
        for (from, to) in [
            ("d_state", "state_size"), ("d_conv", "conv_kernel"), ("expand", "expand"),
            ("dt_rank", "time_step_rank"),
        ] {
            if let value = values["ssm_cfg"]?[from] { object[to] = value }
        }
        return Self(.object(object), source: source)
    }
}
