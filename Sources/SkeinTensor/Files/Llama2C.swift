internal import SkeinCore

/// A model in llama2.c's `.bin` layout, version 0 (no magic number) or 1, in f32.
///
/// The tensors carry Hugging Face's names (`model.layers.0.self_attn.q_proj.weight`), but their rows
/// stay in the order of the file: rotary embedding turns adjacent pairs `(2i, 2i + 1)` of each head,
/// not the halves `(i, i + half)` that Hugging Face's checkpoints are permuted for.
public struct Llama2C: TensorFile {
    /// The model's dimensions, as the header gives them.
    public struct Configuration: Sendable, Hashable {
        /// Width of the residual stream.
        public let width: Int
        /// Width of the feed-forward layers.
        public let hiddenWidth: Int
        /// How many layers there are.
        public let layers: Int
        /// How many query heads a layer has.
        public let heads: Int
        /// How many key-value heads a layer has.
        public let keyValueHeads: Int
        /// How many tokens the vocabulary has.
        public let vocabulary: Int
        /// The longest sequence the model was trained for.
        public let contextLength: Int
        /// Whether the head is the embedding itself.
        public let isHeadTied: Bool

        /// Width of one head.
        public var headWidth: Int { width / heads }
    }

    /// The names in the order of the file.
    public let names: [String]
    /// The tensors by name.
    public let tensors: [String: TensorRecord]
    /// The dimensions.
    public let configuration: Configuration
    /// The version of the layout: 0 or 1.
    public let version: Int

