import SkeinClassic
import SkeinClassicHost
import SkeinCore
import SkeinTestSupport
import Testing

/// Models in fixed point, on the host.
@Suite struct FixedPointTests {
    static let numbers: [BlobNumbers] = [.q15, .q31, .i8]

    /// The imported model's blob for the digits.
    static func blob(
        _ digits: Digits,
        _ kind: ClassicKind,
        _ numbers: BlobNumbers,
        tests: Int = 16
    ) throws -> ChipBlob {
        try ChipBlob(
            try digits.model(kind).tables,
            name: "\(kind.rawValue).\(numbers)",
            width: 64,
            numbers: numbers,
            calibration: digits.fit.table,
            asked: digits.ask.table,
            tests: tests
        )
    }

    @Test(arguments: ClassicKind.allCases, numbers)
    func `digits keep their classes`(kind: ClassicKind, numbers: BlobNumbers) throws {
        let digits = try Digits()
        let blob = try Self.blob(digits, kind, numbers)
        // Pixels are integers up to 16: eight bits lose something of Gaussians only.
        #expect(blob.agreement >= (numbers == .i8 ? 0.97 : 0.99), "\(blob.agreement)")
        let float = try Self.blob(digits, kind, .f32)
        #expect(float.agreement == 1 && float.inputs.saturated == 0)
    }

    @Test(arguments: ClassicKind.allCases, numbers)
    func `plans and workers give the same bits`(kind: ClassicKind, numbers: BlobNumbers) throws {
        let blob = try Self.blob(Digits(), kind, numbers)
        let wrong = blob.mistakes()
        #expect(wrong.runs >= 16)
        #expect(wrong.mistakes == 0)
    }

    @Test(arguments: [BlobNumbers.f32, .q15, .q31, .i8])
    func `an iteration of K-means gives the same for any workers`(numbers: BlobNumbers) throws {
        let digits = try Digits()
        let blob = try ChipBlob(
            .iteration(Array(digits.fit.table.values.prefix(6 * 64))),
            name: "iteration",
            width: 64,
            numbers: numbers,
            calibration: digits.fit.table,
            asked: digits.ask.table,
            tests: 100
        )
        let wrong = blob.mistakes()
        // A copy of the sums for each worker, and one for all.
        #expect(wrong.runs == 16)
        #expect(wrong.mistakes == 0)
    }

    @Test func `means in fixed point are rounded to the nearest`() {
        for (total, count, mean) in [(7, 2, 4), (-7, 2, -4), (6, 4, 2), (-6, 4, -2), (5, 4, 1)] {
            #expect(Q15.mean(Int64(total), Int32(count)).bits == Int16(mean))
            #expect(I8.mean(Int32(total), Int32(count)).bits == Int8(mean))
        }
        let large = Int64(Int32.max) * 4_000_001
        #expect(Q31.mean(large, 4_000_001).bits == .max)
        #expect(Q31.mean(-large, 4_000_001).bits == -.max)
    }

    @Test func `what does not fit is saturated and counted`() throws {
        let fit = Table([0, 0, 10, 5], rows: 2, width: 2)
        let asked = Table([-40, 5, 10, 2, .nan, 5, .infinity, 0, 5, 7], rows: 5, width: 2)
        for numbers in Self.numbers {
            let blob = try ChipBlob(
                .linear(weights: [1, 0], biases: [-5]),
                name: "line",
                width: 2,
                numbers: numbers,
                calibration: fit,
                asked: asked
            )
            #expect(blob.inputs.values == 10)
            #expect(blob.inputs.saturated == 4, "\(numbers)")
            // Not-a-number counts as the middle of the range, which is 5.
            #expect(blob.labels == [0, 1, 0, 1, 0])
        }
        let constant = Table([3, 3], rows: 2, width: 1)
        let blob = try ChipBlob(
            .linear(weights: [2], biases: [-5]),
            name: "constant",
            width: 1,
            numbers: .q15,
            calibration: constant,
            asked: Table([3, 4], rows: 2, width: 1)
        )
        #expect(blob.inputs.saturated == 1 && blob.labels == [1, 1])
    }

    @Test func `widths, full covariances and missing samples are refused`() throws {
        let wide = Table([Float](repeating: 1, count: 9000), rows: 1, width: 9000)
        func make(_ tables: ChipTables, _ table: Table, _ numbers: BlobNumbers) throws {
            _ = try ChipBlob(
                tables,
                name: "x",
                width: table.width,
                numbers: numbers,
                calibration: table,
                asked: table
            )
        }
        let error = #expect(throws: SkeinError.self) {
            try make(.centre(wide.values), wide, .i8)
        }
        #expect(error?.message.contains("8192 features without overflow, got 9000") == true)
        try make(.centre(wide.values), wide, .q15)
        let one = Table([1], rows: 1, width: 1)
        let full = ChipTables.cholesky(means: [0], factors: [1], constants: [0])
        #expect(throws: SkeinError.self) { try make(full, one, .q15) }
        try make(full, one, .f32)
        let none = #expect(throws: SkeinError.self) {
            try make(.centre([1]), Table([], rows: 0, width: 1), .f32)
        }
        #expect(none?.code == .shapeMismatch)
    }
}
