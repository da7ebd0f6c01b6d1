internal import SkeinCore
internal import SkeinNN
internal import SkeinTensor

/// Finds, checks and packs the parameters of a model.
struct ParameterLoader {
    let checkpoint: any Checkpoint
    let processor: Processor
    /// The type that float matrices are packed as, where it is not their own.
    var computeType: DType?
    private(set) var parameters = 0
    private(set) var bytes = 0
    private(set) var weights = WeightList()
    private(set) var matrixTypes: [String: String] = [:]
    /// The parameters, when the model shall learn.
    private(set) var learned: ParameterSet?
    /// How weights that the checkpoint lacks are drawn, if they may be.
    private var initialization: Initialization?

    init(_ checkpoint: any Checkpoint, processor: Processor, options: LoadOptions) {
        self.checkpoint = checkpoint
        self.processor = processor
        computeType = options.computeType
        guard let learning = options.learning else { return }
        learned = ParameterSet()
        if case .fromScratch(let rule) = learning { initialization = rule }
    }

    /// A weight that learns; uses of the same name share it.
    private mutating func parameter(
        _ name: String,
        _ shape: [Int],
        isTransposed: Bool = false
    ) throws -> Parameter {
        if let known = learned?[name] { return known }
        let values: [Float]
        if let initialization, checkpoint.tensor(name) == nil {
            let layers = try? checkpoint.configuration.integer("num_hidden_layers", "n_layer")
            values = initialization.values(
                name,
                shape: shape,
                layers: layers ?? 1,
                processor.pool
            )
        } else {
            let record = try record(name, isTransposed ? shape.reversed() : shape)
            values = isTransposed ? try transposed(record) : try record.floats()
        }
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw SkeinError(
                .notFinite,
                "\(name)[\(bad)] is \(values[bad]), expected a finite number",
                hint: "the checkpoint is damaged"
            )
        }
        let parameter = Parameter(name, shape: shape, values: values)
        parameters += parameter.count
        learned?.append(parameter, isTransposed: isTransposed)
        return parameter
    }

    /// Whether an optional vector is there; of a new model, whether its family has such vectors.
    private func has(_ name: String) -> Bool {
        initialization == nil
            ? checkpoint.tensor(name) != nil : checkpoint.configuration.hasBias(name)
    }

    /// A tensor that must be there with a given shape.
    func record(_ name: String, _ shape: [Int]) throws -> TensorRecord {
        guard let record = checkpoint.tensor(name) else {
            throw SkeinError(
                .missingTensor,
                "tensor \(name) \(shape) is missing",
                hint: "the file is incomplete or belongs to another family than"
                    + " \(checkpoint.configuration.family)"
            )
        }
        guard record.shape == shape else {
            throw SkeinError(
                .shapeMismatch,
                "\(name) is \(record.shape), but \(checkpoint.configuration.source) implies \(shape)",
                hint: "weights and configuration come from different models"
            )
        }
        return record
    }

    /// A matrix of grouped codes, if the checkpoint holds it as such.
    private func grouped(_ name: String, _ outputs: Int, _ inputs: Int) throws -> GroupedRecord? {
        guard let format = try checkpoint.groupedFormat(of: name) else { return nil }
        return try GroupedRecord(
            name: name,
            format: format,
            outputs: outputs,
            inputs: inputs,
            find: { checkpoint.tensor($0) }
        )
    }

    /// Whether the checkpoint holds a matrix, as one tensor or as grouped codes.
    private func holds(_ name: String) throws -> Bool {
        try checkpoint.tensor(name) != nil || checkpoint.groupedFormat(of: name) != nil
    }

    /// A table that is looked up and stays in its file.
    mutating func table(_ name: String, _ shape: [Int]) throws -> Table {
        guard learned == nil else { return .parameter(try parameter(name, shape)) }
        let table =
            try grouped(name, shape[0], shape[1]).map { WeightTable.grouped($0) }
            ?? .plain(try record(name, shape))
        parameters += shape.reduce(1, *)
        weights.append(name, .table(table))
        return .file(table)
    }

    /// The token embedding; a checkpoint whose head is tied may store only the head.
    mutating func embedding(
        _ name: String,
        orHead head: String,
        _ shape: [Int]
    ) throws -> Table {
        let isTied = checkpoint.configuration.flag("tie_word_embeddings", default: false)
        let onlyHead = try isTied && !holds(name) && holds(head)
        return try table(onlyHead ? head : name, shape)
    }

    /// A vector of floats, checked for numbers that are not finite.
    mutating func vector(_ name: String, _ count: Int) throws -> Vector {
        try array(name, [count])
    }

    /// Floats of any shape that are used as they are, checked for numbers that are not finite.
    ///
    /// - Parameters:
    ///   - name: The tensor.
    ///   - shape: Its shape.
    ///   - other: Another shape that says the same.
    /// - Returns: The floats, which stand on a parameter while they learn.
    /// - Throws: `SkeinError.Code.missingTensor`, `.shapeMismatch` or `.notFinite`.
    mutating func array(_ name: String, _ shape: [Int], or other: [Int]? = nil) throws -> Vector {
        let found = checkpoint.tensor(name)?.shape
        let shape = found == other ? other ?? shape : shape
        guard learned == nil else { return Vector(try parameter(name, shape)) }
        let record = try record(name, shape)
        let values = try record.floats()
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw SkeinError(
                .notFinite,
                "\(name)[\(bad)] is \(values[bad]), expected a finite number",
                hint: "the checkpoint is damaged"
            )
        }
        parameters += values.count
        return Vector(values)
    }

    /// A vector, if the checkpoint has it.
    mutating func optionalVector(_ name: String, _ count: Int) throws -> Vector? {
        has(name) ? try vector(name, count) : nil
    }

    /// Linear layers side by side, each with its bias if the checkpoint has one.
    mutating func projection(
        _ layers: [(name: String, outputs: Int)],
        inputs: Int
    ) throws -> Projection {
        Projection(
            try layers.map { layer in
                Projection.Part(
                    matrix: try matrix("\(layer.name).weight", layer.outputs, inputs),
                    bias: try optionalVector("\(layer.name).bias", layer.outputs)
                )
            }
        )
    }

    /// A packed weight matrix `[outputs, inputs]`.
    mutating func matrix(_ name: String, _ outputs: Int, _ inputs: Int) throws -> PackedMatrix {
        if let record = try grouped(name, outputs, inputs) {
            let packed = try PackedMatrix(packing: record, processor: processor)
            parameters += outputs * inputs
            bytes += packed.byteCount
            weights.append(name, .packed(packed))
            note(name, packed.format)
            return packed
        }
        let isTransposed = checkpoint.hasTransposedLinears && Self.isTransposable(name)
        guard learned == nil else {
            let shape = [outputs, inputs]
            return PackedMatrix(try parameter(name, shape, isTransposed: isTransposed))
        }
        let record = try record(name, isTransposed ? [inputs, outputs] : [outputs, inputs])
        let packed: PackedMatrix
        if isTransposed {
            packed = try pack(record, try transposed(record), outputs, inputs)
        } else if let computeType, computeType != record.dtype, !record.dtype.isQuantized {
            packed = try pack(record, try record.floats(), outputs, inputs)
        } else {
            packed = try processor.packed(record)
        }
        parameters += record.count
        bytes += packed.byteCount
        weights.append(name, .packed(packed))
        note(name, packed.format)
        return packed
    }

    /// The output head: its own matrix, or the embedding's.
    mutating func head(
        _ name: String,
        tiedTo table: Table,
        _ shape: [Int]
    ) throws -> Projection {
        let isTied = checkpoint.configuration.flag(
            "tie_word_embeddings",
            default: ["gpt2", "mamba"].contains(checkpoint.configuration.family)
        )
        guard try !holds(name), initialization == nil || isTied else {
            return try projection(
                [(String(name.dropLast(".weight".count)), shape[0])],
                inputs: shape[1]
            )
        }
        let packed: PackedMatrix
        switch table {
        case .parameter(let parameter): return Projection([.init(matrix: PackedMatrix(parameter))])
        case .file(.grouped(let record)):
            packed = try PackedMatrix(packing: record, processor: processor)
        case .file(.plain(let record)) where computeType == nil || record.dtype.isQuantized:
            packed = try processor.packed(record)
        case .file(.plain(let record)):
            packed = try pack(record, try record.floats(), shape[0], shape[1])
        }
        bytes += packed.byteCount
        note("tied head", packed.format)
        return Projection([.init(matrix: packed)])
    }

    private static func isTransposable(_ name: String) -> Bool { name.contains(".c_") }

    private mutating func note(_ name: String, _ format: WeightFormat) {
        let kind = name.split(separator: ".").filter { Int($0) == nil }.joined(separator: ".")
        let known = matrixTypes[kind]?.split(separator: "+").map(String.init) ?? []
        if !known.contains(format.name) {
            matrixTypes[kind] = (known + [format.name]).joined(separator: "+")
        }
    }

    private func transposed(_ record: TensorRecord) throws -> [Float] {
        let source = try record.floats()
        let (rows, columns) = (record.shape[0], record.shape[1])
        var target = [Float](repeating: 0, count: source.count)
        for row in 0..<rows {
            for column in 0..<columns {
                target[column * rows + row] = source[row * columns + column]
            }
        }
        return target
    }

    /// Packs floats as the compute type, or in the record's own type if it has one of the float types.
    private func pack(
        _ record: TensorRecord,
        _ values: [Float],
        _ outputs: Int,
        _ inputs: Int
    ) throws -> PackedMatrix {
        let dtype = computeType ?? ([.f16, .bf16].contains(record.dtype) ? record.dtype : .f32)
        let packed = try processor.packed(values, as: dtype, outputs: outputs, inputs: inputs)
        record.release()
        return packed
    }
}
