internal import SkeinCore
internal import SkeinModels
public import SkeinTensor

/// What `QuantizationJob` shall do.
public struct QuantizationOptions: Sendable {
    /// How the linear layers of the blocks are treated.
    public enum Linears: Sendable {
        /// The best recipe for each within so many bits a weight.
        case budget(Double)
        /// One treatment for all.
        case fixed(TensorTreatment)
    }

    /// How linear layers are treated.
    public var linears = Linears.budget(4.5)
    /// How the embedding and the output head are treated.
    public var heads = TensorTreatment.keep
    /// Matrices whose names contain one of these stay as they are.
    public var excluded: [String] = []
    /// The most rows of a matrix that the budget is planned on.
    public var sampleRows = 32

    /// The default: 4.5 bits a weight for linear layers, 6 for embedding and head.
    public init() {
        if let format = try? GroupedFormat(bits: 6, group: .values(32), scaleBits: 8) {
            heads = .grouped(QuantizationRecipe(format: format))
        }
    }
}

/// What became of one tensor.
public struct QuantizedTensorReport: Sendable {
    /// Its name.
    public let name: String
    /// Its sizes.
    public let shape: [Int]
    /// What was done.
    public let treatment: TensorTreatment
    /// What was measured, of grouped codes.
    public let report: QuantizationReport?
    /// How many weights are kept whole.
    public let outliers: Int
    /// Bytes in the file.
    public let bytes: Int

    /// How many weights it has.
    public var count: Int { shape.reduce(1, *) }
    /// Bits of a weight.
    public var bitsPerWeight: Double { Double(bytes) * 8 / Double(max(count, 1)) }
}

/// Turns a checkpoint into one of fewer bits, tensor by tensor: the full-precision model is never held
/// whole, and the result does not depend on the number of threads.
public struct QuantizationJob: Sendable {
    /// The checkpoint.
    public let source: QuantizationSource
    /// What to do.
    public let options: QuantizationOptions
    /// Where it runs.
    public let processor: Processor

    /// Joins the parts of a job.
    public init(source: QuantizationSource, options: QuantizationOptions, processor: Processor) {
        self.source = source
        self.options = options
        self.processor = processor
    }

    /// Decides what becomes of each tensor.
    ///
    /// - Parameter onTensor: Called with the number of matrices looked at and of all.
    /// - Returns: A treatment for each tensor of the source, in order.
    /// - Throws: Errors of `BudgetPlanner` and of the files.
    public func plan(onTensor: (Int, Int) -> Void = { _, _ in }) throws -> [TensorTreatment] {
        var treatments = [TensorTreatment](repeating: .keep, count: source.tensors.count)
        var open: [Int] = []
        for (index, tensor) in source.tensors.enumerated() {
            let isExcluded = options.excluded.contains { tensor.name.contains($0) }
            guard !isExcluded, tensor.count > 0 else { continue }
            switch (source.role(of: tensor), options.linears) {
            case (.other, _): break
            case (.head, _): treatments[index] = options.heads
            case (.linear, .fixed(let treatment)): treatments[index] = treatment
            case (.linear, .budget): open.append(index)
            }
        }
        guard case .budget(let budget) = options.linears, !open.isEmpty else { return treatments }
        let recipes = try BudgetPlanner.candidates()
        let curves = try open.enumerated().map { number, index in
            let tensor = source.tensors[index]
            let inputs = source.shape(tensor).inputs
            let most = min(options.sampleRows, max(8, Self.sampleValues / max(inputs, 1)))
            let sample = try source.sample(tensor, most: most, processor)
            let offers = try BudgetPlanner.offers(
                sample,
                name: tensor.name,
                inputs: inputs,
                recipes,
                processor
            )
            onTensor(number + 1, open.count)
            return (
                weights: Double(tensor.count),
                importance: BudgetPlanner.importance(of: tensor.name),
                offers: offers
            )
        }
        // Samples tell the outliers' share only roughly: what the choice really takes is counted, and
        // the choice repeated with what it took too much taken off.
        var allowed = budget
        var counted: [Int: [QuantizationRecipe: Double]] = [:]
        while true {
            let offers = try BudgetPlanner.choose(curves, budget: allowed)
            var (bits, weights) = (0.0, 0.0)
            for (index, offer) in zip(open, offers) {
                let known = try counted[index]?[offer.recipe] ?? exactBits(index, offer)
                counted[index, default: [:]][offer.recipe] = known
                bits += known * Double(source.tensors[index].count)
                weights += Double(source.tensors[index].count)
                treatments[index] = .grouped(offer.recipe)
            }
            let excess = bits / max(weights, 1) - budget
            guard excess > 0 else { return treatments }
            allowed -= max(excess, 1e-4)
        }
    }

