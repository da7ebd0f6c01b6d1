internal import Foundation
internal import SkeinCore
public import SkeinModels
internal import SkeinNN
public import SkeinTensor
internal import SkeinText

/// Turns texts into vectors whose nearness is nearness of meaning.
///
/// Any number of texts run together, ragged and never padded; a text's vector has the same bits whatever
/// texts it shares a call with. Nothing is kept between calls, so any thread may call; those that share a
/// processor take turns at its threads.
public final class TextEmbedder: Sendable {
    /// The number of values in a vector.
    public let dimensions: Int
    /// The most tokens a text may have, special tokens included.
    public let contextLength: Int
    /// The last part of the model's path, without its extension.
    public let modelName: String
    /// How hidden states become vectors.
    public let recipe: EmbeddingRecipe

    private let model: any EmbeddingModel
    private let tokenizer: Tokenizer?
    private let processor: Processor
    /// Rows that one forward pass should not exceed; a text that must run whole may.
    private let rowBudget: Int

    /// Opens a model: an encoder, or a decoder whose hidden states are pooled.
    ///
    /// - Parameters:
    ///   - path: A directory of Hugging Face's or sentence-transformers' layout, or a `.gguf` file.
    ///   - processor: Where it runs.
    ///   - tokenizer: Where its tokenizer lies, if not with the model.
    ///   - pooling: How a text's rows become one, if not as the model says.
    ///   - isNormalized: Whether vectors have unit length, if not as the model says; they do where the
    ///     model says nothing.
    ///   - options: How weights are loaded.
    ///   - rowBudget: Rows of one forward pass.
    /// - Throws: As `EmbeddingModelLoader.load` and `EmbeddingRecipe`, and
    ///   `SkeinError.Code.unsupported` for `.head` pooling of a model without a pooler.
    public init(
        path: String,
        processor: Processor,
        tokenizer: String? = nil,
        pooling: Wanted.Pooling? = nil,
        isNormalized: Bool? = nil,
        options: LoadOptions = LoadOptions(),
        rowBudget: Int = 1024
    ) throws {
        let layout = try EmbeddingRecipe(directory: path)
        let modelPath = layout?.modelPath ?? path
        let checkpoint = try LanguageModelLoader.checkpoint(modelPath)
        model = try EmbeddingModelLoader.load(checkpoint, processor: processor, options: options)
        var recipe =
            try layout
            ?? EmbeddingRecipe(
                checkpoint,
                isEncoder: model.visibility == .bidirectional,
                modelPath: modelPath
            )
        recipe.pooling = pooling ?? recipe.pooling
        recipe.isNormalized = isNormalized ?? recipe.isNormalized
        self.recipe = recipe
        self.tokenizer = try Self.tokenizer(named: tokenizer, besides: [modelPath, path])
        self.processor = processor
        self.rowBudget = max(1, rowBudget)
        dimensions = model.description.width
        contextLength = min(recipe.maximumLength ?? .max, model.description.contextLength)
        let name = path.split(separator: "/").last.map(String.init) ?? path
        modelName = name.hasSuffix(".gguf") ? String(name.dropLast(".gguf".count)) : name
        if recipe.pooling == .head {
            let row = Tensor(
                [Float](repeating: 0, count: dimensions),
                rows: 1,
                width: dimensions,
                arena: processor.arena
            )
            guard model.pooled(row, processor) != nil else {
                throw SkeinError(
                    .unsupported,
                    "\(path) has no pooler (pooler.dense.weight)",
                    hint: "pool the mean, the first or the last token"
                )
            }
        }
    }

    /// The tokenizer asked for, else the first found; a model may also be fed with ids only.
    private static func tokenizer(
        named name: String?,
        besides paths: [String]
    ) throws -> Tokenizer? {
        if let name { return try TokenizerLoader.load(name) }
        for path in paths {
            do {
                return try TokenizerLoader.load(path)
            } catch let error as SkeinError where error.code == .notFound {
                continue
            }
        }
        return nil
    }

    /// The ids of a text, with what the model expects around it.
    ///
    /// - Throws: `SkeinError.Code.notFound` where the model came without a tokenizer.
    public func tokens(of text: String) throws -> [Int32] {
        guard let tokenizer else {
            throw SkeinError(
                .notFound,
                "\(recipe.modelPath) holds no tokenizer",
                hint: "pass one with --tokenizer"
            )
        }
        return tokenizer.encode(recipe.isLowercased ? text.lowercased() : text)
    }

    /// The vectors of texts.
    ///
    /// - Throws: As `tokens(of:)` and `embed(_:)` of ids.
    public func embed(_ texts: [String]) throws -> [[Float]] {
        try embed(texts.map { try tokens(of: $0) })
    }

