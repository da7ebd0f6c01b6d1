import CSkeinKernels
import SkeinTestSupport
import Testing

/// Random weights of every type against portable kernels and double precision, and the law that a
/// row's bits depend on nothing but the row.
@Suite struct MatmulTests {
    /// `Tolerance.product` allows for activations of eight bits; these do not round them, or to bf16.
    static let floatProduct = 1e-11
    static let narrowProduct = 2e-5

    /// Levels round activations alike and differ in the order of f32 steps only.
    static let sameProduct = 1e-10

    static let types: [sk_type] = [
        sk_type(SK_F32), sk_type(SK_F16), sk_type(SK_BF16), sk_type(SK_Q4_0), sk_type(SK_Q4_1),
        sk_type(SK_Q5_0), sk_type(SK_Q5_1), sk_type(SK_Q8_0), sk_type(SK_Q4_K), sk_type(SK_Q5_K),
        sk_type(SK_Q6_K),
    ]

    static func bound(_ type: sk_type) -> Double {
        switch Int(type) {
        case SK_F32, SK_F16: floatProduct
        case SK_BF16: narrowProduct
        default: Tolerance.product
        }
    }

    static func widths(_ type: sk_type) -> [Int] {
        switch sk_block_values(type) {
        case 1: [1, 2, 37, 1101]
        case 32: [32, 64, 96, 352]
        default: [256, 768]
        }
    }

    /// Σ(a − b)².
    static func distance(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    @Test(arguments: types)
    func `every level agrees with double precision and with portable`(type: sk_type) throws {
        let portable = try #require(sk_kernels_for(sk_isa(SK_ISA_PORTABLE)))
        for k in Self.widths(type) {
            for n in [1, 15, 16, 17, 48, 100] {
                for rows in Array(1...13) + [32] {
                    let product = Product(type: type, rows: rows, n: n, k: k, seed: UInt64(n * k))
                    let (exact, power) = product.exact()
                    let reference = product.run(portable).map(Double.init)
                    for level in Self.levels {
                        let result = product.run(level).map(Double.init)
                        let name = String(cString: level.pointee.name)
                        #expect(
                            Self.distance(result, exact) <= Self.bound(type) * power,
                            "\(name) \(rows) x \(n) x \(k)"
                        )
                        #expect(
                            Self.distance(result, reference)
                                <= (type == SK_BF16 ? Self.narrowProduct : Self.sameProduct)
                                    * power,
                            "\(name) and portable, \(rows) x \(n) x \(k)"
                        )
                    }
                }
            }
        }
    }

    @Test(arguments: types)
    func `a row's bits do not depend on its company or on the split`(type: sk_type) {
        for level in Self.levels {
            for k in Self.widths(type) {
                let product = Product(type: type, rows: 53, n: 100, k: k, seed: 5)
                let together = product.run(level)
                for split in [16, 48, 64] {
                    #expect(product.run(level, split: split) == together)
                }
                for height in [1, 2, 3, 5, 7, 12, 13, 31] {
                    #expect(product.run(level, height: height) == together, "height \(height)")
                }
            }
        }
    }

    @Test(arguments: types)
    func `bias is added and accumulation keeps what was there`(type: sk_type) throws {
        let k = Self.widths(type)[1]
        let product = Product(type: type, rows: 5, n: 37, k: k, seed: 9)
        for level in Self.levels {
            let plain = product.run(level)
            let bias = (0..<37).map { Float($0) - 18 }
            let biased = product.run(level, bias: bias)
            let added = product.run(level, bias: bias, accumulateOnto: 0.5)
            for i in plain.indices {
                #expect(biased[i] == plain[i] + bias[i % 37])
                #expect(added[i] == 0.5 + (plain[i] + bias[i % 37]))
            }
        }
    }

    @Test(arguments: types)
    func `the last tile is padded with zeros and packing may be split`(type: sk_type) {
        let k = Self.widths(type)[1]
        // Tiles that lie alone, abreast, and both.
        for n in [33, 60, 65] {
            let product = Product(type: type, rows: 1, n: n, k: k, seed: 3)
            let lanes = (n + 15) / 16 * 16
            for level in Self.levels {
                let packed = product.pack(level, from: 0xff)
                // Zero weights of the padding make zero bytes.
                let zeros = packed.count { $0 == 0 }
                #expect(zeros >= packed.count * (lanes - n) / lanes * 7 / 8)
                #expect(packed == product.pack(level, from: 0, step: 16))
                let file = lanes * k / sk_block_values(type) * sk_block_bytes(type)
                #expect(Double(packed.count) <= 1.06 * Double(file))
            }
        }
    }

    @Test func `sizes that do not fit the blocks have no packed form`() {
        for level in Self.levels {
            #expect(level.pointee.packed_bytes(sk_type(SK_Q4_0), 16, 33) == 0)
            #expect(level.pointee.packed_bytes(sk_type(SK_Q4_K), 16, 128) == 0)
            #expect(level.pointee.packed_bytes(99, 16, 256) == 0)
            for type in Self.types {
                #expect(level.pointee.activation_bytes(type, 256) % 64 == 0)
            }
        }
    }

    @Test(arguments: types)
    func `a value that is not finite reaches its own row only`(type: sk_type) {
        let k = Self.widths(type).last ?? 256
        for level in Self.levels {
            for value in [Float.nan, .infinity] {
                var product = Product(type: type, rows: 3, n: 17, k: k, seed: 4)
                let before = product.run(level)
                product.x[k + 1] = value
                let after = product.run(level)
                #expect(after[17..<34].allSatisfy { !$0.isFinite })
                #expect(after[..<17] == before[..<17])
                #expect(after[34...] == before[34...])
            }
        }
    }

    static var levels: [UnsafePointer<sk_kernels>] {
        (0..<sk_isa(SK_ISA_COUNT)).compactMap { sk_kernels_for($0) }
    }
}