    /// The bits that a weight of a matrix takes by a recipe.
    private func exactBits(_ index: Int, _ offer: BudgetPlanner.Offer) throws -> Double {
        let tensor = source.tensors[index]
        let (outputs, inputs) = source.shape(tensor)
        guard offer.recipe.sigmas != nil else {
            let format = offer.recipe.format
            return Double(format.rowBytes(inputs: inputs) * 8) / Double(max(inputs, 1))
        }
        var counting = offer.recipe
        counting.method = .nearest
        let values = try source.floats(tensor, rows: 0..<outputs, processor)
        return try values.withUnsafeBufferPointer {
            try processor.quantize(
                $0,
                name: tensor.name,
                outputs: outputs,
                recipe: counting,
                measuresNearest: false
            ).bitsPerWeight
        }
    }

    /// Values that are about enough to compare recipes on.
    private static let sampleValues = 1 << 16

    /// Rows that are read at a time where a matrix need not be seen whole: about 64 MiB of floats.
    private static let chunkValues = 1 << 24

    /// Turns a matrix into codes.
    func quantize(
        _ tensor: TensorRecord,
        _ recipe: QuantizationRecipe,
        pairedHeads: Int = 0
    ) throws -> QuantizedMatrix {
        let (outputs, inputs) = source.shape(tensor)
        let rows = max(1, Self.chunkValues / max(inputs, 1))
        let isWhole = recipe.sigmas != nil || rows >= outputs || source.isTransposed(tensor)
        guard !isWhole else {
            return try part(tensor, 0..<outputs, recipe, pairedHeads)
        }
        var result = try part(tensor, 0..<rows, recipe, pairedHeads)
        for start in stride(from: rows, to: outputs, by: rows) {
            let range = start..<min(start + rows, outputs)
            try result.append(part(tensor, range, recipe, pairedHeads))
        }
        return result
    }

    private func part(
        _ tensor: TensorRecord,
        _ rows: Range<Int>,
        _ recipe: QuantizationRecipe,
        _ pairedHeads: Int
    ) throws -> QuantizedMatrix {
        let values = try source.floats(
            tensor,
            rows: rows,
            pairedHeads: pairedHeads,
            processor
        )
        return try values.withUnsafeBufferPointer {
            try processor.quantize($0, name: tensor.name, outputs: rows.count, recipe: recipe)
        }
    }

    /// Turns a matrix into blocks of a GGUF type, on all threads.
    func encode(
        _ tensor: TensorRecord,
        as dtype: DType,
        pairedHeads: Int = 0
    ) throws -> [UInt8] {
        let (outputs, inputs) = source.shape(tensor)
        var bytes: [UInt8] = []
        let rows = max(1, Self.chunkValues / max(inputs, 1))
        for start in stride(from: 0, to: outputs, by: rows) {
            let range = start..<min(start + rows, outputs)
            let values = try source.floats(
                tensor,
                rows: range,
                pairedHeads: pairedHeads,
                processor
            )
            do {
                bytes += try processor.encode(values, as: dtype, width: inputs)
            } catch let error as SkeinError {
                throw SkeinError(error.code, "\(tensor.name): \(error.message)", hint: error.hint)
            }
        }
        return bytes
    }
}
