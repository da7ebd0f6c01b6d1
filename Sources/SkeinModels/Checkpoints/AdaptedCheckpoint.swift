internal import SkeinCore
internal import SkeinNN
public import SkeinTensor

/// A checkpoint with a low-rank adapter merged into its matrices as they are read.
///
/// The adapter is a folder as PEFT writes it: `adapter_config.json` and `adapter_model.safetensors`.
public struct AdaptedCheckpoint: Checkpoint {
    private let base: any Checkpoint
    private let adapters: [String: (down: TensorRecord, up: TensorRecord)]
    private let scale: Float

    private static let prefix = "base_model.model."

    /// Opens an adapter for a checkpoint.
    ///
    /// - Parameters:
    ///   - base: The checkpoint.
    ///   - path: The adapter's folder.
    /// - Throws: `SkeinError.Code.corruptFile` or `.shapeMismatch` for tensors that do not fit,
    ///   `.unsupported` for other kinds of adapter and for checkpoints in another layout.
    public init(_ base: any Checkpoint, adapter path: String) throws {
        let settings = try MappedFile(path: path + "/adapter_config.json").json()
        func unsupported(_ what: String) -> SkeinError {
            SkeinError(
                .unsupported,
                "\(path): \(what)",
                hint: "merge it with the tool that made it"
            )
        }
        guard settings["peft_type"]?.string?.uppercased() == "LORA" else {
            throw unsupported(
                "an adapter of type \(settings["peft_type"]?.text() ?? "none"), not LORA"
            )
        }
        for key in ["use_dora", "use_rslora", "fan_in_fan_out"] where settings[key]?.bool == true {
            throw unsupported("\(key) is not supported")
        }
        for key in ["rank_pattern", "alpha_pattern"]
        where !(settings[key]?.object?.members.isEmpty ?? true) {
            throw unsupported("\(key) is not supported")
        }
        guard let rank = settings["r"]?.int, rank > 0, let alpha = settings["lora_alpha"]?.double
        else {
            throw SkeinError(.corruptFile, "\(path)/adapter_config.json lacks r or lora_alpha")
        }
        guard !base.hasInterleavedRotary, !base.hasTransposedLinears else {
            throw unsupported("adapters go with Hugging Face's layout of matrices alone")
        }
        scale = Float(alpha) / Float(rank)
        let file = try Safetensors(contentsOf: path + "/adapter_model.safetensors")
        var found: [String: (down: TensorRecord, up: TensorRecord)] = [:]
        for (name, record) in file.tensors {
            guard name.hasPrefix(Self.prefix), name.hasSuffix(".lora_A.weight") else {
                guard name.hasSuffix(".lora_B.weight") else {
                    throw unsupported("a tensor \(name)")
                }
                continue
            }
            let stem = String(name.dropLast(".lora_A.weight".count))
            let target = stem.dropFirst(Self.prefix.count) + ".weight"
            guard let up = file.tensors[stem + ".lora_B.weight"],
                let matrix = base.tensor(String(target)), matrix.shape.count == 2,
                record.shape == [rank, matrix.shape[1]], up.shape == [matrix.shape[0], rank]
            else {
                throw SkeinError(
                    .shapeMismatch,
                    "\(path): \(name) \(record.shape) fits no matrix \(target) with rank \(rank)",
                    hint: "the adapter belongs to another model"
                )
            }
            found[String(target)] = (record, up)
        }
        guard !found.isEmpty else {
            throw SkeinError(.corruptFile, "\(path)/adapter_model.safetensors holds no adapter")
        }
        adapters = found
        self.base = base
    }

    /// The base's configuration.
    public var configuration: ModelConfiguration { base.configuration }
    /// As the base.
    public var hasInterleavedRotary: Bool { base.hasInterleavedRotary }
    /// As the base.
    public var hasTransposedLinears: Bool { base.hasTransposedLinears }

    /// A tensor of the base, merged with its adapter as f32 if it has one.
    public func tensor(_ name: String) -> TensorRecord? {
        guard let record = base.tensor(name), let adapter = adapters[name] else {
            return base.tensor(name)
        }
        // Shapes were checked; a type that cannot be decoded fails in the loader, by its own name.
        guard let original = try? record.floats(), let up = try? adapter.up.floats(),
            let down = try? adapter.down.floats()
        else { return record }
        let rank = adapter.down.shape[0]
        let merged = LowRankAdapter.merged(original, up, down, rank: rank, scale: scale)
        let bytes = unsafe merged.withUnsafeBytes { unsafe [UInt8]($0) }
        return TensorRecord(
            name: name,
            dtype: .f32,
            shape: record.shape,
            file: MappedFile(bytes: bytes, path: "\(name) with its adapter"),
            byteRange: 0..<bytes.count
        )
    }

    /// As the base, unless an adapter is merged into the matrix.
    public func groupedFormat(of name: String) throws -> GroupedFormat? {
        guard adapters[name] != nil else { return try base.groupedFormat(of: name) }
        guard try base.groupedFormat(of: name) == nil else {
            throw SkeinError(
                .unsupported,
                "\(name) is quantised; an adapter cannot be merged into it",
                hint: "merge first, then skein quantize"
            )
        }
        return nil
    }
}
