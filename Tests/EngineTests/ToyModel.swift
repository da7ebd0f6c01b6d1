import SkeinModels
import SkeinNN
import SkeinTensor

/// A model whose logits are a hash of every token a row sees, read back from the pool's pages: any row
/// that is lost, doubled, reordered or another's changes what comes out.
struct ToyModel: LanguageModel {
    static let vocabulary = 32
    var description = ModelDescription(
        family: "toy",
        vocabularySize: Self.vocabulary,
        width: 1,
        layers: 1,
        contextLength: 4096
    )
    var pageTokens = 4

    func makeState(dtype: DType) -> any StatePool {
        KeyValuePool(.init(layers: 1, width: 1, dtype: .f32, pageTokens: pageTokens))
    }

    func forward(_ batch: RowBatch, _ execution: inout Execution) throws -> Tensor {
        guard let pool = execution.state as? KeyValuePool else { throw CancellationError() }
        try pool.stage(batch)
        let own = pool.stagedRun(layer: 0)
        let tokens = batch.inputs.tokens ?? []
        for (row, token) in tokens.enumerated() {
            own.key(row).pointee = Float(token)
            own.value(row).pointee = Float(batch.positions[row])
        }
        var hidden = [Float](repeating: 0, count: batch.count)
        for (number, segment) in batch.segments.enumerated() {
            var seen: [(Float, Float)] = []
            for run in pool.runs(layer: 0, ofSegment: number) {
                for token in 0..<run.count {
                    seen.append((run.key(token).pointee, run.value(token).pointee))
                }
            }
            let past = seen.count - segment.rows.count
            for row in segment.rows.indices {
                let place = row - segment.rows.lowerBound
                var visible = Array(seen[..<past])
                for range in segment.visibility.visibleRanges(of: place, count: segment.rows.count)
                {
                    visible += seen[past + Int(range.lowerBound)..<past + Int(range.upperBound)]
                }
                var state: UInt64 = 0x1234_5678
                for (token, position) in visible {
                    state =
                        (state ^ UInt64(token) << 20 ^ UInt64(position)) &* 0x9e37_79b9_7f4a_7c15
                    state ^= state >> 29
                }
                hidden[row] = Float(state >> 40)
            }
        }
        return Tensor(hidden, rows: batch.count, width: 1, arena: execution.processor.arena)
    }

    func logits(_ hidden: Tensor, _ processor: Processor) -> Tensor {
        let values = hidden.values.flatMap { state in
            (0..<Self.vocabulary).map { token -> Float in
                let mixed = (UInt64(state) ^ UInt64(token) << 32) &* 0xbf58_476d_1ce4_e5b9
                return Float(mixed >> 40) / Float(1 << 24) * 6
            }
        }
        return Tensor(values, rows: hidden.rows, width: Self.vocabulary, arena: processor.arena)
    }
}

extension KeyValueRun {
    func key(_ token: Int) -> UnsafeMutablePointer<Float> {
        (storage.base + keyOffset).assumingMemoryBound(to: Float.self) + token
    }
    func value(_ token: Int) -> UnsafeMutablePointer<Float> {
        (storage.base + valueOffset).assumingMemoryBound(to: Float.self) + token
    }
}