    /// The vectors of texts given as ids.
    ///
    /// - Parameter tokens: The ids of each text, special tokens included.
    /// - Returns: A vector of `dimensions` values for each text, in order.
    /// - Throws: `SkeinError.Code.contextOverflow` for a text longer than `contextLength`,
    ///   `.invalidArgument` for one without tokens or with an id outside the vocabulary, `.notFinite`
    ///   when hidden states are not numbers.
    /// - Complexity: One forward pass for each `rowBudget` rows.
    public func embed(_ tokens: [[Int32]]) throws -> [[Float]] {
        for (index, ids) in tokens.enumerated() { try check(ids, index) }
        var sums = tokens.map { PooledRows(recipe.pooling, rows: $0.count) }
        var execution = Execution(processor: processor, state: model.makeState(dtype: .f32))
        for step in plan(tokens.map(\.count)) {
            let hidden = try run(step, tokens, &execution)
            var row = 0
            for piece in step {
                for place in piece.rows {
                    hidden.withRow(row) { sums[piece.text].add($0, place: place) }
                    row += 1
                }
            }
        }
        return try sums.enumerated().map { try finish($1.value, $0) }
    }

    private func check(_ ids: [Int32], _ index: Int) throws {
        guard !ids.isEmpty else {
            throw SkeinError(
                .invalidArgument,
                "text \(index) has no tokens, expected at least one"
            )
        }
        guard ids.count <= contextLength else {
            throw SkeinError(
                .contextOverflow,
                "text \(index) has \(ids.count) tokens, but \(modelName) takes at most"
                    + " \(contextLength)",
                hint: "split the text"
            )
        }
    }

    /// Some rows of one text.
    private struct Piece {
        var text: Int
        var rows: Range<Int>
    }

    /// Packs texts into steps: whole where their rows see each other, cut at the budget elsewhere.
    private func plan(_ counts: [Int]) -> [[Piece]] {
        var steps: [[Piece]] = []
        var step: [Piece] = []
        var room = rowBudget
        for (text, count) in counts.enumerated() {
            var start = 0
            while start < count {
                var length = count - start
                if length > room, model.visibility.isDivisible { length = room }
                if length > room, !step.isEmpty || room == 0 {
                    steps.append(step)
                    (step, room) = ([], rowBudget)
                    continue
                }
                step.append(Piece(text: text, rows: start..<start + length))
                start += length
                room = max(0, room - length)
                if room == 0 {
                    steps.append(step)
                    (step, room) = ([], rowBudget)
                }
            }
        }
        return step.isEmpty ? steps : steps + [step]
    }

    /// The final hidden states of a step's rows; what later steps read is committed.
    private func run(
        _ step: [Piece],
        _ tokens: [[Int32]],
        _ execution: inout Execution
    ) throws -> Tensor {
        var ids: [Int32] = []
        var positions: [Int32] = []
        var segments: [Segment] = []
        for piece in step {
            segments.append(
                Segment(
                    rows: ids.count..<ids.count + piece.rows.count,
                    slot: Int32(piece.text),
                    reads: piece.rows.lowerBound == 0 ? .nothing : .all(.main),
                    visibility: model.visibility
                )
            )
            ids += tokens[piece.text][piece.rows]
            positions += piece.rows.map(Int32.init)
        }
        let batch = RowBatch(
            inputs: .tokens(ids),
            positions: positions,
            segments: segments,
            headRows: []
        )
        let hidden = try model.forward(batch, &execution)
        for (index, piece) in step.enumerated() {
            let key = BranchKey(Int32(piece.text), .main)
            if piece.rows.upperBound < tokens[piece.text].count {
                let rows = (0..<Int32(piece.rows.count)).map { $0 }
                try execution.state.commit(rows: rows, ofSegment: index, to: key)
            } else if piece.rows.lowerBound > 0 {
                execution.state.drop(key)
            }
        }
        return model.finalHidden(hidden, processor)
    }

    /// The pooler and unit length, where the recipe has them.
    private func finish(_ pooled: [Float], _ text: Int) throws -> [Float] {
        var vector = pooled
        if recipe.pooling == .head {
            let row = Tensor(vector, rows: 1, width: vector.count, arena: processor.arena)
            vector = model.pooled(row, processor)?.values ?? vector
        }
        guard vector.allSatisfy(\.isFinite) else {
            let place = model.weights?.firstNonFinite(processor).map { ": \($0) is not either" }
            throw SkeinError(
                .notFinite,
                "the hidden states of text \(text) are not finite numbers\(place ?? "")",
                hint: "the checkpoint is damaged"
            )
        }
        guard recipe.isNormalized else { return vector }
        let squares = vector.reduce(0) { $0 + Double($1) * Double($1) }
        let length = max(squares.squareRoot(), 1e-12)
        return vector.map { Float(Double($0) / length) }
    }
}

/// One text's rows on the way to one vector, added in order whatever steps they come in.
private struct PooledRows {
    private let pooling: Wanted.Pooling
    private let rows: Int
    private var sums: [Double] = []

    init(_ pooling: Wanted.Pooling, rows: Int) {
        self.pooling = pooling
        self.rows = rows
    }

    /// Takes the final hidden state of the text's row `place`.
    mutating func add(_ row: borrowing Span<Float>, place: Int) {
        let counts =
            switch pooling {
            case .mean: true
            case .last: place == rows - 1
            case .first, .head: place == 0
            }
        guard counts else { return }
        if sums.isEmpty { sums = [Double](repeating: 0, count: row.count) }
        for column in 0..<row.count { sums[column] += Double(row[column]) }
    }

    var value: [Float] {
        let divisor = pooling == .mean ? Double(rows) : 1
        return sums.map { Float($0 / divisor) }
    }
}
