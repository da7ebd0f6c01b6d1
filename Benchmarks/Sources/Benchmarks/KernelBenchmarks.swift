import CSkeinKernels

/// Kernels of one level on one thread.
struct KernelBenchmarks {
    let kernels: sk_kernels

    static let types: [(name: String, type: sk_type)] = [
        ("F32", sk_type(SK_F32)), ("F16", sk_type(SK_F16)), ("BF16", sk_type(SK_BF16)),
        ("Q8_0", sk_type(SK_Q8_0)), ("Q4_0", sk_type(SK_Q4_0)), ("Q4_1", sk_type(SK_Q4_1)),
        ("Q5_0", sk_type(SK_Q5_0)), ("Q5_1", sk_type(SK_Q5_1)), ("Q4_K", sk_type(SK_Q4_K)),
        ("Q5_K", sk_type(SK_Q5_K)), ("Q6_K", sk_type(SK_Q6_K)),
    ]

    var all: [Benchmark] { products + rows + conversions + attentions }

    // MARK: - Products

    /// One row is bound by memory and counted in bytes of weights; more rows in operations.
    private var products: [Benchmark] {
        Self.types.flatMap { name, type in
            [1, 4, 16, 256].map { product(name, type, rows: $0, outputs: 2048, inputs: 2048) }
        }
    }

    private func product(
        _ name: String,
        _ type: sk_type,
        rows: Int,
        outputs n: Int,
        inputs k: Int
    ) -> Benchmark {
        let bytes = kernels.packed_bytes(type, n, k)
        return Benchmark(
            name: "product/\(name)/\(rows)x\(n)x\(k)",
            unit: rows == 1 ? .bytes : .operations,
            work: rows == 1 ? Double(bytes) : 2 * Double(rows) * Double(n) * Double(k)
        ) { [kernels] in
            let stride = k / sk_block_values(type) * sk_block_bytes(type)
            let source = Memory<UInt8>(bytes: stride * n)
            let packed = Memory<UInt8>(bytes) { _ in 0 }
            kernels.pack(type, packed.start, source.start, stride, 0, n, n, k)
            let x = Memory(rows * k)
            let y = Memory(rows * n)
            let prepared = Memory<UInt8>(kernels.activation_bytes(type, k) * rows) { _ in 0 }
            kernels.prepare(type, prepared.start, x.start, k, rows, k)
            let arguments = sk_matmul(
                type: type,
                weights: UnsafeRawPointer(packed.start),
                activations: UnsafeRawPointer(prepared.start),
                y: y.start,
                ldy: n,
                rows: rows,
                n: n,
                k: k,
                n_begin: 0,
                n_end: n,
                bias: nil,
                accumulate: 0,
                outliers: nil
            )
            return {
                withExtendedLifetime((packed, prepared, y)) {
                    var arguments = arguments
                    kernels.matmul(&arguments)
                }
            }
        }
    }

    // MARK: - Rows

    private var rows: [Benchmark] {
        [576, 2048].flatMap { width in
            [
                row("rms_norm", width, reads: 1) { kernels, x, y, w in
                    kernels.rms_norm(y, width, x, width, w, 64, width, 1e-5)
                },
                row("layer_norm", width, reads: 1) { kernels, x, y, w in
                    kernels.layer_norm(y, width, x, width, w, w, 64, width, 1e-5)
                },
                row("silu_gate", width, reads: 2) { kernels, x, y, _ in
                    kernels.silu_gate(y, width, x, 2 * width, 64, width)
                },
                row("gelu_erf", width, reads: 1) { kernels, x, y, _ in
                    kernels.gelu_erf(y, x, 64 * width)
                },
                row("softmax", width, reads: 1) { kernels, x, y, _ in
                    kernels.softmax(y, x, 64 * width)
                },
                row("rotary", width, reads: 1) { kernels, _, y, w in
                    kernels.rotary(y, width, w, w, 64, width / 64, 64, 32, 0)
                },
                row("rotary_neighbours", width, reads: 1) { kernels, _, y, w in
                    kernels.rotary(y, width, w, w, 64, width / 64, 64, 32, 1)
                },
            ]
        }
    }

    private typealias RowWork = (
        sk_kernels, UnsafePointer<Float>, UnsafeMutablePointer<Float>, UnsafePointer<Float>
    ) -> Void

    private func row(
        _ name: String,
        _ width: Int,
        reads: Double,
        _ work: @escaping RowWork
    ) -> Benchmark {
        Benchmark(
            name: "elementwise/\(name)/64x\(width)",
            unit: .bytes,
            work: (reads + 1) * 64 * Double(width) * 4
        ) { [kernels] in
            let x = Memory(64 * 2 * width)
            let y = Memory(64 * width)
            let weights = Memory(64 * width)
            return { work(kernels, x.start, y.start, weights.start) }
        }
    }

    // MARK: - Other types

    private var conversions: [Benchmark] {
        let count = 1 << 16
        return Self.types.dropFirst().map { name, type in
            Benchmark(
                name: "convert/widen/\(name)",
                unit: .bytes,
                work: Double(count) * 4
            ) { [kernels] in
                let row = Memory<UInt8>(bytes: count / sk_block_values(type) * sk_block_bytes(type))
                let y = Memory(count)
                return { kernels.dequantize(type, y.start, row.start, count) }
            }
        }
    }

    // MARK: - Attention

    private var attentions: [Benchmark] {
        [1, 3, 4].flatMap { group in
            [256, 4096].map { keys in
                attention("decode", rows: 1, keys: keys, heads: 8, group: group)
            }
        } + [512, 2048].map { attention("prompt", rows: $0, keys: $0, heads: 2, group: 4) }
    }

    private func attention(
        _ name: String,
        rows: Int,
        keys: Int,
        heads: Int,
        group: Int
    ) -> Benchmark {
        let width = 64
        let visible = rows * keys - rows * (rows - 1) / 2
        return Benchmark(
            name: "attention/\(name)/\(rows)x\(keys)x\(heads)x\(group)x\(width)",
            unit: rows == 1 ? .bytes : .operations,
            work: rows == 1
                ? Double(keys * heads * width * 4) : 4 * Double(width * heads * group * visible)
        ) { [kernels] in
            let columns = heads * group * width
            let held = keys * heads * width
            let q = Memory(rows * columns)
            let out = Memory(rows * columns)
            let cache = Memory<UInt16>(2 * held) { UInt16(0x3000 + $0 % 0x800) }
            let offsets = Memory<Int32>(rows + 1) { Int32($0) }
            let ranges = Memory<sk_range>(rows) {
                sk_range(begin: 0, end: Int32(keys - rows + $0 + 1))
            }
            let run = Memory<sk_kv_run>(1) { _ in
                sk_kv_run(
                    keys: UnsafeRawPointer(cache.start),
                    values: UnsafeRawPointer(cache.start + held),
                    count: Int32(keys)
                )
            }
            let arguments = sk_attention(
                q: q.start,
                q_stride: columns,
                out: out.start,
                out_stride: columns,
                heads: Int32(heads * group),
                kv_heads: Int32(heads),
                head_dim: Int32(width),
                kv_type: sk_type(SK_F16),
                key_stride: heads * width,
                scale: 0.125,
                soft_cap: 0,
                runs: run.start,
                run_count: 1,
                range_offsets: offsets.start,
                ranges: ranges.start
            )
            return {
                withExtendedLifetime((q, out, cache, offsets, ranges, run)) {
                    var arguments = arguments
                    kernels.attention(&arguments, 0, rows, 0, heads)
                }
            }
        }
    }
}
