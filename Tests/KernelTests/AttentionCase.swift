import CSkeinKernels
import Foundation
import SkeinTestSupport

/// One attention problem with its keys and values in order, and a double-precision answer.
struct AttentionCase {
    var rows: Int
    var keys: Int
    var heads: Int
    var kvHeads: Int
    var headDim: Int
    var type: Int32
    var softCap: Float = 0
    var visible: [[Range<Int>]]
    var q: [Float]
    var k: [Float]
    var v: [Float]

    init(
        rows: Int,
        keys: Int,
        kvHeads: Int,
        group: Int,
        headDim: Int,
        type: Int32,
        visible: [[Range<Int>]],
        seed: UInt64
    ) {
        var random = SplitMix64(seed: seed)
        self.rows = rows
        self.keys = keys
        self.kvHeads = kvHeads
        self.heads = kvHeads * group
        self.headDim = headDim
        self.type = type
        self.visible = visible
        q = random.normals(rows * heads * headDim)
        k = Self.rounded(random.normals(keys * kvHeads * headDim), type)
        v = Self.rounded(random.normals(keys * kvHeads * headDim), type)
    }

    var scale: Float { 1 / Float(headDim).squareRoot() }

    static func narrow(_ x: [Float], _ type: Int32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: x.count * sk_block_bytes(type))
        bytes.withUnsafeMutableBytes { raw in
            guard let base = raw.baseAddress else { return }
            Level.portable.narrow(type, base, x, x.count)
        }
        return bytes
    }

    static func rounded(_ x: [Float], _ type: Int32) -> [Float] {
        var y = x
        Level.portable.dequantize(type, &y, narrow(x, type), x.count)
        return y
    }

    /// The kernel's answer: `cuts` split the keys into runs (each in memory of its own), `rowCuts`
    /// split the rows into calls.
    func run(_ level: Level, cuts: [Int] = [], rowCuts: [Int] = [], byHead: Bool = false) -> [Float]
    {
        let bounds = [0] + cuts + [keys]
        let width = kvHeads * headDim
        var memory: [UnsafeMutableRawPointer] = []
        defer { memory.forEach { $0.deallocate() } }
        func copy(_ x: [Float], _ range: Range<Int>) -> UnsafeRawPointer {
            let part = Self.narrow(
                Array(x[range.lowerBound * width..<range.upperBound * width]),
                type
            )
            let place = UnsafeMutableRawPointer.allocate(byteCount: part.count + 1, alignment: 64)
            part.withUnsafeBytes {
                place.copyMemory(
                    from: $0.baseAddress ?? UnsafeRawPointer(place),
                    byteCount: part.count
                )
            }
            memory.append(place)
            return UnsafeRawPointer(place)
        }
        let runs = zip(bounds, bounds.dropFirst()).map { start, end in
            sk_kv_run(
                keys: copy(k, start..<end),
                values: copy(v, start..<end),
                count: Int32(end - start)
            )
        }
        var offsets: [Int32] = [0]
        var ranges: [sk_range] = []
        for row in visible {
            ranges += row.map { sk_range(begin: Int32($0.lowerBound), end: Int32($0.upperBound)) }
            offsets.append(Int32(ranges.count))
        }
        var out = [Float](repeating: .nan, count: rows * heads * headDim)
        q.withUnsafeBufferPointer { q in
            out.withUnsafeMutableBufferPointer { out in
                runs.withUnsafeBufferPointer { runs in
                    offsets.withUnsafeBufferPointer { offsets in
                        ranges.withUnsafeBufferPointer { ranges in
                            guard let q = q.baseAddress, let out = out.baseAddress,
                                let runs = runs.baseAddress, let offsets = offsets.baseAddress
                            else { return }
                            let spare = [sk_range()]
                            spare.withUnsafeBufferPointer { spare in
                                guard let some = ranges.baseAddress ?? spare.baseAddress else {
                                    return
                                }
                                var args = sk_attention(
                                    q: q,
                                    q_stride: heads * headDim,
                                    out: out,
                                    out_stride: heads * headDim,
                                    heads: Int32(heads),
                                    kv_heads: Int32(kvHeads),
                                    head_dim: Int32(headDim),
                                    kv_type: type,
                                    key_stride: width,
                                    scale: scale,
                                    soft_cap: softCap,
                                    runs: runs,
                                    run_count: Int32(bounds.count - 1),
                                    range_offsets: offsets,
                                    ranges: some,
                                    tallies: nil
                                )
                                let rowBounds = [0] + rowCuts + [rows]
                                for (start, end) in zip(rowBounds, rowBounds.dropFirst()) {
                                    if byHead {
                                        for head in 0..<kvHeads {
                                            level.kernels.attention(
                                                &args,
                                                start,
                                                end,
                                                head,
                                                head + 1
                                            )
                                        }
                                    } else {
                                        level.kernels.attention(&args, start, end, 0, kvHeads)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return out
    }

    /// Softmax attention written plainly in double precision.
    var reference: [Float] {
        var out = [Float](repeating: 0, count: rows * heads * headDim)
        let width = kvHeads * headDim
        for row in 0..<rows {
            let seen = visible[row].flatMap { Array($0) }
            for head in 0..<heads where !seen.isEmpty {
                let start = (row * heads + head) * headDim
                let column = head / (heads / kvHeads) * headDim
                let scores = seen.map { key in
                    var dot = 0.0
                    for d in 0..<headDim {
                        dot += Double(q[start + d]) * Double(k[key * width + column + d])
                    }
                    dot *= Double(scale)
                    return softCap == 0 ? dot : Double(softCap) * tanh(dot / Double(softCap))
                }
                let top = scores.max() ?? 0
                let weights = scores.map { exp($0 - top) }
                let sum = weights.reduce(0, +)
                for d in 0..<headDim {
                    var total = 0.0
                    for (key, weight) in zip(seen, weights) {
                        total += weight * Double(v[key * width + column + d])
                    }
                    out[start + d] = Float(total / sum)
                }
            }
        }
        return out
    }
}
