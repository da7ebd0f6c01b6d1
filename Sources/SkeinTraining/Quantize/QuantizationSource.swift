internal import SkeinCore
internal import SkeinModels
public import SkeinTensor

/// A checkpoint that is about to be quantised, tensor by tensor.
public struct QuantizationSource: Sendable {
    /// What a tensor is to a model, as far as its precision goes.
    public enum Role: String, Sendable {
        /// A linear layer of a block.
        case linear
        /// The token embedding or the output head.
        case head
        /// Norms, biases, positions and all else that stays as it is.
        case other
    }

    /// Where the tensors come from.
    enum Origin: Sendable {
        case directory(String)
        case gguf(GGUF)
    }

    /// The path that was given.
    public let path: String
    /// The tensors in the order of the file.
    public let tensors: [TensorRecord]
    let origin: Origin
    /// Whether the family stores linear layers as `[inputs, outputs]`.
    private let hasTransposedLinears: Bool
    /// Whether the output head is the embedding.
    let isTied: Bool

    /// Whether it is a GGUF file.
    var isGGUF: Bool {
        if case .gguf = origin { true } else { false }
    }

    /// Opens a checkpoint.
    ///
    /// - Parameter path: A Hugging Face directory or a GGUF file.
    /// - Throws: `SkeinError.Code.unsupported` for weights that are quantised already, and errors of the
    ///   files.
    public init(path: String) throws {
        self.path = path
        let checkpoint = try LanguageModelLoader.checkpoint(path)
        let files: any TensorFile
        switch checkpoint {
        case let gguf as GGUFCheckpoint:
            origin = .gguf(gguf.file)
            files = gguf.file
        case is HuggingFaceCheckpoint:
            var directory = path
            if MappedFile.isDirectory(path) == false, let slash = path.lastIndex(of: "/") {
                directory = String(path[..<slash])
            }
            origin = .directory(directory)
            files = try SafetensorsDirectory(path: directory)
        default:
            throw SkeinError(
                .unsupported,
                "\(path) is neither a Hugging Face directory nor a GGUF file",
                hint: "convert it to one of the two first"
            )
        }
        tensors = files.names.compactMap { files.tensors[$0] }
        hasTransposedLinears = checkpoint.hasTransposedLinears
        isTied = checkpoint.configuration.values["tie_word_embeddings"]?.bool ?? false
        let isGrouped = checkpoint.configuration.values["quantization_config"]?.object != nil
        let bad = tensors.first { $0.dtype.isQuantized && $0.shape.count == 2 }
        guard bad == nil, !isGrouped else {
            throw SkeinError(
                .unsupported,
                "\(path) is quantised already"
                    + (bad.map { ": \($0.name) is \($0.dtype.name)" } ?? ""),
                hint: "quantise the original f32, f16 or bf16 checkpoint; errors would add up"
            )
        }
    }

    /// What a tensor is to the model.
    ///
    /// - Parameter tensor: One of the checkpoint's.
    /// - Returns: Its role; matrices with other than float values have none.
    public func role(of tensor: TensorRecord) -> Role {
        let name = tensor.name
        guard tensor.shape.count == 2, [.f32, .f16, .bf16].contains(tensor.dtype),
            name.hasSuffix("weight")
        else { return .other }
        func mentions(_ words: [String]) -> Bool { words.contains { name.contains($0) } }
        // A convolution's taps are no matrix product's, though they lie in two axes.
        let others = ["wpe", "position", "token_type", "norm", "LayerNorm", "conv1d"]
        if mentions(others) { return .other }
        let isHead = mentions([
            "lm_head", "embed_tokens", "wte", "token_embd", "word_embeddings", "backbone.embedding",
        ])
        return isHead || name == "output.weight" ? .head : .linear
    }

    /// Whether a matrix's rows are its inputs.
    func isTransposed(_ tensor: TensorRecord) -> Bool {
        hasTransposedLinears && tensor.name.contains(".c_")
    }

    /// N and K of a matrix.
    func shape(_ tensor: TensorRecord) -> (outputs: Int, inputs: Int) {
        isTransposed(tensor)
            ? (tensor.shape[1], tensor.shape[0]) : (tensor.shape[0], tensor.shape[1])
    }

    /// The row that comes to a place: of a head's two halves in turns, or, back again, one after another.
    static func source(of row: Int, _ head: Int, isPairing: Bool) -> Int {
        let place = row % head
        let from =
            isPairing
            ? place / 2 + place % 2 * (head / 2) : place % (head / 2) * 2 + place / (head / 2)
        return row - place + from
    }

    /// Rows of a matrix as floats, outputs first, read on all threads.
    ///
    /// With `pairedHeads`, rows come in the order of a GGUF file, the two of a rotary pair together, or if it
    /// is negative in that of a directory; 0 gives the order of the source.
    func floats(
        _ tensor: TensorRecord,
        rows: Range<Int>,
        pairedHeads: Int,
        _ processor: Processor
    ) throws -> [Float] {
        let (outputs, inputs) = shape(tensor)
        guard pairedHeads != 0, outputs % (2 * pairedHeads) == 0 else {
            return try floats(tensor, rows: rows, processor)
        }
        // Whole heads are read, and rows taken from them.
        let head = outputs / abs(pairedHeads)
        let first = rows.lowerBound / head * head
        let last = min(outputs, (rows.upperBound + head - 1) / head * head)
        let source = try floats(tensor, rows: first..<last, processor)
        var result: [Float] = []
        result.reserveCapacity(rows.count * inputs)
        for row in rows {
            let from = Self.source(of: row, head, isPairing: pairedHeads > 0) - first
            result += source[from * inputs..<(from + 1) * inputs]
        }
        return result
    }

    /// Rows of a matrix as floats, outputs first, read on all threads.
    func floats(
        _ tensor: TensorRecord,
        rows: Range<Int>,
        _ processor: Processor
    ) throws -> [Float] {
        let (_, inputs) = shape(tensor)
        guard !isTransposed(tensor) else {
            let source = try tensor.floats()
            let outputs = tensor.shape[1]
            var target = [Float](repeating: 0, count: rows.count * inputs)
            for row in rows {
                for column in 0..<inputs {
                    target[(row - rows.lowerBound) * inputs + column] =
                        source[column * outputs + row]
                }
            }
            return target
        }
        return try processor.floats(tensor, rows: rows)
    }

    /// Rows spread evenly over a matrix, one after another.
    func sample(_ tensor: TensorRecord, most: Int, _ processor: Processor) throws -> [Float] {
        let (outputs, _) = shape(tensor)
        guard outputs > most else { return try floats(tensor, rows: 0..<outputs, processor) }
        if isTransposed(tensor) {
            let all = try floats(tensor, rows: 0..<outputs, processor)
            let inputs = all.count / outputs
            return (0..<most).flatMap { index in
                let row = index * outputs / most
                return all[row * inputs..<(row + 1) * inputs]
            }
        }
        return try (0..<most).flatMap { index in
            let row = index * outputs / most
            return try processor.floats(tensor, rows: row..<row + 1)
        }
    }
}