    /// Maps and checks a file.
    ///
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure`, `.corruptFile` or `.unsupported`.
    public init(contentsOf path: String) throws {
        try self.init(parsing: MappedFile(path: path))
    }

    /// Checks bytes that are already mapped.
    ///
    /// - Throws: `SkeinError` with `.corruptFile` or `.unsupported`.
    public init(parsing file: MappedFile) throws {
        let header = try file.withUnsafeBytes { try Llama2CHeader($0, path: file.path) }
        var layout = Llama2CLayout(header.configuration, file: file, position: header.end)
        if header.version == 0 {
            try layout.layVersion0()
        } else {
            try layout.layVersion1()
        }
        guard layout.position == file.count else {
            throw SkeinError(
                .corruptFile,
                "\(file.path): the weights end at byte \(layout.position), but the file has "
                    + "\(file.count)"
            )
        }
        configuration = header.configuration
        version = header.version
        names = layout.names
        tensors = layout.tensors
    }
}

/// The checked header of a llama2.c file.
private struct Llama2CHeader {
    let version: Int
    let configuration: Llama2C.Configuration
    let end: Int

    static let magic: UInt32 = 0x616b_3432

    init(_ bytes: UnsafeRawBufferPointer, path: String) throws {
        var cursor = ByteCursor(bytes, path: path)
        let isVersioned =
            bytes.count >= 4
            && UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)) == Self.magic
        if isVersioned {
            _ = try cursor.skip(4, "the magic number")
            let number = try cursor.read(Int32.self, "the version")
            guard number == 1 else {
                throw SkeinError(
                    .unsupported,
                    "\(path): llama2.c layout version \(number); versions 0 and 1 are read",
                    hint: "export the model with --version 1"
                )
            }
        }
        version = isVersioned ? 1 : 0
        var fields: [Int] = []
        for name in [
            "dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len",
        ] {
            let value = Int(try cursor.read(Int32.self, name))
            let size = name == "vocab_size" && !isVersioned ? abs(value) : value
            guard size > 0 else {
                throw SkeinError(
                    .corruptFile,
                    "\(path): \(name) is \(value), expected a positive number",
                    hint: "this may not be a llama2.c file"
                )
            }
            fields.append(value)
        }
        var isTied = fields[5] > 0
        if isVersioned {
            isTied = try cursor.read(UInt8.self, "the flag for a shared head") != 0
            _ = try cursor.skip(256 - cursor.position, "the header's padding")
        }
        end = cursor.position
        let heads = fields[3]
        guard fields[0] % heads == 0, fields[0] / heads % 2 == 0, heads % fields[4] == 0 else {
            throw SkeinError(
                .corruptFile,
                "\(path): dim \(fields[0]), n_heads \(heads) and n_kv_heads \(fields[4]) do not "
                    + "divide",
                hint: "this may not be a llama2.c file"
            )
        }
        configuration = Llama2C.Configuration(
            width: fields[0],
            hiddenWidth: fields[1],
            layers: fields[2],
            heads: heads,
            keyValueHeads: fields[4],
            vocabulary: abs(fields[5]),
            contextLength: fields[6],
            isHeadTied: isTied
        )
    }
}

/// Walks the weights in the order of the file and names them.
private struct Llama2CLayout {
    let configuration: Llama2C.Configuration
    let file: MappedFile
    var position: Int
    var names: [String] = []
    var tensors: [String: TensorRecord] = [:]

    init(_ configuration: Llama2C.Configuration, file: MappedFile, position: Int) {
        self.configuration = configuration
        self.file = file
        self.position = position
    }

    mutating func layVersion0() throws {
        try embedding()
        try perLayer("input_layernorm", [configuration.width])
        try attention()
        try perLayer("post_attention_layernorm", [configuration.width])
        try feedForward()
        try one("model.norm.weight", [configuration.width])
        // Two tables of rotary factors follow, which are computed afresh instead.
        for _ in 0..<2 {
            _ = try take(
                "the rotary table",
                [configuration.contextLength, configuration.headWidth / 2]
            )
        }
        try head()
    }

    mutating func layVersion1() throws {
        try perLayer("input_layernorm", [configuration.width])
        try perLayer("post_attention_layernorm", [configuration.width])
        try one("model.norm.weight", [configuration.width])
        try embedding()
        try attention()
        try feedForward()
        try head()
    }

    private mutating func embedding() throws {
        try one("model.embed_tokens.weight", [configuration.vocabulary, configuration.width])
    }

    private mutating func attention() throws {
        let width = configuration.width
        let keyValueWidth = configuration.keyValueHeads * configuration.headWidth
        try perLayer("self_attn.q_proj", [width, width])
        try perLayer("self_attn.k_proj", [keyValueWidth, width])
        try perLayer("self_attn.v_proj", [keyValueWidth, width])
        try perLayer("self_attn.o_proj", [width, width])
    }

    private mutating func feedForward() throws {
        let (width, hidden) = (configuration.width, configuration.hiddenWidth)
        try perLayer("mlp.gate_proj", [hidden, width])
        try perLayer("mlp.down_proj", [width, hidden])
        try perLayer("mlp.up_proj", [hidden, width])
    }

    private mutating func head() throws {
        guard !configuration.isHeadTied else { return }
        try one("lm_head.weight", [configuration.vocabulary, configuration.width])
    }

    private mutating func perLayer(_ name: String, _ shape: [Int]) throws {
        for layer in 0..<configuration.layers {
            try one("model.layers.\(layer).\(name).weight", shape)
        }
    }

    private mutating func one(_ name: String, _ shape: [Int]) throws {
        let range = try take(name, shape)
        names.append(name)
        tensors[name] = TensorRecord(
            name: name,
            dtype: .f32,
            shape: shape,
            file: file,
            byteRange: range
        )
    }

    private mutating func take(_ name: String, _ shape: [Int]) throws -> Range<Int> {
        let count = Checked.product(shape)
        guard let bytes = count.flatMap({ DType.f32.bytes(for: $0) }),
            bytes <= file.count - position
        else {
            throw SkeinError(
                .corruptFile,
                "\(file.path): \(name) of shape \(shape) needs more than the "
                    + "\(file.count - position) bytes left at byte \(position)",
                hint: "the file is truncated, or it is not a llama2.c file"
            )
        }
        defer { position += bytes }
        return position..<position + bytes
    }
}
