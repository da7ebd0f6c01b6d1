internal import Foundation
internal import SkeinCore
internal import SkeinModels
internal import SkeinNN
internal import SkeinTensor

extension Engine {
    /// What the files say they are.
    private static let format = "skein-prompt-1"
    /// Rows that are run again to see whether a file belongs to this model.
    private static let probeRows = 4
    /// What the names of those rows' arrays begin with, where a branch cannot be cut after them.
    private static let probe = "probe."

    /// Writes the remembered rows of a prompt, as safetensors, for `restorePrompt` in another run.
    ///
    /// - Parameters:
    ///   - tokens: The prompt; the longest remembered beginning of it is written.
    ///   - salt: Whose prompt it is.
    ///   - path: The file.
    /// - Returns: How many tokens were written.
    /// - Throws: `SkeinError.Code.notFound` when nothing of it is remembered, `.ioFailure`.
    public func savePrompt(_ tokens: [Int32], salt: String = "", to path: String) throws -> Int {
        let key = BranchKey(PrefixCache.slot, Branch(id: .min))
        let count = try cache.recall(tokens, limit: tokens.count, salt: salt, into: key)
        defer { execution.state.drop(key) }
        guard count > 0 else {
            throw SkeinError(
                .notFound,
                "nothing of the prompt's \(tokens.count) tokens is remembered"
            )
        }
        let image = execution.state.image(of: key)
        var arrays = image.parts
        if needsProbe(count) {
            arrays += try probe(tokens).parts.map { $0.named(Self.probe + $0.name) }
        }
        arrays.append(Self.part("positions", image.positions))
        arrays.append(Self.part("tokens", Array(tokens.prefix(count))))
        let writer = try SafetensorsWriter(
            path: path,
            tensors: arrays.map { try TensorPlan(name: $0.name, dtype: $0.dtype, shape: $0.shape) },
            metadata: ["format": Self.format, "family": model.description.family]
        )
        for plan in writer.plans {
            guard let part = arrays.first(where: { $0.name == plan.name }) else { continue }
            try unsafe part.bytes.withUnsafeBytes { try unsafe writer.write(plan.name, $0) }
        }
        try writer.finish()
        return count
    }

    private static func part(_ name: String, _ values: [Int32]) -> StateImage.Part {
        let bytes = values.flatMap { value in
            (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
        return StateImage.Part(name: name, dtype: .i32, shape: [values.count], bytes: bytes)
    }

    /// Remembers a prompt that `savePrompt` wrote.
    ///
    /// The first rows are run again and compared bit for bit, so that a file of other weights, or of
    /// another instruction set, is not taken for this model's.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - salt: Who may use it.
    /// - Returns: The prompt's tokens.
    /// - Throws: `SkeinError` with `.corruptFile` for what is no such file, `.shapeMismatch` for another
    ///   model's, `.notFound`, and `.contextOverflow` when memory does not hold it.
    public func restorePrompt(from path: String, salt: String = "") throws -> [Int32] {
        let file = try Safetensors(contentsOf: path)
        guard file.metadata["format"] == Self.format else {
            throw SkeinError(
                .corruptFile,
                "\(path) has format \"\(file.metadata["format"] ?? "")\", expected \(Self.format)"
            )
        }
        let tokens = try Self.integers(file.tensor(named: "tokens"))
        let positions = try Self.integers(file.tensor(named: "positions"))
        guard !tokens.isEmpty, positions == (0..<Int32(clamping: tokens.count)).map({ $0 }) else {
            throw SkeinError(
                .corruptFile,
                "\(path) has \(tokens.count) tokens at \(positions.count) positions, expected as many,"
                    + " from 0 on"
            )
        }
        try checkFits(tokens.count)
        var parts = try file.names.filter { $0 != "tokens" && $0 != "positions" }.sorted().map {
            name in
            let record = try file.tensor(named: name)
            return StateImage.Part(
                name: name,
                dtype: record.dtype,
                shape: record.shape,
                bytes: unsafe record.withUnsafeBytes { unsafe Array($0) }
            )
        }
        let first = parts.filter { $0.name.hasPrefix(Self.probe) }
            .map { $0.named(String($0.name.dropFirst(Self.probe.count))) }
        parts.removeAll { $0.name.hasPrefix(Self.probe) }
        let image = StateImage(positions: positions, parts: parts)
        let key = BranchKey(PrefixCache.slot, Branch(id: .min))
        defer { execution.state.drop(key) }
        let demand = StateDemand(key, rows: tokens.count)
        guard makeRoom(execution.state.bytesNeeded([demand])) else {
            throw SkeinError(
                .contextOverflow,
                "the saved prompt's \(tokens.count) tokens do not fit beside what runs now"
            )
        }
        try execution.state.load(image, into: key)
        guard try isOwn(tokens, key, first) else {
            throw SkeinError(
                .shapeMismatch,
                "\(path) was saved by other weights, or on another instruction set: its first rows differ"
                    + " from what this model makes of the same tokens",
                hint: "run the prompt again and save it anew"
            )
        }
        try cache.remember(tokens[...], salt: salt, from: key)
        return tokens
    }

    /// Whether a saved prompt of so many rows must carry its first rows beside it.
    private func needsProbe(_ count: Int) -> Bool {
        execution.state.grain > 1 && count > Self.probeRows
    }

    /// What this model makes of a sequence's first rows.
    private func probe(_ tokens: [Int32]) throws -> StateImage {
        let rows = min(Self.probeRows, tokens.count)
        let probe = BranchKey(PrefixCache.slot, Branch(id: .min + 1))
        defer {
            execution.state.unstage()
            execution.state.drop(probe)
        }
        let batch = RowBatch(
            inputs: .tokens(Array(tokens.prefix(rows))),
            positions: (0..<Int32(rows)).map { $0 },
            segments: [
                Segment(
                    rows: 0..<rows,
                    slot: PrefixCache.slot,
                    reads: .nothing,
                    visibility: .causal
                )
            ],
            headRows: []
        )
        _ = try model.forward(batch, &execution)
        try execution.state.commit(rows: (0..<Int32(rows)).map { $0 }, ofSegment: 0, to: probe)
        return execution.state.image(of: probe)
    }

    /// Whether this model leaves the same first rows as a branch, or as arrays that came beside it.
    private func isOwn(
        _ tokens: [Int32],
        _ key: BranchKey,
        _ first: [StateImage.Part]
    ) throws -> Bool {
        let probe = try probe(tokens)
        guard !needsProbe(tokens.count) else { return probe.parts == first }
        let head = BranchKey(PrefixCache.slot, Branch(id: .min + 2))
        defer { execution.state.drop(head) }
        try execution.state.join([StateSlice(key, 0..<probe.positions.count)], into: head)
        return execution.state.image(of: head) == probe
    }

    private static func integers(_ record: TensorRecord) throws -> [Int32] {
        guard record.dtype == .i32, record.shape.count == 1 else {
            throw SkeinError(
                .corruptFile,
                "\(record.name) is \(record.dtype.name) \(record.shape), expected a list of i32"
            )
        }
        return unsafe record.withUnsafeBytes { bytes in
            (0..<record.count).map { index in
                unsafe Int32(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: Int32.self)
                )
            }
        }
    }
}
