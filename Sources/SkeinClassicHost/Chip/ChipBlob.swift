public import SkeinClassic
internal import SkeinCore

/// A model as a chip keeps it, with samples to test it and what is known about its rounding.
public struct ChipBlob: Sendable {
    /// A name within the firmware.
    public let name: String
    /// The model's type in the firmware's Swift.
    public let typeName: String
    /// The kind.
    public let kind: BlobKind
    /// The numbers.
    public let numbers: BlobNumbers
    /// The bytes for flash, samples and expected results included.
    public let bytes: [UInt8]
    /// The memory that eight workers need at most.
    public let memoryBytes: Int
    /// How features become the chip's inputs.
    public let input: InputScale
    /// Parameters that did not fit.
    public let parameters: SaturationCount
    /// Features of the samples asked for that did not fit.
    public let inputs: SaturationCount
    /// The share of the samples asked for whose class is that of the same model in floats.
    public let agreement: Double
    /// The classes of the samples asked for.
    public let labels: [Int32]
    /// The classes of the test samples, by one worker on the host.
    public let expectedLabels: [Int32]
    /// The results of the test samples, as bits.
    public let expectedPatterns: [UInt64]

    /// Turns a model into a blob: fixed-point inputs span the ranges of `calibration`; `asked` is compared with
    /// floats, and its first `tests` samples become the self-test.
    public init(
        _ tables: ChipTables,
        name: String,
        width: Int,
        numbers: BlobNumbers,
        calibration: Table,
        asked: Table,
        tests: Int = 16
    ) throws {
        for table in [calibration, asked] where table.width != width || table.rows == 0 {
            throw SkeinError(
                .shapeMismatch,
                "\(table.rows) samples of \(table.width) features for a model of \(width); fixed point and"
                    + " self-test need at least one of the model's width"
            )
        }
        switch numbers {
        case .f32:
            self = try Maker<Float>(tables, name, width, calibration, asked, tests).blob()
        case .q15: self = try Maker<Q15>(tables, name, width, calibration, asked, tests).blob()
        case .q31: self = try Maker<Q31>(tables, name, width, calibration, asked, tests).blob()
        case .i8: self = try Maker<I8>(tables, name, width, calibration, asked, tests).blob()
        }
    }

    /// Runs every plan with one to eight workers here, as the firmware does on its chip: how many runs there were
    /// and how many results differ from those of one worker.
    public func mistakes() -> (runs: Int, mistakes: Int) {
        let check = ChipCheck(bytes)
        return switch numbers {
        case .f32: visitChip(kind, of: Float.self, check)
        case .q15: visitChip(kind, of: Q15.self, check)
        case .q31: visitChip(kind, of: Q31.self, check)
        case .i8: visitChip(kind, of: I8.self, check)
        }
    }

    fileprivate init<Scalar: ChipScalar>(_ maker: Maker<Scalar>, _ best: Candidate) {
        var writer = best.writer
        (name, kind, numbers) = (maker.name, maker.tables.kind, Scalar.numbers)
        typeName = chipTypeName(maker.tables.kind, of: Scalar.self)
        input = maker.input
        let result = maker.run(&writer)
        (expectedLabels, expectedPatterns) = (result.labels, result.patterns)
        writer[.outcomes] = result.patterns.count
        writer.add(result.labels, at: .expectedLabels)
        writer.add(result.outcomes, at: .expectedOutcomes)
        bytes = writer.finish()
        memoryBytes = visitChip(maker.tables.kind, of: Scalar.self, ChipMemory(bytes))
        (parameters, inputs) = (best.parameters, best.inputs)
        (labels, agreement) = (best.labels, best.agreement)
    }
}

/// One choice of the parameters' scale.
private struct Candidate {
    var writer: BlobWriter
    var parameters: SaturationCount
    var inputs: SaturationCount
    var labels: [Int32]
    var agreement: Double
}

/// Makes a blob in one kind of number.
private struct Maker<Scalar: ChipScalar> {
    let tables: ChipTables
    let name: String
    let width: Int
    let input: InputScale
    let calibration: Table
    let asked: Table
    let tests: Int

    init(
        _ tables: ChipTables,
        _ name: String,
        _ width: Int,
        _ calibration: Table,
        _ asked: Table,
        _ tests: Int
    ) throws {
        (self.tables, self.name, self.width) = (tables, name, width)
        (self.calibration, self.asked, self.tests) = (calibration, asked, max(tests, 1))
        guard width <= Scalar.maximumWidth else {
            throw SkeinError(
                .unsupported,
                "\(Scalar.name) sums up to \(Scalar.maximumWidth) features without overflow, got \(width)",
                hint: "export with wider numbers"
            )
        }
        guard let largest = Scalar.largest else {
            input = InputScale(width: width)
            return
        }
        var values = calibration.values
        var isCommon = true
        switch tables {
        case .cholesky:
            throw SkeinError(
                .unsupported,
                "a mixture with full covariances has no fixed-point kernel",
                hint: "fit it with --diagonal, or export f32"
            )
        case .linear, .gaussian, .forest: isCommon = false
        case .nearest(let samples, _, _, _): values += samples
        case .centre, .iteration: break
        }
        input = InputScale(fitting: values, width: width, largest: largest, isCommon: isCommon)
    }

    func blob() throws -> ChipBlob {
        let reference = floats(asked)
        guard Scalar.largest != nil else { return ChipBlob(self, candidate(0, asked, reference)) }
        var shift = 0
        switch tables {
        case .linear, .gaussian:
            let count = min(calibration.rows, 512)
            let few = calibration.taking((0..<count).map { $0 * calibration.rows / count })
            let wanted = floats(few)
            var best = -1.0
            // Room for constants that are too large, or precision for most at the cost of the largest.
            for trial in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, -1, -2, -3, -4, -6, -8] {
                let found = candidate(trial, few, wanted).agreement
                if found > best { (best, shift) = (found, trial) }
            }
        default: break
        }
        return ChipBlob(self, candidate(shift, asked, reference))
    }

    /// The classes that the model gives in floats.
    private func floats(_ table: Table) -> [Int32] {
        var quantizer = ChipQuantizer<Float>(tables, width: width, input: InputScale(width: width))
        var writer = quantizer.writer(table.values)
        return visitChip(tables.kind, of: Float.self, ChipRun(writer.finish())).labels
    }

    private func candidate(_ shift: Int, _ table: Table, _ wanted: [Int32]) -> Candidate {
        var quantizer = ChipQuantizer<Scalar>(tables, width: width, input: input)
        quantizer.shift = shift
        var inputs = SaturationCount()
        let samples = table.values.indices.map { index in
            input.encode(table.values[index], index % width, &inputs, as: Scalar.self)
        }
        var all = quantizer.writer(samples)
        let labels = run(&all).labels
        let equal = zip(labels, wanted).count { $0 == $1 }
        return Candidate(
            writer: quantizer.writer(Array(samples.prefix(tests * width))),
            parameters: quantizer.parameters,
            inputs: inputs,
            labels: labels,
            agreement: Double(equal) / Double(max(wanted.count, 1))
        )
    }

    func run(_ writer: inout BlobWriter) -> ChipResult {
        visitChip(tables.kind, of: Scalar.self, ChipRun(writer.finish()))
    }
}
